"""The flight search in the columns of one amplifier: the amplifier's good pixels judge all of its pixels."""

from operator import ge, gt, le, lt
from typing import NamedTuple

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.detectors import Detector
from darkmask.search.maps.stacks import MEDIAN_EFFICIENCY
from darkmask.search.parameters import SearchParameters

from .bends import bend_limit
from .compared import NEARLY
from .evidence import is_finite, is_true, not_reaching
from .falls import MIN_FALLS, least_falls, least_jumps
from .noises import moved_rates
from .robust import places, population
from .varying import VaryingSearch

# The saturation step has grown a SATURATED flag from a neighbour if the signal lies below this share of the published
# well and the ramp is alive. Wells scatter by some 10 %; a neighbour of a saturated pixel holds a few per cent of one.
SATURATION_SHARE = 0.5
# A pixel at the end of the converter's range does not change: its differences scatter by less than half of the nominal.
STUCK_SHARE = 0.5
# Rates scatter by what noise makes of eight to 40 %; so many times that is no chance.
MOVED = 2.0
# Groups of one frame have this share of the variance of a read at least.
NOT_AVERAGED = 0.99


def own_saturation_level(detector: Detector) -> float:
    """Return the signal in DN below which a saturation flag is not the pixel's own."""
    return SATURATION_SHARE * detector.well / detector.gain


class _Begun(NamedTuple):
    """What a search knows before it compares with limits of significance; images of shape (y, columns)."""

    saturated: np.ndarray
    judged: np.ndarray
    undetermined: np.ndarray
    without_rate: np.ndarray
    full_early: np.ndarray
    unlooked: np.ndarray
    scatter_of_good: float
    excess: np.ndarray
    quiet: np.ndarray
    loud: np.ndarray


