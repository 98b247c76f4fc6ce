"""Name the noisy pixels of an amplifier: by their differences, the scatter of their rates, and how often they jump."""

from operator import ge, gt
from typing import Any

import numpy as np

from darkmask.search.maps.changes import OWN_JUMP

from .bright import BrightSearch
from .noises import least_noise, least_scatter

# A trend of so many times the scatter of the rates is no chance: what fades scatters, too.
_DECAYS = 2.0
# A pixel has its column's jumps and more, if it has so many times the root of their number more.
_MORE_JUMPS = 5.0


class NoisySearch(BrightSearch):
    """The naming of noisy pixels in one amplifier; parameters are those of :class:`.CorrectedAmplifier`.

    Attributes
    ----------
    unstable, noisy, loud, scattering : numpy.ndarray, bool
        See :class:`.categories.FlightResult`; ``unstable`` is set by :meth:`.AmplifierSearch.search`.
    """

    unstable: np.ndarray
    noisy: np.ndarray
    loud: np.ndarray
    scattering: np.ndarray
    _scatter: tuple[Any, np.ndarray]

    def _name_noisy(self, restless, quiet, loud) -> None:
        """Set which unstable pixels are noisy, and which are so noisy that they are not to be used."""
        at, unusable = self._at(self.unstable), self.parameters.unusable_noise_ratio
        quiet, loud, asked = quiet[at], loud[at], self.unstable[at]
        least = least_noise(quiet, loud, self.maps.differences[at], self.maps.jumps[at], unusable)
        noisy = self._image(at, self._test("noise_ratio", least, ge, self.parameters.noisy_ratio, asked, at=at))
        never = self._image(at, self._test("unusable_noise", np.fmax(quiet, loud), ge, unusable, asked, at=at))
        self.noisy, self.loud = self.unstable & (restless | noisy), self.unstable & (restless | never)

    def _scattering(self, asked) -> np.ndarray:
        """Return the pixels whose rates scatter between integrations by more than their own noise makes them."""
        at, spread, centre, sigma = self.changing.scattered(asked)
        shared = self.of_column(self.columns.noise, at) + self.signal[at] / np.float32(self.detector.gain)
        noise = self.maps.noise[at] / np.sqrt(np.float32(self.noise_of_good**2) + shared)
        # What is common to all pixels is not less in those that are quiet themselves, and what all of a column do in an
        # integration is none of theirs.
        spread = spread * np.fmin(noise, 1) / self.of_column(self.columns.restless, at)
        excess = ((np.cbrt(spread * spread) - centre) / sigma).astype(np.float32)
        self._scatter = (at, (spread / centre**1.5).astype(np.float32))
        beyond = self._test("scatter", excess, gt, self.parameters.scatter_significance, asked[at], at=at)
        return asked & self._image(at, beyond)

    def _name_scattering(self, asked, trend) -> None:
        """Add to the noisy pixels those whose rates scatter by much, and by more than a decay makes them."""
        at, ratio = self._scatter
        asked = asked.copy()
        asked[at] &= trend[at] > -np.fmax(self.parameters.trend_significance, _DECAYS * ratio)
        unusable = self.parameters.unusable_noise_ratio
        least = least_scatter(ratio, self.integrations, unusable)
        noisy = self._test("scatter_ratio", least, ge, self.parameters.noisy_ratio, asked[at], at=at)
        never = self._test("unusable_scatter", ratio, ge, unusable, asked[at], at=at)
        self.scattering = asked & self._image(at, noisy)
        self.noisy |= self.scattering
        self.loud |= self.scattering & self._image(at, never)

    def _name_jumping(self, asked) -> None:
        """Add to the noisy pixels, as not to be used, those that jump in more integrations than radiation makes."""
        rows = self.changing.rows
        least = self.changing.jumping(asked)
        at = self._at(asked & (rows.stepped >= least))
        # What a neighbour's steps couple in may be flagged too, with some noise.
        own = asked[at] & (self.changing.coupled_steps(at) < OWN_JUMP / 4 * self.noise_of_good)
        jumping = self._image(at, own & self._test("own_jumps", rows.stepped[at], ge, least, own, at=at))
        self.noisy |= jumping
        self.loud |= jumping

    def _name_in_columns(self, asked, loud) -> None:
        """Add to the noisy pixels those of columns that wander which jump more often, and differ by more, than these.

        Nearly all steps of a column that moves by much are jumps, which leave the noise of its pixels alone.
        """
        jumps = self.maps.jumps
        # Nobody reaches less.
        at = self._at(asked & (jumps > self.columns.jumps))
        usual = self.of_column(self.columns.jumps, at)
        least = usual + np.float32(_MORE_JUMPS) * np.sqrt(usual)
        jumping = asked[at] & self._test("column_jumps", jumps[at], ge, least, asked[at], at=at)
        unusable = self.parameters.unusable_noise_ratio
        certain = least_noise(loud[at], loud[at], self.maps.differences[at], jumps[at], unusable)
        noisy = jumping & self._test("column_noise", certain, ge, self.parameters.noisy_ratio, jumping, at=at)
        never = noisy & self._test("unusable_column", loud[at], ge, unusable, noisy, at=at)
        self.noisy |= self._image(at, noisy)
        self.loud |= self._image(at, never)
