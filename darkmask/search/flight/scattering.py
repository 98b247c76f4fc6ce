"""Measure how the rates of pixels scatter between integrations, and in how many of these pixels jump by themselves."""

from collections.abc import Iterator
from statistics import NormalDist
from typing import Any

import numpy as np

from darkmask.search.maps.changes import SIGMA_UNIT, ChangeRows

from .changing import COUPLED, ROWS_OF_SCATTER, ChangeSearch
from .falls import least_jumping
from .noises import rate_sigma
from .robust import population

# Of fewer integrations, without the two farthest, chance makes any scatter.
LEAST_SCATTERED = 8
NEIGHBOURS = ((-1, 0), (1, 0), (0, -1), (0, 1))


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
        share = 1 - self._coupled(at, "rate_scatter", "high", "low") / own
        # What fills its well in some integrations has no rate there, and couples what a well holds.
        share = np.where(self._beside_filled(at), 0, share)
        return at, spread * np.clip(np.nan_to_num(share), 0, 1), centre, sigma

    def coupled_steps(self, at: Any) -> np.ndarray:
        """Return what the largest steps of their four neighbours may couple into pixels at an index, float32, DN."""
        # A step is no larger than what makes all of the scatter of a ramp.
        return self._coupled(at, "scatter") * np.float32(np.sqrt(max(self.maps.groups - 1, 1)))

    def _beside_filled(self, at: Any) -> np.ndarray:
        """Return whether a neighbour fills its well and has no rate in some integrations, bool, of an index."""
        any_of: Any = np.False_
        for beside in self._beside(at):
            without = self.integrations - self._of_set("finite", beside)
            any_of = any_of | (np.minimum(self._of_set("saturated_last", beside), without) > 0)
        filled: np.ndarray = any_of
        return filled

    def beside_unknown(self, at: Any, least: float) -> np.ndarray:
        """Return how many of their four neighbours fill their wells before they have a rate, of pixels at an index.

        Parameters
        ----------
        at : index of an image
        least : float
            In so many integrations a neighbour ends saturated. One that is so from the first group on couples nothing.
        """
        total: Any = np.int8(0)
        for beside in self._beside(at):
            full = (self._of_set("saturated_last", beside) >= least) & (self._of_set("saturated_first", beside) == 0)
            total = total + (full & (self._of_set("finite", beside) == 0)).astype(np.int8)
        number: np.ndarray = total
        return number

    def _coupled(self, at: Any, name: str, *states: str) -> np.ndarray:
        """Return what the four neighbours have of a map, or half the distance of two if that is more, as it couples."""
        total: Any = np.float32(0)
        for beside in self._beside(at):
            value = np.nan_to_num(self._of_set(name, beside))
            if states:
                high, low = (self._of_set(state, beside) for state in states)
                value = np.fmax(value, np.nan_to_num(high - low) / 2)
            total = total + value
        coupled: np.ndarray = total * np.float32(COUPLED * self._coupling)
        return coupled

    def _beside(self, at: Any) -> Iterator[Any]:
        """Yield where in the set the four neighbours of pixels at an index lie.

        No neighbour beyond the frame couples more than the pixel itself would.
        """
        y, x = np.indices(self.rows.spread.shape) if at is np.s_[...] else at
        height, width = self._whole.rate.shape
        for dy, dx in NEIGHBOURS:
            yield np.clip(y + dy, 0, height - 1), np.clip(x + self._columns.start + dx, 0, width - 1)

    def _of_set(self, name: str, where: Any) -> np.ndarray:
        """Return a map of the set at some places."""
        maps = self.changes.rows if name in ChangeRows._fields else self._whole
        some: np.ndarray = getattr(maps, name)[where]
        return some

    def jumping(self, good: np.ndarray) -> int:
        """Return in how many integrations radiation hardly ever makes a pixel jump.

        Their chance is a tenth of that of a scatter of rates, since hits come in showers too.
        """
        chance = NormalDist().cdf(-self.parameters.scatter_significance) / 10
        some = np.s_[:: max(1, len(good) // ROWS_OF_SCATTER)]
        return least_jumping(self.rows.stepped[some][good[some]], self.integrations, chance)
