"""Measure clipped mean and scatter of first groups by jwst_reffiles, in a process of its own.

The functions of ``jwst_reffiles.superbias`` are called one by one, as its ``make_superbias()`` does. That function
reads whole ramps, although only one group of each is used, and its file keeps no UNRELIABLE_BIAS: it names a bit so
that is SATURATED to the pipeline's data model, which drops it.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from astropy.io import fits

RESULT_NAME = "result.npz"
# The bit of UNRELIABLE_BIAS in the DQ_DEF that the package writes beside its DQ; DO_NOT_USE is 1.
UNRELIABLE_BIAS = 2


def run(job: dict) -> None:
    """Measure, and write the result into the working directory.

    Parameters
    ----------
    job : dict
        ``paths``: absolute paths of ``_uncal`` files of one shape.
    """
    from jwst_reffiles.superbias.superbias import calculate_mean, calculate_stddev, find_unreliable_bias_pixels

    stack = np.stack([first_group(Path(path)) for path in job["paths"]])
    mean = calculate_mean(stack).filled(np.nan)
    scatter = calculate_stddev(stack).filled(np.nan)
    unreliable = (find_unreliable_bias_pixels(scatter) & UNRELIABLE_BIAS) != 0
    np.savez(RESULT_NAME, mean=mean, scatter=scatter, unreliable=unreliable, version=np.array(version("jwst_reffiles")))


def first_group(path: Path) -> np.ndarray:
    """Return group 0 of integration 0, float64 (y, x), DN."""
    with fits.open(path) as hdus:
        # A section is read alone, with its BZERO; ``.data`` would read the whole ramp.
        return hdus["SCI"].section[0, 0].astype(np.float64)


if __name__ == "__main__":
    run(json.loads(Path(sys.argv[1]).read_text()))
