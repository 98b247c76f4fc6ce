"""Find pixels whose reads do not change any more: of which one group repeats another, to the last digit.

Noise never does that. A ramp that is frozen from its middle on has half of its noise and half of its rate, which is
what a good pixel may have.
"""

from collections.abc import Sequence

import numpy as np

from darkmask.core.statistics import binomial_at_least
from darkmask.delivery import OpenExposure
from darkmask.search.maps.layout import DO_NOT_USE, SATURATED

from .unsuspected import BY_CHANCE, places_told

# Integrations of which all pixels are compared: one that is frozen in most is so in one of these. The others are asked
# of what repeats in these.
_ALL_PIXELS = 3
# Whole counts of a noise of 2 repeat in a seventh of all pixels, steps of half of the noise in a fifth; where nearly as
# many do as an amplifier has, that is no chance.
_MOST_BY_CHANCE = 0.24


def frozen_pixels(planes: Sequence[tuple[OpenExposure, int]], good: np.ndarray) -> list[tuple[int, int]]:
    """Return which good pixels repeat a read in more integrations than chance allows.

    Parameters
    ----------
    planes : sequence of (OpenExposure, int)
        Each integration of a set, with its exposure.
    good : numpy.ndarray, shape (y, x), bool

    Returns
    -------
    list of (int, int)
        x and y, ``MOST_TOLD`` at most. Compared are the last two groups, which cost as much as a thousandth of the
        ramps. Reads in whole counts repeat by chance: as often as those of all good pixels do.
    """
    number, groups = len(planes), planes[0][0].shape[1] if planes else 0
    if groups < 2:
        return []
    places = sorted({round(share * (number - 1)) for share in np.linspace(0, 1, _ALL_PIXELS)})
    same = [planes[place][0].repeats(planes[place][1], groups - 1) & good for place in places]
    share = float(np.median([np.count_nonzero(one) for one in same])) / max(good.sum(), 1)
    by_chance = max(share if share <= _MOST_BY_CHANCE else 0.0, 1 / good.size)
    y, x = np.nonzero(np.logical_or.reduce(same))
    needed, repeated = _needed(number, by_chance), np.zeros(y.size, int)
    if not y.size or needed > number:
        return []
    for exposure in dict.fromkeys(exposure for exposure, _ in planes):
        sci, flags = exposure.ramps(y, x, np.array([groups - 2, groups - 1]))
        usable = ((flags[:, -2:] & (SATURATED | DO_NOT_USE)) == 0).all(axis=1)
        repeated += ((sci[:, 0] == sci[:, 1]) & usable)[[i for of, i in planes if of is exposure]].sum(axis=0)
    frozen = repeated >= needed
    return places_told(y[frozen], x[frozen])


def _needed(number: int, share: float) -> int:
    """Return in how many of some integrations chance repeats a read in no pixel; more than there are where it may."""
    several = range(2, number + 1)
    return next((count for count in several if binomial_at_least(count, number, share) < BY_CHANCE), number + 1)
