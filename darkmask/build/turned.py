"""What is said of pixels that turned hot or good between the halves of a set, for whoever reads what a search found.

Whoever finds them (:mod:`darkmask.build.drift`) works on maps, with which the kernels of a search are loaded.
"""

from collections.abc import Sequence

import numpy as np

from darkmask.core.categories import Category, in_category
from darkmask.core.flags import FlagTable
from darkmask.search.flight.light import Light, in_patches

# With fewer integrations a half is one, and what it shows may be radiation.
LEAST_INTEGRATIONS = 4
NEW, GONE = 1, -1


def passing(categories: np.ndarray, changed: np.ndarray, flags: FlagTable, lights: Sequence[Light] = ()) -> np.ndarray:
    """Return what is told and gets no flag, since it is over or will be: light that decays, and healed pixels.

    Parameters
    ----------
    categories : numpy.ndarray, shape (y, x), uint16
    changed : numpy.ndarray, shape (y, x), int8
        See :class:`darkmask.build.drift.Drift`: what became hot does not decay, unless light that began within the
        delivery explains it.
    flags : FlagTable
    lights : sequence of Light
        Of the patches that the search found.

    Returns
    -------
    numpy.ndarray, shape (y, x), bool
    """
    became_hot = changed == NEW
    for light in lights:
        became_hot.ravel()[light.region[light.explains]] = False
    return in_category(categories, Category.TRANSIENT) & ~flags.unusable(categories) & ~became_hot


def good_again(categories: np.ndarray, lights: Sequence[Light]) -> np.ndarray:
    """Return the pixels that were bad in earlier epochs, and are good in the whole of the last one; bool (y, x).

    Parameters
    ----------
    categories : numpy.ndarray, shape (y, x), uint16
    lights : sequence of Light
        Of the patches that the search found: what decays there is no pixel that healed.
    """
    good: np.ndarray = in_category(categories, Category.TRANSIENT) & ~in_patches(categories.shape, lights)
    return good
