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
# So many flagged pixels of an exposure are looked at, from the first row on: a snowball has some thousands. Flags of a
# hundred groups of so many take 40 MB.
_MOST = 200_000
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
    marked = (exposure.groupdq(y, x) & SATURATED) != 0
    return [_of_integration(exposure, i, marked[i], y, x, science[y, x]) for i in integrations]


def _of_integration(
    exposure: OpenExposure, i: int, marked: np.ndarray, y: np.ndarray, x: np.ndarray, science: np.ndarray
) -> Unfilled:
    """Return what the pixels of an integration say whose flags (group, n) tell of a full well in some exposure."""
    from scipy.spatial import cKDTree

    ever = marked.any(axis=0)
    marked, y, x, asked = marked[:, ever], y[ever], x[ever], science[ever]
    begins = marked.argmax(axis=0)
    # A mean of several frames is flagged where one of its frames, or the next group, is full.
    following = np.minimum(begins + 1, len(marked) - 1)
    with np.errstate(invalid="ignore"):
        levels = np.fmax(*(exposure.signals(i, groups, y, x) for groups in (begins, following)))
        empty = levels < THIRD_OF_A_WELL
    full = np.column_stack([y, x])[~empty]
    later = asked & (begins > 0)
    alone = np.flatnonzero(later & empty)
    if len(full) and alone.size:
        apart, _ = cKDTree(full).query(np.column_stack([y, x])[alone], p=np.inf, distance_upper_bound=_GROWN + 0.5)
        alone = alone[np.isinf(apart)]
    places = [(int(x[k]), int(y[k])) for k in alone[:_NAMED]]
    return Unfilled(int(alone.size), int(np.count_nonzero(later)), exposure.name_of(i), places)
