"""Find the pixels of an amplifier whose mean rate is significantly above, or below, that of the others."""

from operator import ge, le, lt
from typing import Any

import numpy as np

from darkmask.search.maps.stacks import SLOPE_SHOT

from .changing import usual
from .compared import NEARLY, ComparedAmplifier
from .coupling import COUPLING_TOLERANCE
from .noises import median_error
from .patches import above_patches
from .robust import population

# At this many sigma above its threshold, 98 % of the pixels of a rate are detected.
RECOVERY = 2.054


class BrightSearch(ComparedAmplifier):
    """The search for bright pixels in one amplifier; parameters are those of :class:`.CorrectedAmplifier`.

    Attributes
    ----------
    centre : float, DN/s
        Usual rate; NaN before the search.
    judged : numpy.ndarray, bool
        What was judged to the end; set by :meth:`.AmplifierSearch.search`.
    """

    judged: np.ndarray
    centre = float("nan")

    def limits(self) -> tuple[float, float]:
        """Return the rates, DN/s, that half and 98 % of typical pixels are detected at; NaN if none is judged."""
        if not self.judged.any():
            return float("nan"), float("nan")
        error = _median(self.error(np.s_[...])[self.judged])
        significance = self.parameters.hot_significance
        return self.centre + significance * error, self.centre + (significance + RECOVERY) * error

    def _ratio(self, at: Any) -> np.ndarray:
        """Return the noise of the pixels at an index in units of the expected one, of restless ones with jumps."""
        quiet, loud, restless = self._noises
        return np.where(restless[at], np.fmax(quiet[at], loud[at]), quiet[at])

    def _bright(self, judged, noises, unsteady) -> tuple[np.ndarray, np.ndarray]:
        """Return the pixels with a mean rate significantly above, and below, the others."""
        maps, parameters = self.maps, self.parameters
        self.centre, _ = population(self.rate, judged)
        # Glow and gradients are no pixel's own. Where they are warm themselves, so are the pixels, and no more is taken
        # off than what is not yet warm.
        most = np.float32(self.centre + parameters.warm_rate / self.detector.gain)
        dark = np.minimum(self.dark, most)
        # By read noise the error of a rate goes as the inverse root of the weight of its ramps. A cosmic ray, which
        # cuts a ramp in two, so costs its own pixel some significance and no other.
        root_weight = np.sqrt(maps.weight)
        weighted = self.rate - dark
        weighted *= root_weight
        _, self._unit = population(weighted, judged)
        self._noises, self._unsteady = noises, unsteady
        # No other error is less than that of a good pixel.
        least = np.float32(NEARLY * parameters.hot_significance * self._unit)
        far = weighted >= least
        # One image takes the place of the other.
        np.subtract(self.rate, np.minimum(dark, 0, out=weighted), out=weighted)
        weighted *= root_weight
        far |= weighted <= -least
        del weighted, root_weight
        at = self._at(judged & far)
        asked, rate, dark = judged[at], self.rate[at], dark[at]
        # A significant mean of the stack includes every rate that is significant in three quarters of the integrations.
        limit = np.float32(parameters.hot_significance) * self.error(at)
        limit += np.float32(COUPLING_TOLERANCE) * np.abs(self.coupled_rate[at])
        # A falling signal lies below zero, and not only below the dark current of the others.
        below = rate - np.minimum(dark, 0)
        detected = asked & self._test("detected", rate - dark, ge, limit, asked, at=at)
        # A faint telegraph pixel may end lower than it began: its rates scatter more than its noise tells.
        own = median_error(maps.rate_scatter[at], self.integrations)
        lowest = -np.fmax(limit, np.float32(parameters.hot_significance) * own)
        below_nothing = asked & self._test("below", below, le, lowest, asked, at=at)
        sinking = below_nothing & self._test("sinking", maps.change[at], lt, 0, below_nothing, at=at)
        return self._image(at, detected), self._image(at, sinking)

    def error(self, at: Any) -> np.ndarray:
        """Return the error of the mean rate of the pixels at an index, float32, DN/s; after :meth:`search`."""
        maps = self.maps
        time = self.tgroup * max(self.groups - 1, 1)
        shot = np.float32(SLOPE_SHOT / (self.detector.gain * time * self.integrations * self.tgroup)) * self.signal[at]
        sigma = np.sqrt((np.float32(self._unit) / np.sqrt(maps.weight[at]) * self._ratio(at)) ** 2 + shot)
        # If a pixel switches, or jumps cut its ramp into pieces with slopes of their own, the scatter of its rates
        # gives the error.
        own = median_error(maps.rate_scatter[at], self.integrations)
        sigma = np.where(self._unsteady[at], np.fmax(sigma, own), sigma)
        return np.fmax(sigma, self.of_column(self.columns.rate_error, at))

    def _late(self, judged, asked) -> np.ndarray:
        """Return where the rate of the late half stands out by itself, or, in a patch, out of its surroundings."""
        at = self._at(asked)
        if not asked[at].size:
            return asked
        centre, sigma = usual(self.late, judged & ~self.patch)
        above = self.late - np.float32(centre)
        if self.patch.any():
            above = self._above_patches(above, judged, sigma)
        late, above, ratio = self.late[at], above[at], self._ratio(at)
        time = self.tgroup * max(self.groups - 1, 1) * self.tgroup * max(self.integrations - self.integrations // 2, 1)
        shot = np.float32(SLOPE_SHOT / (self.detector.gain * time)) * np.clip(late, 0, None) * np.float32(self.tgroup)
        limit = np.float32(self.parameters.late_significance) * np.sqrt((np.float32(sigma) * ratio) ** 2 + shot)
        return self._image(at, self._test("late_rate", above, ge, limit, asked[at], at=at))

    def _above_patches(self, above: np.ndarray, judged: np.ndarray, sigma: float) -> np.ndarray:
        return above_patches(above, judged, self.patch, sigma)


def _median(values: np.ndarray) -> float:
    """Return what ``numpy.median`` does; to sort float32 takes a third of the time of a partition."""
    ordered = np.sort(values)
    middle = ordered.size // 2
    return float(ordered[middle] if ordered.size % 2 else (ordered[middle - 1] + ordered[middle]) / 2)
