"""What is said of pixels that turned hot or good between the halves of a set, for whoever reads what a search found.

Whoever finds them (:mod:`darkmask.build.drift`) works on maps, with which the kernels of a search are loaded.
"""

import numpy as np

from darkmask.core.categories import Category, in_category
from darkmask.core.flags import FlagTable

# With fewer integrations a half is one, and what it shows may be radiation.
LEAST_INTEGRATIONS = 4
NEW, GONE = 1, -1


def passing(categories: np.ndarray, changed: np.ndarray, flags: FlagTable) -> np.ndarray:
    """Return what is told and gets no flag, since it is over or will be: light that decays, and healed pixels.

    Parameters
    ----------
    categories : numpy.ndarray, shape (y, x), uint16
    changed : numpy.ndarray, shape (y, x), int8
        See :class:`darkmask.build.drift.Drift`: what became hot does not decay.
    flags : FlagTable

    Returns
    -------
    numpy.ndarray, shape (y, x), bool
    """
    return in_category(categories, Category.TRANSIENT) & ~flags.unusable(categories) & (changed != NEW)
