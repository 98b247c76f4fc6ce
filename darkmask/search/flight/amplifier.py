"""The flight search in the columns of one amplifier, whose good pixels all of them are judged by."""

from operator import ge, gt, le, lt

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.core.flags import Category
from darkmask.search.maps import CombinedMaps
from darkmask.search.maps.layout import SHAPE_FRACTION
from darkmask.search.maps.stacks import MEDIAN_EFFICIENCY, SLOPE_SHOT
from darkmask.search.parameters import SearchParameters

from .evidence import Compared, Comparison, Evidence, is_finite, is_true, not_reaching
from .robust import neighbour_sum, population

# A SATURATED flag below this share of the published well is one that the saturation step grew from a neighbour, as
# long as the ramp is alive. Wells scatter by some 10 %; a neighbour of a saturated pixel holds a few per cent of one.
SATURATION_SHARE = 0.5
# A pixel at the end of the converter's range does not change: its differences scatter less than half of the nominal.
STUCK_SHARE = 0.5
# Falls of more than chance allows that make a pixel restless: two, as one happens by chance in some tens of pixels.
MIN_FALLS = 2
# What the scatter of all differences, jumps included, would bend a ramp by: an rc ramp bends by more of its own sigma,
# and by most of what an exponential of so short a time constant (in groups) bends by at that scatter. What switches
# between two levels does not.
BEND_SIGNIFICANCE, BEND_SHARE, SHORTEST_CONSTANT = 3.5, 0.65, 1.5
# Sigma above its threshold at which 98 % of the pixels of a rate are detected.
RECOVERY = 2.054
# Interpixel coupling is published as one number per channel and differs from pixel to pixel by about this share of it;
# so much of what a neighbour put in may be left after its subtraction.
COUPLING_TOLERANCE = 0.1
_ROWS_OF_SCATTER = 256


def own_saturation_level(detector: Detector) -> float:
    """DN below which a saturation flag is not the pixel's own."""
    return SATURATION_SHARE * detector.well / detector.gain


