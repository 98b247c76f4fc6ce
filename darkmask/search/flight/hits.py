"""What hits leave by chance in several integrations of a pixel, as those that were hit once tell."""

from functools import cache
from math import comb
from typing import NamedTuple

import numpy as np

from darkmask.search.maps.changes import HIGHEST_SIGMA

# Radiation may call so many pixels intermittent by chance, as a share of all: 4 of 4 million.
BY_CHANCE = 1e-6


@cache
def usual_second(integrations: int) -> float:
    """Return the median of the second largest distance of Gaussian values from their mean, in their sigma."""
    from scipy.special import betaincinv, ndtri

    if integrations < 3:
        return float("nan")
    # The second largest of n uniform values follows a beta distribution of n - 1 and 2.
    share = betaincinv(integrations - 1, 2, 0.5)
    return float(-ndtri((1 - share) / 2) * np.sqrt(1 - 1 / integrations))


class Hits(NamedTuple):
    """Good pixels with one integration alone that lies off: something hit them.

    Attributes
    ----------
    distances : numpy.ndarray, shape (n,)
        How far it lies off, decreasing.
    chances : int
        Number of integrations of good pixels.
    integrations : int
        Number of integrations of a pixel.
    """

    distances: np.ndarray
    chances: int
    integrations: int

    @classmethod
    def beyond(
        cls, limit: float, largest: np.ndarray, second: np.ndarray, good: np.ndarray, unit: float, integrations: int
    ) -> "Hits":
        """Return the hits of good pixels beyond a limit, of distances that are kept as whole numbers of a unit.

        Parameters
        ----------
        limit : float
        largest, second : numpy.ndarray, shape (y, x), int16
            The two largest distances of an integration of each pixel.
        good : numpy.ndarray, shape (y, x), bool
        unit : float
        integrations : int
        """
        least = np.int16(min(limit / unit, HIGHEST_SIGMA))
        once = largest[(largest > least) & (second <= least) & good]
        chances = max(int(np.count_nonzero(good)) * integrations, 1)
        return cls(np.sort(once)[::-1] * unit, chances, integrations)

    def reach(self, together: int, chance: float = BY_CHANCE) -> float:
        """Return how far off so many hits of one pixel all lie by that chance; 0 if nowhere beyond the limit."""
        share = (chance / comb(self.integrations, together)) ** (1 / together)
        allowed = int(share * self.chances)
        return float(self.distances[allowed]) if self.distances.size > allowed else 0.0
