"""Measure how the rates of pixels scatter between integrations, and in how many of these pixels jump by themselves."""

from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np

from darkmask.search.maps.changes import SIGMA_UNIT

from .changing import COUPLED, ROWS_OF_SCATTER, ChangeSearch
from .falls import least_jumping
from .noises import rate_sigma
from .robust import population

# Of fewer integrations, without the two farthest, chance makes any scatter.
LEAST_SCATTERED = 8


class ScatterSearch(ChangeSearch):
    """The judgement of changes, with those that are no change from one state to another."""

    def scattered(self, good: np.ndarray) -> tuple[Any, np.ndarray, float, float]:
        """Return how the rates of pixels scatter between integrations, in units of what their noise makes them.

        The two integrations that lie farthest off do not count: radiation and what comes and goes have tests of their
        own.

        Parameters
        ----------
        good : numpy.ndarray, bool
            Pixels that tell how rates scatter.

        Returns
        -------
        at : index of an image
            The pixels that may be beyond the limit.
        spread : numpy.ndarray, float32
            Their scatter, without what neighbours couple into them; 0 where it tells nothing.
        centre, sigma : float
            Of the cube root of the square of this in good pixels, which is Gaussian far into the tail.
        """
        some = np.s_[:: max(1, len(good) // ROWS_OF_SCATTER)]
        spread = self.rows.spread[some].astype(np.float32)
        centre, sigma = population(np.cbrt(spread * spread), good[some])
        asked = self.integrations >= LEAST_SCATTERED and sigma > 0
        least = (centre + self.parameters.scatter_significance * sigma) ** 1.5 if asked else np.inf
        at = self._reaching(self.rows.spread, least)
        spread = self.rows.spread[at].astype(np.float32)
        if not asked:
            return at, np.zeros_like(spread), 1.0, 1.0
        own = spread * np.float32(SIGMA_UNIT) * rate_sigma(self.maps, at, self._tgroup, self.detector.gain)
        share = 1 - self._coupled(self._whole.rate_scatter, at, self._states_apart) / own
        return at, spread * np.clip(np.nan_to_num(share), 0, 1), centre, sigma

    def _states_apart(self, at: Any) -> np.ndarray:
        """Return half of the distance of the two states of pixels of the set, DN/s; 0 where there is one."""
        rows = self.changes.rows
        apart: np.ndarray = np.nan_to_num(rows.high[at] - rows.low[at]) / 2
        return apart

    def coupled_steps(self, at: Any) -> np.ndarray:
        """Return what the largest steps of their four neighbours may couple into pixels at an index, float32, DN."""
        # A step is no larger than what makes all of the scatter of a ramp.
        return self._coupled(self._whole.scatter, at) * np.float32(np.sqrt(max(self.maps.groups - 1, 1)))

    def _coupled(self, image: np.ndarray, at: Any, least: Callable[[Any], np.ndarray] | None = None) -> np.ndarray:
        """Return what the four neighbours have of an image of the set, or ``least`` if that is more, as it couples."""
        y, x = np.indices(self.rows.spread.shape) if at is np.s_[...] else at
        total = np.zeros(y.shape, np.float32)
        for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            # No neighbour beyond the frame couples more than the pixel itself would.
            there = np.clip(y + dy, 0, len(image) - 1), np.clip(x + self._columns.start + dx, 0, image.shape[1] - 1)
            value = np.nan_to_num(image[there])
            total += value if least is None else np.fmax(value, least(there))
        return total * np.float32(COUPLED * self._coupling)

    def jumping(self, good: np.ndarray) -> int:
        """Return in how many integrations radiation hardly ever makes a pixel jump.

        Their chance is a tenth of that of a scatter of rates, since hits come in showers too.
        """
        chance = NormalDist().cdf(-self.parameters.scatter_significance) / 10
        some = np.s_[:: max(1, len(good) // ROWS_OF_SCATTER)]
        return least_jumping(self.rows.stepped[some][good[some]], self.integrations, chance)
