"""Simulate exposures as the archive serves darks: raw counts, before any step."""

from pathlib import Path

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.pipeline.steps import save_dated

from .headers import FILE_DATE, ExposureName, fill_headers
from .ramps import simulate_ramps
from .references import SUPERBIAS
from .spec import SimulationSpec, Subarray


def make_uncal(
    folder: Path, spec: SimulationSpec, properties: Detector, subarray: Subarray | None, name: ExposureName
) -> None:
    """Simulate one exposure and write its ``_uncal`` file: the ramps on a superbias, in whole counts.

    Parameters
    ----------
    folder : Path
    spec : SimulationSpec
    properties : Detector
    subarray : Subarray or None
        None for the full frame.
    name : ExposureName

    Notes
    -----
    Reference pixels share the drift of their output and nothing else: no 1/f noise is simulated.
    """
    from stdatamodels.jwst import datamodels

    ramps = simulate_ramps(spec, properties, subarray, name.exposure)
    ramps += np.float32(SUPERBIAS)
    counts = np.clip(np.rint(ramps, out=ramps), 0, np.iinfo(np.uint16).max).astype(np.uint16)
    del ramps
    model = datamodels.Level1bModel(data=counts)
    fill_headers(model, spec, properties, subarray, name)
    model.meta.cal_step = None
    model.extra_fits = {"PRIMARY": {"header": [["SIMULATD", True, "simulated by darkmask: not for delivery"]]}}
    save_dated(model, Path(folder) / name.file_name("uncal"), FILE_DATE, validate=False)
