"""The flight search in the columns of one amplifier: the amplifier's good pixels judge all of its pixels."""

from operator import ge, gt, le, lt
from typing import NamedTuple

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.core.flags import Category
from darkmask.search.maps import CombinedMaps
from darkmask.search.maps.stacks import MEDIAN_EFFICIENCY, SLOPE_SHOT
from darkmask.search.parameters import SearchParameters

from .bends import bend_limit
from .changing import DECAYS_IN_PATCH, usual
from .corrected import CorrectedAmplifier
from .coupling import COUPLING_TOLERANCE
from .evidence import Compared, Comparison, Evidence, is_finite, is_true, not_reaching
from .falls import least_falls, least_jumps
from .noises import least_noise, median_error, moved_rates
from .patches import above_patches
from .robust import population

# The saturation step has grown a SATURATED flag from a neighbour if the signal lies below this share of the published
# well and the ramp is alive. Wells scatter by some 10 %; a neighbour of a saturated pixel holds a few per cent of one.
SATURATION_SHARE = 0.5
# A pixel at the end of the converter's range does not change: its differences scatter by less than half of the nominal.
STUCK_SHARE = 0.5
# At this many sigma above its threshold, 98 % of the pixels of a rate are detected.
RECOVERY = 2.054
# Rates scatter by what noise makes of eight to 40 %; so many times that is no chance.
MOVED = 2.0
# Groups of one frame have this share of the variance of a read at least.
NOT_AVERAGED = 0.99
# Of two integrations that differ, nothing tells which one is off.
LEAST_COMPARED = 3


def own_saturation_level(detector: Detector) -> float:
    """Return the signal in DN below which a saturation flag is not the pixel's own."""
    return SATURATION_SHARE * detector.well / detector.gain


class _Begun(NamedTuple):
    """What a search knows before it compares with limits of significance; images of shape (y, columns)."""

    saturated: np.ndarray
    judged: np.ndarray
    undetermined: np.ndarray
    full_early: np.ndarray
    unlooked: np.ndarray
    scatter_of_good: float
    excess: np.ndarray
    quiet: np.ndarray
    loud: np.ndarray