class AmplifierSearch:
    """The search in the columns of one amplifier. Images have shape (y, its columns).

    Parameters
    ----------
    maps : CombinedMaps
        Of the whole set: coupling crosses the edges of an amplifier.
    science : numpy.ndarray, shape (y, x), bool
    columns : slice
    detector : Detector
    tgroup : float
        s.
    parameters : SearchParameters
    evidence : dict of str to Compared, optional
        Is filled with what each test compared, which keeps those maps in memory; see :mod:`.evidence`.

    Attributes
    ----------
    rate : numpy.ndarray, float32, DN/s
        After the coupling of the neighbours.
    unstable : numpy.ndarray, bool
        Set by :meth:`search`.
    noise_of_good : float
        Noise of a group difference of good pixels, DN.
    """

    def __init__(
        self,
        maps: CombinedMaps,
        science: np.ndarray,
        columns: slice,
        detector: Detector,
        tgroup: float,
        parameters: SearchParameters,
        evidence: Evidence | None = None,
    ):
        self.evidence = evidence
        self.detector, self.tgroup, self.parameters = detector, tgroup, parameters
        self.integrations, self.groups = maps.integrations, maps.groups
        self.maps = maps.of_columns(columns)
        self.science = science[:, columns]
        self.ipc = parameters.neighbour_coupling or detector.ipc
        self.coupled_rate, self.rate = self._decouple(maps.rate, columns)
        self.coupled_shape, self.shape = self._decouple(maps.shape, columns)
        # DN per group, of which shot noise comes.
        self.signal = np.clip(np.nan_to_num(self.rate), 0, None) * np.float32(tgroup)
        self.sigma = self.unstable = self.judged = None
        self.centre = float("nan")

    def _decouple(self, image: np.ndarray, columns: slice) -> tuple[np.ndarray, np.ndarray]:
        """What the four neighbours put in through the interpixel capacitance, and the image without it.

        To second order: what a neighbour shows is in part coupled into it from a pixel beyond, and goes no further.
        """
        wide = slice(max(columns.start - 2, 0), columns.stop + 2)
        inner = slice(columns.start - wide.start, columns.stop - wide.start)
        share, keep = np.float32(self.ipc), np.float32(1 - 4 * self.ipc)
        first = (image[:, wide] - share * neighbour_sum(image[:, wide])) / keep
        coupled = share * neighbour_sum(first)[:, inner]
        return coupled, (image[:, columns] - coupled) / keep

    def search(self) -> dict[Category, np.ndarray]:
        """Where each category is, bool; telegraph and noisy pixels are ``unstable``."""
        maps, parameters = self.maps, self.parameters
        # The jump step does not look at groups with a saturation flag: beside a saturated pixel a single cosmic ray
        # stays in the differences, and only the median over integrations outvotes it.
        unlooked = maps.saturated_first > 0
        scatter_of_good, _ = population(maps.scatter, self.science & ~unlooked)
        saturated = self._saturated(scatter_of_good)
        # Those with jumps too: the ramp of an rc pixel may be all jumps, and is known well.
        judged = self.science & ~saturated
        differences = maps.differences + maps.jumps
        enough = self._test("differences", differences, ge, parameters.min_differences, judged)
        has_rate = self._test("has_rate", maps.rate, is_finite, None, judged)
        lost = self._test("lost", self._lost(), is_true, None, judged)
        undetermined = judged & (~enough | ~has_rate | lost)
        judged &= ~undetermined

        excess, quiet, loud = self._noise(judged, unlooked, scatter_of_good)
        rc, inverse_rc = self._rc(judged, quiet, loud)
        judged &= ~(rc | inverse_rc)
        restless = self._test("falls", maps.falls, ge, MIN_FALLS, judged, ~unlooked) & ~unlooked
        unsteady = restless | self._test("noise", excess, gt, parameters.noise_significance, judged)
        detected, falling = self._bright(judged, np.where(restless, np.fmax(quiet, loud), quiet), unsteady)
        # A signal that falls all along is the late part of an inverse rc ramp.
        inverse_rc |= falling
        judged &= ~falling
        self.unstable = judged & unsteady
        electrons = self.rate * np.float32(self.detector.gain)
        hot = detected & self._test("hot", electrons, ge, parameters.hot_rate, detected)
        warm = detected & self._test("warm", electrons, ge, parameters.warm_rate, detected, ~hot) & ~hot
        # With hardly a quiet difference nothing is known of the noise, and what nothing else finds is not good.
        low_pedestal = self._low_pedestal(judged)
        few = self._test("few_quiet", maps.differences, lt, parameters.min_differences, judged, ~unlooked)
        unknown = judged & ~unlooked & few
        unknown &= ~(hot | warm | low_pedestal | self.unstable)
        undetermined |= unknown
        self.judged = judged = judged & ~unknown
        return {
            Category.SATURATED: saturated,
            Category.HOT: hot,
            Category.WARM: warm,
            Category.RC: rc,
            Category.INVERSE_RC: inverse_rc,
            Category.LOW_PEDESTAL: low_pedestal,
            Category.UNDETERMINED: undetermined,
        }

    def _test(self, name: str, value: np.ndarray, passes: Comparison, limit, *asked: np.ndarray) -> np.ndarray:
        """Compare a map with its limit, bool; where all of ``asked`` hold, the answer decides something."""
        if self.evidence is not None:
            self.evidence[name] = Compared(value, passes, limit, np.logical_and.reduce(asked))
        return passes(value, limit)

    def limits(self) -> tuple[float, float]:
        """Rates at which half and 98 % of the pixels with a typical error are detected, DN/s; NaN if none is judged."""
        if not self.judged.any():
            return float("nan"), float("nan")
        error = float(np.median(self.sigma[self.judged]))
        significance = self.parameters.hot_significance
        return self.centre + significance * error, self.centre + (significance + RECOVERY) * error

    def _saturated(self, scatter_of_good: float) -> np.ndarray:
        """Saturated in group 0 on the pixel's own evidence: its level, or a ramp that is stuck.

        The saturation step flags all eight neighbours too. Superbias subtraction can bring a saturated pixel's level
        near 0, so that the level alone would lose it: then its ramp does not move.
        """
        maps = self.maps
        least = max(1, self.parameters.max_saturated_fraction * self.integrations)
        often = self._test("saturated", maps.saturated_first, ge, least, self.science)
        high = self._test("level", maps.first, ge, own_saturation_level(self.detector), self.science, often)
        stuck = self._test("stuck", maps.scatter, not_reaching, STUCK_SHARE * scatter_of_good, self.science, often)
        return self.science & often & (high | stuck)

    def _lost(self) -> np.ndarray:
        """Pixels that the ramp fit was told not to use: no rate in any integration, and pedestal exactly 0."""
        return (self.maps.finite == 0) & (self.maps.pedestal == 0) & (self.maps.saturated_first == 0)

    def _noise(self, judged, unlooked, scatter_of_good) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How noisy each pixel is beyond the shot noise of its signal.

        Returns
        -------
        excess : numpy.ndarray, float32
            Sigma above good pixels. Of the cube root of the variance: of a variance of few differences that is
            Gaussian far into the tail (Wilson and Hilferty 1931), while its square root is not.
        quiet, loud : numpy.ndarray, float32
            Noise of the differences without jumps, and with them, in units of what is expected, at least 1.
        """
        maps = self.maps
        shot_variance = self.signal / np.float32(self.detector.gain)
        self.noise_of_good, _ = population(maps.noise, judged & ~unlooked)
        relative = maps.noise / np.sqrt(np.float32(self.noise_of_good**2) + shot_variance)
        loud = maps.scatter / np.sqrt(np.float32(scatter_of_good**2) + shot_variance)
        cube_root = np.cbrt(relative * relative)
        centre, sigma = population(cube_root, judged & ~unlooked)
        most = np.float32(max(int(maps.differences.max()), 1))
        lost = np.sqrt(most / np.maximum(maps.differences, 1).astype(np.float32))
        excess = (cube_root - np.float32(centre)) / (np.float32(sigma) * lost)
        quiet = np.where(unlooked, loud, relative)
        # Those beside saturated pixels are few: for them the scatter of some rows of good ones is known well enough.
        some = np.s_[:: max(1, len(loud) // _ROWS_OF_SCATTER)]
        centre, sigma = population(np.cbrt(loud[some] ** 2), (judged & ~unlooked)[some])
        excess[unlooked] = (np.cbrt(loud[unlooked] ** 2) - np.float32(centre)) / np.float32(sigma)
        return excess, np.fmax(quiet, 1), np.fmax(loud, 1)

    def _rc(self, judged, quiet, loud) -> tuple[np.ndarray, np.ndarray]:
        maps, parameters = self.maps, self.parameters
        centre, sigma = population(self.shape, judged)
        excess = self.shape - np.float32(centre)
        # The change of a ramp's shape by the shot noise of its own signal: two quarters' mean differences.
        quarter = _quarter(self.groups)
        shot = np.float32(2 / MEDIAN_EFFICIENCY / (quarter * self.integrations * self.detector.gain)) * self.signal
        # A good pixel's scatter with this pixel's noise and shot noise; and what its integrations really scatter by,
        # since a telegraph pixel bends this way and that, and an rc pixel always the same way.
        own = _median_error(maps.shape_scatter, self.integrations)
        error = np.fmax(np.sqrt((np.float32(sigma) * quiet) ** 2 + shot), own)
        limit = np.float32(parameters.shape_significance) * error
        # An rc ramp's own bend is most of its scatter, and still several sigma of what such a scatter would bend it by.
        limit = np.fmax(limit, np.float32(BEND_SIGNIFICANCE * sigma) * loud)
        own_scatter = np.sqrt((self.noise_of_good**2 + self.signal / self.detector.gain) * (loud**2 - 1))
        limit = np.fmax(limit, np.float32(BEND_SHARE * exponential_bend(self.groups)) * own_scatter)
        # A part of what a neighbour's ramp bends by may be left, and a bright linear pixel whose ramp bends by a few
        # per cent is hot and not rc.
        limit += np.float32(COUPLING_TOLERANCE) * np.abs(self.coupled_shape)
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
        """Pixels whose mean rate is significantly above, and below, the others; sets its standard error, DN/s."""
        maps = self.maps
        self.centre, _ = population(self.rate, judged)
        above = self.rate - np.float32(self.centre)
        # Read noise makes the error of a rate go as the inverse root of what its ramps weigh, so that a cosmic ray,
        # which cuts a ramp in two, costs its own pixel some significance and no other.
        root_weight = np.sqrt(maps.weight)
        _, unit = population(above * root_weight, judged)
        time = self.tgroup * max(self.groups - 1, 1)
        shot = np.float32(SLOPE_SHOT / (self.detector.gain * time * self.integrations * self.tgroup)) * self.signal
        sigma = np.sqrt((np.float32(unit) / root_weight * ratio) ** 2 + shot)
        # Of a pixel that switches, or whose jumps cut its ramp into pieces with slopes of their own, the rates' scatter
        # tells.
        own = _median_error(maps.rate_scatter, self.integrations)
        self.sigma = np.where(unsteady, np.fmax(sigma, own), sigma)
        # A mean of the stack that is significant covers a rate that is so in three quarters of the integrations.
        limit = np.float32(self.parameters.hot_significance) * self.sigma
        limit += np.float32(COUPLING_TOLERANCE) * np.abs(self.coupled_rate)
        # Falling is below nothing, and not only below the dark current of the others.
        below = self.rate - np.float32(min(self.centre, 0.0))
        detected = judged & self._test("detected", above, ge, limit, judged)
        below_nothing = judged & self._test("below", below, le, -limit, judged)
        return detected, below_nothing & self._test("sinking", maps.change, lt, 0, below_nothing)

    def _low_pedestal(self, judged) -> np.ndarray:
        centre, sigma = population(self.maps.pedestal, judged)
        limit = np.float32(centre - self.parameters.pedestal_significance * sigma)
        return judged & self._test("pedestal", self.maps.pedestal, lt, limit, judged)


def exponential_bend(groups: int) -> float:
    """Early minus late group difference of an exponential ramp, in units of the scatter of its differences.

    Parameters
    ----------
    groups : int

    Returns
    -------
    float
        Of ``SHORTEST_CONSTANT``; longer ones bend by more.
    """
    steps = np.exp(-np.arange(groups - 1) / SHORTEST_CONSTANT)
    quarter = _quarter(groups)
    return float((steps[:quarter].mean() - steps[-quarter:].mean()) / steps.std(ddof=1))


def _quarter(groups: int) -> int:
    """How many group differences the shape of a ramp takes at each of its ends."""
    return max(int(SHAPE_FRACTION * (groups - 1)), 1)


def _median_error(scatter: np.ndarray, integrations: int) -> np.ndarray:
    """Standard error of a median of Gaussian values that scatter so much."""
    return np.float32(np.sqrt(1 / MEDIAN_EFFICIENCY / integrations)) * scatter
