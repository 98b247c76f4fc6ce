"""Tell which pixels of an amplifier differ between integrations, switch, are hot from some time on, or were bad."""

from operator import ge

import numpy as np

from .changing import DECAYS_IN_PATCH
from .noisy import NoisySearch

# Of two integrations that differ, nothing tells which one is off.
LEAST_COMPARED = 3
# In so many integrations a pixel that fills its well, and has no rate, is hot: a snowball that fills one leaves a rate
# before it, but where it falls into the first groups.
LEAST_FILLED = 2


class VaryingSearch(NoisySearch):
    """The naming of what changes in one amplifier; parameters are those of :class:`.CorrectedAmplifier`.

    Attributes
    ----------
    varying, switching, sometimes_hot : numpy.ndarray, bool
        See :class:`.categories.FlightResult`.
    alone : int
        Number of pixels with one integration alone that lies off.
    """

    varying: np.ndarray
    switching: np.ndarray
    sometimes_hot: np.ndarray
    alone: int

    def _changes(self, judged, without_rate, unlooked, trend, quiet, loud) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Set what varies and switches; return what is hot from some integration on, what is over, what passes."""
        if self.integrations < LEAST_COMPARED:
            self.alone, nowhere = 0, np.zeros((6, *judged.shape), bool)
            self.varying, self.switching, self.sometimes_hot = nowhere[:3]
            return nowhere[3], nowhere[4], nowhere[5]
        changing, good = self.changing, judged & ~unlooked & ~self.unstable
        at, distance, limit, self.alone = changing.beyond(judged, unlooked)
        # Jumps take the larger differences of a restless pixel out of its noise, and its rates still have them. And
        # whatever all pixels of a column do in an integration is none of theirs.
        own = np.where(self.unstable[at], np.fmax(loud[at] / quiet[at], 1), 1)
        distance = (distance / (own * self.of_column(self.columns.restless, at))).astype(np.float32)
        asked = judged | without_rate
        varying = asked & self._image(at, self._test("varies", distance, ge, limit, asked[at], at=at))
        at = self._at(judged & (self.maps.saturated_last >= LEAST_FILLED))
        filled = np.minimum(self.maps.saturated_last[at], self.integrations - self.maps.finite[at])
        fills = judged & self._image(at, self._test("fills", filled, ge, LEAST_FILLED, judged[at], at=at))
        varying |= fills
        noise_of_all = np.sqrt(self.noise_of_all**2 + self.columns.with_jumps)
        at, depth, by_chance = changing.switches(good, noise_of_all, self.signal)
        switching = good & self._image(at, self._test("switches", depth, ge, by_chance, good[at], at=at))
        at, distance, far = changing.levels(good, self.noise_of_good)
        switching |= good & self._image(at, self._test("levels", distance, ge, far, good[at], at=at))
        at = self._at(varying)
        high = np.nan_to_num(changing.rows.high[at]) * np.float32(self.detector.gain)
        hot = self._image(
            at, self._test("high_state", high, ge, self.parameters.hot_rate, varying[at], at=at) & varying[at]
        )
        hot |= fills
        # What is hot where it has no rate, in both integrations of an exposure perhaps, has that not in its trend.
        hidden = self.integrations - self.maps.finite >= LEAST_FILLED
        faded = varying & self.patch & (trend <= -self.parameters.trend_significance) & ~hidden
        over = varying & ~faded & self._image(at, changing.over(at))
        lasting = hot & ~faded & self._image(at, changing.lasting(at))
        transient = faded | over | (judged & self.patch & (trend <= -DECAYS_IN_PATCH))
        self.varying = varying & ~faded & ~over & ~lasting
        self.switching = switching & ~faded & ~over & ~lasting
        self.sometimes_hot = hot & self.varying
        return lasting, over, transient