class AmplifierSearch(CorrectedAmplifier):
    """The search in the columns of one amplifier. Images have shape (y, its columns).

    Parameters
    ----------
    maps : CombinedMaps
        Maps of the whole set, since coupling crosses the edges of an amplifier.
    science : numpy.ndarray, shape (y, x), bool
    columns : slice
    detector : Detector
    tgroup : float
        Group time, s.
    parameters : SearchParameters
    evidence : dict of str to Compared, optional
        Is filled with what each test compared, which keeps those maps in memory; see :mod:`.evidence`.
    patch : numpy.ndarray, shape (y, x), bool, optional
        Pixels of the whole set among others that decay, see :func:`.changing.find_patches`.

    Attributes
    ----------
    unstable, noisy, loud, faint, varying, switching, sometimes_hot : numpy.ndarray, bool
        Set by :meth:`search`; see :class:`.categories.FlightResult`.
    alone : int
        Number of pixels with one integration alone that lies off.
    sigma : numpy.ndarray, float32, DN/s
        Error of the mean rate; set by :meth:`search`, as ``judged`` is, which tells what was judged to the end.
    """

    sigma: np.ndarray
    unstable: np.ndarray
    noisy: np.ndarray
    loud: np.ndarray
    faint: np.ndarray
    varying: np.ndarray
    switching: np.ndarray
    sometimes_hot: np.ndarray
    judged: np.ndarray

    def __init__(
        self,
        maps: CombinedMaps,
        science: np.ndarray,
        columns: slice,
        detector: Detector,
        tgroup: float,
        parameters: SearchParameters,
        evidence: Evidence | None = None,
        patch: np.ndarray | None = None,
    ):
        super().__init__(maps, science, columns, detector, tgroup, parameters, everywhere=evidence is not None)
        self.evidence = evidence
        self.science = science[:, columns]
        self.centre = float("nan")
        self._begun: _Begun | None = None
        self.patch = np.zeros(self.rate.shape, bool) if patch is None else patch[:, columns]

    def search(self, parameters: SearchParameters | None = None) -> dict[Category, np.ndarray]:
        """Return where each category is, bool; ``unstable`` holds telegraph and noisy pixels.

        Parameters
        ----------
        parameters : SearchParameters, optional
            By which to search once more, with other limits of significance and no other difference: what good pixels
            have in common is not measured again.
        """
        if self._begun is None:
            self._begun = self._begin()
        self.parameters = parameters or self.parameters
        return self._finish(self._begun)

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
        judged &= ~(undetermined | full_early)

        self.take_off_settling(judged & ~unlooked)
        self.find_lines(judged & ~unlooked)
        excess, quiet, loud = self.noise(judged, unlooked, scatter_of_good)
        return _Begun(saturated, judged, undetermined, full_early, unlooked, scatter_of_good, excess, quiet, loud)

    def _finish(self, begun: "_Begun") -> dict[Category, np.ndarray]:
        maps, parameters = self.maps, self.parameters
        saturated, judged, undetermined, full_early, unlooked, scatter_of_good, excess, quiet, loud = begun
        rc, inverse_rc = self._rc(judged, quiet, loud)
        judged = judged & ~(rc | inverse_rc)
        # The noise of the others is that of all their differences: where it is large, the jump step flags part of it.
        typical = np.sqrt(np.float32(scatter_of_good**2) + self.columns.noise)
        noise = quiet * typical / np.float32(np.sqrt(2 * maps.read_variance))
        fallen = least_falls(maps.falls, noise, self.integrations * (self.groups - 1))
        restless = self._test("falls", maps.falls, ge, fallen, judged, ~unlooked) & ~unlooked
        unsteady = restless | self._test("noise", excess, gt, parameters.noise_significance, judged)
        ratio = np.where(restless, np.fmax(quiet, loud), quiet)
        detected, falling = self._bright(judged, ratio, unsteady)
        # A signal that falls all along is the late part of an inverse rc ramp.
        inverse_rc |= falling
        judged &= ~falling
        self.unstable = judged & unsteady
        louder = np.fmax(quiet, loud)
        least = self._least_noise(quiet, loud, self.unstable)
        noisy = self._test("noise_ratio", least, ge, parameters.noisy_ratio, self.unstable)
        unusable = self._test("unusable_noise", louder, ge, parameters.unusable_noise_ratio, self.unstable)
        self.noisy, self.loud = self.unstable & (restless | noisy), self.unstable & (restless | unusable)
        # What switches now and then moves rates by more than a read's noise does. A level that all pixels of a column,
        # or of a patch, have in common is none of theirs.
        faint = judged & ~self.unstable & ~unlooked & ~self.patch & (self.columns.wander == 0)
        faint &= self._test("faint_noise", excess, gt, parameters.faint_significance, faint)
        jumping = judged & ~self.unstable & ~unlooked & ~self.patch & (self.columns.wander == 0)
        self.faint = faint & self._test("faint_rates", self._moved_rates(judged & ~unlooked, faint), gt, MOVED, faint)
        # Switches of four to five sigma are jumps, which leave the noise alone, and no falls. The jump step
        # flags the four neighbours of a jump too, whose own differences are as quiet as ever.
        # Where groups average frames, what couples into a neighbour is told from its noise, and falls are deep enough.
        jumping &= maps.read_variance >= NOT_AVERAGED * self.detector.read_noise**2
        jumping &= self._test("jumps", maps.jumps, ge, least_jumps(maps.jumps, jumping), jumping)
        self.faint |= jumping & self._test("jump_noise", loud, ge, parameters.noisy_ratio, jumping)
        trend = self.changing.trend(judged, self.patch)
        decaying = judged & self._test("trend", trend, le, -parameters.trend_significance, judged)
        detected &= ~(decaying | self.patch) | self._late(judged, detected & (decaying | self.patch), ratio)
        rate = np.where(decaying | self.patch, self.late, self.rate)
        electrons = rate * np.float32(self.detector.gain)
        hot = detected & self._test("hot", electrons, ge, parameters.hot_rate, detected)
        warm = detected & self._test("warm", electrons, ge, parameters.warm_rate, detected, ~hot) & ~hot
        lasting, over, transient = self._changes(judged, unlooked, trend, quiet, loud)
        # What is over leaves the category that the low state has by itself.
        low = self.changing.rows.low * np.float32(self.detector.gain)
        warm = np.where(over, detected & (low >= parameters.warm_rate) & (low < parameters.hot_rate), warm & ~lasting)
        hot = np.where(over, detected & (low >= parameters.hot_rate), hot | lasting)
        # With hardly a quiet difference nothing is known of the noise, and what nothing else finds is not good.
        low_pedestal = self._low_pedestal(judged, louder)
        few = self._test("few_quiet", maps.differences, lt, parameters.min_differences, judged, ~unlooked)
        unknown = judged & ~unlooked & few
        unknown &= ~(hot | warm | low_pedestal | self.unstable | self.varying | self.switching)
        undetermined = undetermined | unknown
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

    def _test(self, name: str, value: np.ndarray, passes: Comparison, limit, *asked: np.ndarray) -> np.ndarray:
        """Compare a map with its limit, bool; where all of ``asked`` hold, the answer decides something."""
        if self.evidence is not None:
            self.evidence[name] = Compared(value, passes, limit, np.logical_and.reduce(asked))
        return passes(value, limit)

    def limits(self) -> tuple[float, float]:
        """Return the rates, DN/s, that half and 98 % of typical pixels are detected at; NaN if none is judged."""
        if not self.judged.any():
            return float("nan"), float("nan")
        error = _median(self.sigma[self.judged])
        significance = self.parameters.hot_significance
        return self.centre + significance * error, self.centre + (significance + RECOVERY) * error

    def _saturated(self, scatter_of_good: float) -> np.ndarray:
        """Return the pixels saturated in group 0 on their own evidence: their level, or a ramp that is stuck.

        The saturation step flags all eight neighbours too. Superbias subtraction can bring the level of a saturated
        pixel near 0, so that the level alone would lose it; such a pixel has a ramp that does not move.
        """
        maps = self.maps
        least = max(1, self.parameters.max_saturated_fraction * self.integrations)
        often = self._test("saturated", maps.saturated_first, ge, least, self.science)
        high = self._test("level", maps.first, ge, own_saturation_level(self.detector), self.science, often)
        stuck = self._test("stuck", maps.scatter, not_reaching, STUCK_SHARE * scatter_of_good, self.science, often)
        return self.science & often & (high | stuck)

    def _lost(self) -> np.ndarray:
        """Return the pixels that the ramp fit did not use, as told: no rate in any integration, pedestal exactly 0."""
        return (self.maps.finite == 0) & (self.maps.pedestal == 0) & (self.maps.saturated_first == 0)

    def _rc(self, judged, quiet, loud) -> tuple[np.ndarray, np.ndarray]:
        maps, parameters = self.maps, self.parameters
        centre, sigma = population(self.shape, judged)
        excess = self.shape - np.float32(centre)
        limit = bend_limit(self, sigma, quiet, loud)
        bent = judged & self._test(
            "bend", np.abs(excess), gt, np.float32(parameters.shape_fraction) * self.signal, judged
        )
        falls_off = bent & self._test("early", excess, gt, limit, bent)
        rises = bent & self._test("late", excess, lt, -limit, bent)
        # A first group far above what the ramp then adds per group: charge that was there before the ramp began.
        before = self._test("first_group", maps.first - self.signal, gt, parameters.rc_first_group, bent)
        before &= self._test("change", np.abs(maps.change), gt, parameters.rc_ramp_change, bent)
        falling = rises & self._test("falling", maps.change, lt, 0, rises)
        return (falls_off | (bent & before)) & ~falling, falling

    def _bright(self, judged, ratio, unsteady) -> tuple[np.ndarray, np.ndarray]:
        """Return the pixels with a mean rate significantly above, and below, the others; set its error, DN/s."""
        maps = self.maps
        self.centre, _ = population(self.rate, judged)
        # Glow and gradients are no pixel's own. Where they are warm themselves, so are the pixels, and no more is taken
        # off than what is not yet warm.
        most = np.float32(self.centre + self.parameters.warm_rate / self.detector.gain)
        dark = np.minimum(self.dark, most)
        above = self.rate - dark
        # By read noise the error of a rate goes as the inverse root of the weight of its ramps. A cosmic ray, which
        # cuts a ramp in two, so costs its own pixel some significance and no other.
        root_weight = np.sqrt(maps.weight)
        _, unit = population(above * root_weight, judged)
        time = self.tgroup * max(self.groups - 1, 1)
        shot = np.float32(SLOPE_SHOT / (self.detector.gain * time * self.integrations * self.tgroup)) * self.signal
        sigma = np.sqrt((np.float32(unit) / root_weight * ratio) ** 2 + shot)
        # If a pixel switches, or jumps cut its ramp into pieces with slopes of their own, the scatter of its rates
        # gives the error.
        own = median_error(maps.rate_scatter, self.integrations)
        self.sigma = np.fmax(np.where(unsteady, np.fmax(sigma, own), sigma), self.columns.rate_error)
        # A significant mean of the stack includes every rate that is significant in three quarters of the integrations.
        limit = np.float32(self.parameters.hot_significance) * self.sigma
        limit += np.float32(COUPLING_TOLERANCE) * np.abs(self.coupled_rate)
        # A falling signal lies below zero, and not only below the dark current of the others.
        below = self.rate - np.minimum(dark, 0)
        detected = judged & self._test("detected", above, ge, limit, judged)
        # A faint telegraph pixel may end lower than it began: its rates scatter more than its noise tells.
        least = -np.fmax(limit, np.float32(self.parameters.hot_significance) * own)
        below_nothing = judged & self._test("below", below, le, least, judged)
        return detected, below_nothing & self._test("sinking", maps.change, lt, 0, below_nothing)

    def _fills_early(self, judged) -> np.ndarray:
        """Return the pixels that end saturated, by their own level, in as many integrations as makes one saturated."""
        least = max(1, self.parameters.max_saturated_fraction * self.integrations)
        return self._test("full_early", self.maps.saturated_last, ge, least, judged)

    def _late(self, judged, asked, ratio) -> np.ndarray:
        """Return where the rate of the late half stands out by itself, or, in a patch, out of its surroundings."""
        centre, sigma = usual(self.late, judged & ~self.patch)
        above = self.late - np.float32(centre)
        if self.patch.any():
            above = above_patches(above, judged, self.patch, sigma)
        time = self.tgroup * max(self.groups - 1, 1) * self.tgroup * max(self.integrations - self.integrations // 2, 1)
        shot = (
            np.float32(SLOPE_SHOT / (self.detector.gain * time)) * np.clip(self.late, 0, None) * np.float32(self.tgroup)
        )
        limit = np.float32(self.parameters.late_significance) * np.sqrt((np.float32(sigma) * ratio) ** 2 + shot)
        return self._test("late_rate", above, ge, limit, asked)

    def _changes(self, judged, unlooked, trend, quiet, loud) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Set what varies and switches; return what is hot from some integration on, what is over, what passes."""
        if self.integrations < LEAST_COMPARED:
            self.alone, nowhere = 0, np.zeros((6, *judged.shape), bool)
            self.varying, self.switching, self.sometimes_hot = nowhere[:3]
            return nowhere[3], nowhere[4], nowhere[5]
        changing, good = self.changing, judged & ~unlooked & ~self.unstable
        significance, limit, self.alone = changing.beyond(judged, unlooked)
        y, x = np.nonzero(significance > 0)
        # Jumps take the larger differences of a restless pixel out of its noise, and its rates still have them. And
        # whatever all pixels of a column do in an integration is none of theirs.
        own = np.where(self.unstable[y, x], np.fmax(loud[y, x] / quiet[y, x], 1), 1) * self.columns.restless[x]
        significance[y, x] /= own
        varying = judged & self._test("varies", significance, ge, limit, judged)
        depth, by_chance = changing.switches(np.sqrt(self.noise_of_all**2 + self.columns.noise), self.signal)
        switching = good & self._test("switches", depth, ge, by_chance, good)
        distance, far = changing.levels(good, self.noise_of_good)
        switching |= good & self._test("levels", distance, ge, far, good)
        high = np.nan_to_num(changing.rows.high) * np.float32(self.detector.gain)
        hot = varying & self._test("high_state", high, ge, self.parameters.hot_rate, varying)
        faded = varying & self.patch & (trend <= -self.parameters.trend_significance)
        over = varying & ~faded & changing.over()
        lasting = hot & ~faded & changing.lasting()
        transient = faded | over | (judged & self.patch & (trend <= -DECAYS_IN_PATCH))
        self.varying = varying & ~faded & ~over & ~lasting
        self.switching = switching & ~faded & ~over & ~lasting
        self.sometimes_hot = hot & self.varying
        return lasting, over, transient

    def _moved_rates(self, good, asked) -> np.ndarray:
        """Return how far the rates of pixels scatter by their noise, in units of what good pixels do; 0 of others."""
        return moved_rates(self.maps.rate_scatter, self.maps.noise, good, self._places(asked))

    def _least_noise(self, quiet, loud, asked) -> np.ndarray:
        """Return what the noise of pixels certainly is, in units of that of good pixels; 0 of others."""
        most = self.parameters.unusable_noise_ratio
        return least_noise(quiet, loud, self.maps.differences, self.maps.jumps, most, self._places(asked))

    def _places(self, asked: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the places of pixels that are asked; of all, where evidence is kept for a reader."""
        return np.nonzero(asked | (self.evidence is not None))

    def _low_pedestal(self, judged, ratio) -> np.ndarray:
        centre, sigma = population(self.maps.pedestal, judged)
        # A ramp's first level is known no better than one of its reads; a noisy pixel has a scatter of its own.
        own = np.float32(self.noise_of_good**2 / 2) * (ratio * ratio - 1)
        error = np.sqrt(np.float32(sigma**2) + own / np.float32(MEDIAN_EFFICIENCY * self.integrations))
        depth = np.fmax(self.parameters.pedestal_significance * error, self.parameters.pedestal_floor)
        limit = np.float32(centre) + self.columns.pedestal - depth.astype(np.float32)
        return judged & self._test("pedestal", self.maps.pedestal, lt, limit, judged)


def _median(values: np.ndarray) -> float:
    """Return what ``numpy.median`` does; to sort float32 takes a third of the time of a partition."""
    ordered = np.sort(values)
    middle = ordered.size // 2
    return float(ordered[middle] if ordered.size % 2 else (ordered[middle - 1] + ordered[middle]) / 2)
