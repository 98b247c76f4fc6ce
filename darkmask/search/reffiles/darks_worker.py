"""Run ``bad_pixels()`` of jwst_reffiles once, in the process and folder that :mod:`.reffiles` made for it.

It has a process of its own, because the package changes the lists that it is given, writes five files into the working
directory, and keeps some GB until the process ends.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from astropy.io import fits

from darkmask.core.categories import Category, pack_categories
from darkmask.core.flags import pixel_flags

# Extensions of ``_from_darks.fits``, with one image of the science area each. NOISY_AND_CRS, RC_FROM_PED and
# RC_FROM_JUMPS say nothing that these do not.
EXTENSIONS = {
    "SATURATED": Category.SATURATED,
    "RC": Category.RC,
    "LOW_PEDESTAL": Category.LOW_PEDESTAL,
    "NOISY": Category.NOISY,
    "MANY_CRS": Category.TELEGRAPH,
}
MASK_NAME = "mask.fits"
RESULT_NAME = "result.npz"


def run(job: dict) -> None:
    """Search, and write the result beside the mask, in the working directory.

    Parameters
    ----------
    job : dict
        ``jump``, ``fitopt``, ``rate``: lists of absolute paths; ``keywords``: those of ``bad_pixels``.
    """
    # This imports Matplotlib and the pipeline too.
    from jwst_reffiles.bad_pixel_mask.bad_pixel_mask import bad_pixels

    bad_pixels(
        dark_slope_files=job["rate"],
        dark_jump_files=job["jump"],
        dark_fitopt_files=job["fitopt"],
        output_file=MASK_NAME,
        # The schema accepts these placeholders; the mask that is delivered is written elsewhere.
        useafter="2022-01-01T00:00:00",
        **job["keywords"],
    )
    with fits.open(MASK_NAME) as hdus:
        dq = hdus["DQ"].data.astype(np.uint32)
    rows, columns = science_area(Path(job["rate"][-1]))
    categories = np.zeros(dq.shape, dtype=np.uint16)
    with fits.open(MASK_NAME.replace(".fits", "_from_darks.fits")) as hdus:
        maps = {category: hdus[name].data != 0 for name, category in EXTENSIONS.items()}
    categories[rows, columns] = pack_categories(maps)
    np.savez(RESULT_NAME, categories=categories, dq=dq, version=np.array(version("jwst_reffiles")))


def science_area(rate: Path) -> tuple[slice, slice]:
    """Return rows and columns of the bounding box of the science pixels.

    Parameters
    ----------
    rate : Path
        ``_rate`` or ``_rateints`` file, whose first integration counts. The package crops by the last exposure's.

    Returns
    -------
    rows, columns : slice
    """
    with fits.open(rate) as hdus:
        dq = hdus["DQ"].data
        first = dq[0] if dq.ndim == 3 else dq
        y, x = np.nonzero((first & pixel_flags()["REFERENCE_PIXEL"]) == 0)
    return slice(int(y.min()), int(y.max()) + 1), slice(int(x.min()), int(x.max()) + 1)


if __name__ == "__main__":
    run(json.loads(Path(sys.argv[1]).read_text()))
