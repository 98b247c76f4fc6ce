"""Find pixels that are flagged SATURATED though no well is full there: groups that tell of a hot pixel are lost so.

The saturation step flags by a reference file. With limits of another detector, or low ones at pixels that somebody
knew to be hot, ramps end after their first reads, and a search can say nothing of the pixel.
"""

from typing import NamedTuple

import numpy as np

from darkmask.delivery import OpenExposure, OpenSet
from darkmask.search.maps.layout import SATURATED

from .unsuspected import THIRD_OF_A_WELL

# The steps flag what lies around a full pixel, by one pixel (n_pix_grow_sat), and around the core of a snowball by some
# more (sat_expand), whatever it holds.
_GROWN = 5
# So many flagged pixels of an exposure are looked at, from the first row on: a snowball has some thousands.
_MOST = 30_000
# So many are named.
_NAMED = 1000


class Unfilled(NamedTuple):
    """Pixels of the integration that has most of those that are flagged and not full.

    Attributes
    ----------
    number, flagged : int
        How many there are, among how many whose flags begin after the first group.
    name : str
        Of the integration, as a sentence calls it.
    places : list of (int, int)
        x and y of some of them.
    """

    number: int
    flagged: int
    name: str
    places: list[tuple[int, int]]


def most_unfilled(opened: OpenSet, science: np.ndarray) -> Unfilled:
    """Return where most pixels are flagged SATURATED from a later group on that hold less than a third of a well.

    Parameters
    ----------
    opened : OpenSet
    science : numpy.ndarray, shape (y, x), bool

    Returns
    -------
    Unfilled
        Of several integrations with as many, the first by name. Pixels that are full from their first group on are not
        asked: of these the superbias may have taken nearly all. Neither are those around a full one.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    found = []
    for exposure in opened.chosen:
        numbers = [i for one, i in opened.planes if one is exposure]
        found += _of_exposure(exposure, numbers, science)
    return min(found, key=lambda one: (-one.number, one.name))


def _of_exposure(exposure: OpenExposure, integrations: list[int], science: np.ndarray) -> list[Unfilled]:
    """Return what each of some integrations of an exposure has."""
    last = exposure.shape[1] - 1
    flagged = np.logical_or.reduce([(exposure.group_flags(i, last) & SATURATED) != 0 for i in integrations])
    y, x = (places[:_MOST] for places in np.nonzero(flagged))
    sci, groupdq = exposure.ramps(y, x)
    return [_of_integration(sci[i], groupdq[i], y, x, science, exposure.name_of(i)) for i in integrations]


def _of_integration(
    sci: np.ndarray, groupdq: np.ndarray, y: np.ndarray, x: np.ndarray, science: np.ndarray, name: str
) -> Unfilled:
    """Return what the ramps (group, n) of the flagged pixels of an integration say."""
    from scipy.spatial import cKDTree

    marked = (groupdq & SATURATED) != 0
    begins = marked.argmax(axis=0)
    # A mean of several frames is flagged where one of its frames, or the next group, is full.
    following = np.minimum(begins + 1, len(sci) - 1)
    each = np.arange(y.size)
    with np.errstate(invalid="ignore"):
        empty = (sci[begins, each] < THIRD_OF_A_WELL) & (sci[following, each] < THIRD_OF_A_WELL)
    asked = marked.any(axis=0) & science[y, x]
    full = np.column_stack([y, x])[marked.any(axis=0) & ~empty]
    later = asked & (begins > 0)
    alone = np.flatnonzero(later & empty)
    if len(full) and alone.size:
        apart, _ = cKDTree(full).query(np.column_stack([y, x])[alone], p=np.inf, distance_upper_bound=_GROWN + 0.5)
        alone = alone[np.isinf(apart)]
    places = [(int(x[k]), int(y[k])) for k in alone[:_NAMED]]
    return Unfilled(int(alone.size), int(np.count_nonzero(later)), name, places)
