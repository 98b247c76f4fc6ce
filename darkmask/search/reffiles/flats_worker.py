"""Run ``bad_pixels()`` of jwst_reffiles once on flats, in the process and folder that :mod:`.flats` made for it."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from astropy.io import fits

from .darks_worker import MASK_NAME, RESULT_NAME


def run(job: dict) -> None:
    """Search, and write the result into the working directory.

    Parameters
    ----------
    job : dict
        ``flats``: absolute paths of slope files; ``keywords``: those of ``bad_pixels``.
    """
    # This imports Matplotlib and the pipeline too.
    from jwst_reffiles.bad_pixel_mask.bad_pixel_mask import bad_pixels

    bad_pixels(
        flat_slope_files=job["flats"],
        output_file=MASK_NAME,
        # The schema accepts these placeholders; the mask that is delivered is written elsewhere.
        useafter="2022-01-01T00:00:00",
        **job["keywords"],
    )
    with fits.open(MASK_NAME) as hdus:
        dq = hdus["DQ"].data.astype(np.uint32)
    np.savez(RESULT_NAME, dq=dq, version=np.array(version("jwst_reffiles")))


if __name__ == "__main__":
    run(json.loads(Path(sys.argv[1]).read_text()))