class AmplifierSearch(VaryingSearch):
    """The search in the columns of one amplifier. Images have shape (y, its columns).

    Parameters are those of :class:`.CorrectedAmplifier`.

    Attributes
    ----------
    unstable, noisy, loud, faint, varying, switching, sometimes_hot, scattering : numpy.ndarray, bool
        Set by :meth:`search`; see :class:`.categories.FlightResult`.
    passed : dict of str to Passed
        What the tests of the last search compared where they give a pixel its name; empty where evidence is kept.
    alone : int
        Number of pixels with one integration alone that lies off.
    """

    faint: np.ndarray
    _begun: _Begun | None = None

    def search(self, parameters: SearchParameters | None = None, again: bool = False) -> dict[Category, np.ndarray]:
        """Return where each category is, bool; ``unstable`` holds telegraph and noisy pixels.

        Parameters
        ----------
        parameters : SearchParameters, optional
            By which to search once more, with other limits of significance and no other difference: what good pixels
            have in common is not measured again.
        again : bool
            Whether it will be searched once more; otherwise images are given up as soon as they are not needed.
        """
        if self._begun is None:
            self._begun = self._begin()
        self.parameters = parameters or self.parameters
        return self._finish(again)

    def _begin(self) -> "_Begun":
        """Tell what can be judged, and take off what pixels have from others."""
        maps, parameters = self.maps, self.parameters
        # The jump step does not look at groups with a saturation flag. Beside a saturated pixel a single cosmic ray
        # stays in the differences, and only the median over integrations removes it.
        unlooked = maps.saturated_first > 0
        scatter_of_good, _ = population(maps.scatter, self.science & ~unlooked)
        saturated = self._saturated(scatter_of_good)
        # Those with jumps too: the ramp of an rc pixel may be all jumps, and is known well.
        judged = self.science & ~saturated
        differences = maps.differences + maps.jumps
        enough = self._test("differences", differences, ge, parameters.min_differences, judged)
        has_rate = self._test("has_rate", maps.rate, is_finite, None, judged)
        lost = self._test("lost", self._lost(), is_true, None, judged)
        # Charge that fills the well within some groups leaves few differences, and is no doubtful sign.
        full_early = judged & self._fills_early(judged) & (~enough | ~has_rate)
        undetermined = judged & (~enough | ~has_rate | lost) & ~full_early
        # The jump step flags every group of a pixel that has another rate in one half of an exposure's integrations
        # than in the other, and those of its neighbours: the ramps still tell which of them it is.
        without_rate = undetermined & enough & ~has_rate & ~lost
        judged &= ~(undetermined | full_early)
        del differences

        self.take_off_settling(judged & ~unlooked)
        self.find_lines(judged & ~unlooked)
        excess, quiet, loud = self.noise(judged, unlooked, scatter_of_good)
        return _Begun(
            saturated, judged, undetermined, without_rate, full_early, unlooked, scatter_of_good, excess, quiet, loud
        )

    def _finish(self, again: bool) -> dict[Category, np.ndarray]:
        maps, parameters, begun = self.maps, self.parameters, self._begun
        if begun is None:
            raise ValueError("Nothing was begun.")
        saturated, judged, undetermined, without_rate, full_early, unlooked, scatter_of_good, excess, quiet, loud = (
            begun
        )
        self._begun = begun if again else None
        del begun
        rc, inverse_rc = self._rc(judged, quiet, loud)
        if not again:
            del self.shape, self.coupled_shape
        judged = judged & ~(rc | inverse_rc)
        restless = self._restless(judged, unlooked, quiet, scatter_of_good)
        unsteady = restless | self._test("noise", excess, gt, parameters.noise_significance, judged)
        scattering = self._scattering(judged & ~unlooked & ~self.patch)
        detected, falling = self._bright(judged, (quiet, loud, restless), unsteady | scattering)
        if not again:
            del self.dark, self.coupled_rate
        # A signal that falls all along is the late part of an inverse rc ramp.
        inverse_rc |= falling
        judged &= ~falling
        self.unstable = judged & unsteady
        self._name_noisy(restless, quiet, loud)
        # What switches now and then moves rates by more than a read's noise does. A level that all pixels of a column,
        # or of a patch, have in common is none of theirs.
        asked = judged & ~self.unstable & ~unlooked & ~self.patch & (self.columns.wander == 0)
        faint = asked & self._test("faint_noise", excess, gt, parameters.faint_significance, asked)
        at = self._at(faint)
        del excess
        moved = moved_rates(maps.rate_scatter, maps.noise, judged & ~unlooked, at)
        self.faint = faint & self._image(at, self._test("faint_rates", moved, gt, MOVED, faint[at], at=at))
        # Switches of four to five sigma are jumps, which leave the noise alone, and no falls. The jump step
        # flags the four neighbours of a jump too, whose own differences are as quiet as ever.
        # Where groups average frames, what couples into a neighbour is told from its noise, and falls are deep enough.
        jumping = asked & (maps.read_variance >= NOT_AVERAGED * self.detector.read_noise**2)
        jumping &= self._test("jumps", maps.jumps, ge, least_jumps(maps.jumps, jumping), jumping)
        self.faint |= jumping & self._test("jump_noise", loud, ge, parameters.noisy_ratio, jumping)
        trend = self.changing.trend(judged, self.patch)
        decaying = judged & self._test("trend", trend, le, -parameters.trend_significance, judged)
        changed = decaying | self.patch
        detected &= ~changed | self._late(judged, detected & changed)
        at = self._at(detected)
        beside = self.changing.beside_unknown(at, self._often)
        unknown = self._test("beside_unknown", beside, ge, 1, detected[at], at=at)
        beside_full = self._image(at, unknown & detected[at])
        detected &= ~beside_full
        at = self._at(detected)
        rate = np.where(changed[at], self.late[at], self.rate[at]) if changed.any() else self.rate[at]
        electrons, asked_at = rate * np.float32(self.detector.gain), detected[at]
        hot_at = asked_at & self._test("hot", electrons, ge, parameters.hot_rate, asked_at, at=at)
        warm_at = self._test("warm", electrons, ge, parameters.warm_rate, asked_at, ~hot_at, at=at)
        hot, warm = self._image(at, hot_at), self._image(at, asked_at & warm_at & ~hot_at)
        del rate, electrons
        if not again:
            self.__dict__.pop("late", None)
        lasting, over, transient = self._changes(judged, without_rate, unlooked, trend, quiet, loud)
        # What changes once has a name of its own.
        once = judged & ~unlooked & ~self.unstable & ~lasting & ~over & ~hot
        self._name_jumping(once & (self.columns.wander == 0))
        self._name_in_columns(once & ~self.patch & (self.columns.wander > 0), loud)
        apart = scattering & judged & ~self.noisy & ~self.unstable & ~self.varying & ~self.switching
        self._name_scattering(apart & ~lasting & ~over, trend)
        # What is over leaves the category that the low state has by itself.
        hot, warm = hot | lasting, warm & ~lasting
        at = places(over)
        low = self.changing.rows.low[at] * np.float32(self.detector.gain)
        warm[at] = detected[at] & (low >= parameters.warm_rate) & (low < parameters.hot_rate)
        hot[at] = detected[at] & (low >= parameters.hot_rate)
        # With hardly a quiet difference nothing is known of the noise, and what nothing else finds is not good.
        low_pedestal = self._low_pedestal(judged, quiet, loud)
        few = self._test("few_quiet", maps.differences, lt, parameters.min_differences, judged, ~unlooked)
        unknown = beside_full | (judged & ~unlooked & few)
        unknown &= ~(hot | warm | low_pedestal | self.unstable | self.varying | self.switching)
        undetermined = (undetermined & ~(without_rate & (self.varying | lasting))) | unknown
        self.judged = judged = judged & ~unknown
        return {
            Category.SATURATED: saturated,
            Category.HOT: hot | full_early,
            Category.WARM: warm,
            Category.RC: rc,
            Category.INVERSE_RC: inverse_rc,
            Category.LOW_PEDESTAL: low_pedestal,
            Category.UNDETERMINED: undetermined,
            Category.TRANSIENT: transient,
        }

    @property
    def _often(self) -> float:
        """In so many integrations a pixel is saturated to be called so."""
        return max(1, self.parameters.max_saturated_fraction * self.integrations)

    def _saturated(self, scatter_of_good: float) -> np.ndarray:
        """Return the pixels saturated in group 0 on their own evidence: their level, or a ramp that is stuck.

        The saturation step flags all eight neighbours too. Superbias subtraction can bring the level of a saturated
        pixel near 0, so that the level alone would lose it; such a pixel has a ramp that does not move.
        """
        maps = self.maps
        often = self._test("saturated", maps.saturated_first, ge, self._often, self.science)
        at = self._at(often)
        asked = self.science[at], often[at]
        high = self._test("level", maps.first[at], ge, own_saturation_level(self.detector), *asked, at=at)
        stuck = self._test("stuck", maps.scatter[at], not_reaching, STUCK_SHARE * scatter_of_good, *asked, at=at)
        return self.science & often & self._image(at, high | stuck)

    def _lost(self) -> np.ndarray:
        """Return the pixels that the ramp fit did not use, as told: no rate in any integration, pedestal exactly 0."""
        return (self.maps.finite == 0) & (self.maps.pedestal == 0) & (self.maps.saturated_first == 0)

    def _rc(self, judged, quiet, loud) -> tuple[np.ndarray, np.ndarray]:
        parameters = self.parameters
        centre, sigma = population(self.shape, judged)
        excess = self.shape - np.float32(centre)
        # Only these reach one of the limits.
        far = np.abs(excess) >= np.float32(NEARLY * parameters.shape_significance * sigma)
        at = self._at(judged & (far | (self.maps.first > np.float32(NEARLY * parameters.rc_first_group))))
        excess, signal, first, change = excess[at], self.signal[at], self.maps.first[at], self.maps.change[at]
        limit = bend_limit(self, sigma, quiet[at], loud[at], at)
        asked = judged[at]
        bent = asked & self._test(
            "bend", np.abs(excess), gt, np.float32(parameters.shape_fraction) * signal, asked, at=at
        )
        falls_off = bent & self._test("early", excess, gt, limit, bent, at=at)
        rises = bent & self._test("late", excess, lt, -limit, bent, at=at)
        # A first group far above what the ramp then adds per group: charge that was there before the ramp began.
        before = self._test("first_group", first - signal, gt, parameters.rc_first_group, bent, at=at)
        before &= self._test("change", np.abs(change), gt, parameters.rc_ramp_change, bent, at=at)
        falling = rises & self._test("falling", change, lt, 0, rises, at=at)
        return self._image(at, (falls_off | (bent & before)) & ~falling), self._image(at, falling)

    def _restless(self, judged, unlooked, quiet, scatter_of_good: float) -> np.ndarray:
        """Return the pixels that fall more often than chance allows."""
        at = self._at(judged & ~unlooked & (self.maps.falls >= MIN_FALLS))
        # The noise of the others is that of all their differences: where it is large, the jump step flags part of it.
        typical = np.sqrt(np.float32(scatter_of_good**2) + self.of_column(self.columns.with_jumps, at))
        noise = quiet[at] * typical / np.float32(np.sqrt(2 * self.maps.read_variance))
        falls = self.maps.falls[at]
        fallen = least_falls(falls, noise, self.integrations * (self.groups - 1))
        restless = self._test("falls", falls, ge, fallen, judged[at], ~unlooked[at], at=at) & ~unlooked[at]
        return self._image(at, restless)

    def _fills_early(self, judged) -> np.ndarray:
        """Return the pixels that end saturated, by their own level, in as many integrations as makes one saturated."""
        return self._test("full_early", self.maps.saturated_last, ge, self._often, judged)

    def _low_pedestal(self, judged, quiet, loud) -> np.ndarray:
        maps, parameters = self.maps, self.parameters
        centre, sigma = population(maps.pedestal, judged)
        usual_level = np.float32(centre) + self.columns.pedestal
        least = max(parameters.pedestal_significance * sigma, parameters.pedestal_floor)
        at = self._at(judged & (maps.pedestal < usual_level - np.float32(NEARLY * least)))
        # A ramp's first level is known no better than one of its reads; a noisy pixel has a scatter of its own.
        ratio = np.fmax(quiet[at], loud[at])
        own = np.float32(self.noise_of_good**2 / 2) * (ratio * ratio - 1)
        error = np.sqrt(np.float32(sigma**2) + own / np.float32(MEDIAN_EFFICIENCY * self.integrations))
        depth = np.fmax(parameters.pedestal_significance * error, parameters.pedestal_floor)
        limit = self.of_column(usual_level, at) - depth.astype(np.float32)
        low = self._test("pedestal", maps.pedestal[at], lt, limit, judged[at], at=at)
        return judged & self._image(at, low)
