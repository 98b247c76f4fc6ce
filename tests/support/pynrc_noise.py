"""Ramps of H2RG detectors from code that is not ours: ``sim_noise_data`` and ``gen_dark_ramp`` of pynrc.

pynrc itself needs gigabytes of data files of stpsf before it can be imported. Its functions for noise need numpy alone:
they are read out of its files, and run here as they stand there.
"""

import ast
import warnings
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from darkmask.core.detectors import Detector

FUNCTIONS = {
    "simul/ngNRC.py": ("fft_noise", "pink_noise", "sim_noise_data", "gen_dark_ramp"),
    "nrc_utils.py": ("do_fft",),
}
# Seconds for a pixel, columns of a line and lines of a frame that are not read (JDox NIRCam Detector Readout).
PIXEL_TIME, LINE_OVERHEAD, EXTRA_LINES = 1.0e-5, 12, 1


@cache
def pynrc_functions() -> dict[str, Callable]:
    """Return pynrc's functions by name; the test is skipped where it is not installed."""
    # Looking a package up does not import it.
    found = find_spec("pynrc")
    if found is None or found.origin is None:
        pytest.skip("pynrc is not installed: pip install --no-deps pynrc==2.0.1")
    names = {"np": np, "trange": lambda count, **_: range(count), "_MKLFFT_AVAILABLE": False}
    for file, wanted in FUNCTIONS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # labels of its plots hold a backslash that is no escape
            tree = ast.parse((Path(found.origin).parent / file).read_text(encoding="utf-8"))
        chosen = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in wanted]
        assert {node.name for node in chosen} == set(wanted)
        for node in chosen:
            # What they import within pynrc is found among `names`, or is for options that we do not use.
            node.body = [line for line in node.body if not isinstance(line, ast.Import | ast.ImportFrom)]
        exec(compile(ast.Module(chosen, []), file, "exec"), names)
    return {name: names[name] for wanted in FUNCTIONS.values() for name in wanted}


def ramp(properties: Detector, frame: int, border: int, groups: int, seed: int) -> np.ndarray:
    """Return one integration of a dark full frame, in RAPID.

    Returns
    -------
    numpy.ndarray, shape (group, y, x), float32, DN
        Reset noise of 29 e-, dark current with its shot noise, read noise (less in reference pixels), 1/f noise of 3 e-
        common to the outputs and 1 e- of each, alternating columns of 0.75 e-.
    """
    functions = pynrc_functions()
    outputs = SimpleNamespace(
        nout=4,
        xpix=frame,
        ypix=frame,
        chsize=frame // 4,
        multiaccum=SimpleNamespace(nd1=0, nd2=0, nf=1, ngroup=groups),
        ref_info=[border] * 4,
        same_scan_direction=False,
        reverse_scan_direction=False,
        _line_overhead=LINE_OVERHEAD,
        _extra_lines=EXTRA_LINES,
        _pixel_rate=1 / PIXEL_TIME,
    )
    noise = functions["sim_noise_data"](
        outputs,
        rd_noise=[properties.read_noise * properties.gain] * 4,
        u_pink=[1.0] * 4,
        c_pink=3.0,
        acn=0.75,
        rand_seed=seed,
        verbose=False,
    )
    charge = functions["gen_dark_ramp"](properties.dark, noise.shape, rand_seed=seed + 1)
    charge += np.random.default_rng(seed + 2).normal(0.0, 29.0, noise.shape[1:])
    for edge in (np.s_[:border], np.s_[-border:]):
        charge[:, edge] = 0.0
        charge[:, :, edge] = 0.0
    return ((noise + charge) / properties.gain).astype(np.float32)
