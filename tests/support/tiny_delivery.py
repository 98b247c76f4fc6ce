"""A small simulated delivery of two detectors and two exposures, and how to look into it."""

import numpy as np
from astropy.io import fits

from darkmask.core.categories import Category
from darkmask.core.window import Window
from darkmask.simulate import DemoPaths, SimulationSpec, Subarray, read_truth

SUBARRAY = Subarray("NRCBLONG", "SUB64P", Window(21, 31, 24, 24))
# Every category is more frequent than by default: a frame this small would hold only one or two of each.
TINY = SimulationSpec(
    frame=96,
    detectors=("NRCA1", "NRCBLONG"),
    subarrays=(SUBARRAY,),
    exposures=2,
    fractions={
        Category.SATURATED: 0.001,
        Category.HOT: 0.006,
        Category.WARM: 0.001,
        Category.RC: 0.002,
        Category.INVERSE_RC: 0.001,
        Category.TELEGRAPH: 0.002,
        Category.NOISY: 0.002,
        Category.LOW_PEDESTAL: 0.001,
    },
)


def product(paths: DemoPaths, detector_name: str, kind: str, extension: str, observation: int = 1) -> np.ndarray:
    """Return an array of all exposures, joined along the integrations."""
    name = f"jw01062{observation:03d}001_02101_{{:05d}}_{detector_name.lower()}_{kind}.fits"
    return np.concatenate([fits.getdata(paths.delivery / name.format(n), extension) for n in (1, 2)])


def positions(paths: DemoPaths, detector_name: str, category: Category):
    table = read_truth(paths.truth, detector_name)
    chosen = table[table["category"] == category.value]
    return np.array(chosen["y"]), np.array(chosen["x"]), np.array(chosen["strength"])
