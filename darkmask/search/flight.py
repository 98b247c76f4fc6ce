"""The ``flight`` search: what jwst_reffiles 1.0.1 gets wrong, mended.

Every category is judged on a map that is zero for a good pixel, in units of what a good pixel scatters by, so that a
threshold in sigma is a false-alarm rate. docs/categories.md says what each means and how it differs from the release.
"""

from dataclasses import dataclass

import numpy as np

from ..detectors import Detector
from ..flags import Category
from ..maps import CombinedMaps
from .parameters import SearchParameters
from .robust import by_amplifier, neighbour_sum

# A SATURATED flag below this share of the published well is one that the saturation step grew from a neighbour, as
# long as the ramp is alive. Wells scatter by some 10 %; a neighbour of a saturated pixel holds a few per cent of one.
SATURATION_SHARE = 0.5
# A pixel at the end of the converter's range does not change: its differences scatter less than half of the nominal.
STUCK_SHARE = 0.5
# Interpixel coupling is published as one number per channel and differs from pixel to pixel by about this share of it;
# so much of what a neighbour put in may be left after its subtraction.
COUPLING_TOLERANCE = 0.1


@dataclass(frozen=True)
class FlightResult:
    """Where each category is, and what it was judged by.

    Attributes
    ----------
    maps : dict of Category to numpy.ndarray, shape (y, x), bool
        Telegraph and noisy are not told apart here: ``unstable`` holds the candidates.
    unstable : numpy.ndarray, shape (y, x), bool
        Pixels too noisy for their signal, to be named telegraph or noisy by their ramps.
    rate : numpy.ndarray, shape (y, x), float32
        e-/s, after the capacitive coupling of the neighbours.
    thresholds : dict of str to float
        In the units that their names end in.
    """

    maps: dict[Category, np.ndarray]
    unstable: np.ndarray
    rate: np.ndarray
    thresholds: dict[str, float]


def saturation_level(detector: Detector) -> float:
    """DN below which a saturation flag is not the pixel's own."""
    return SATURATION_SHARE * detector.well / detector.gain


def search_flight(
    maps: CombinedMaps,
    science: np.ndarray,
    amplifiers,
    detector: Detector,
    tgroup: float,
    parameters: SearchParameters,
) -> FlightResult:
    """Find every category in the combined maps of a set.

    Parameters
    ----------
    maps : CombinedMaps
    science : numpy.ndarray, shape (y, x), bool
        False on reference pixels.
    amplifiers : sequence of slice
        The columns of each amplifier: noise and offsets differ between them.
    detector : Detector
    tgroup : float
        Group time, s.
    parameters : SearchParameters

    Returns
    -------
    FlightResult
    """
    ipc = parameters.neighbour_coupling or detector.ipc
    saturated = _saturated(maps, science, detector, parameters, amplifiers)
    judged = science & ~saturated
    enough = maps.differences >= parameters.min_differences
    undetermined = judged & (~enough | ~np.isfinite(maps.rate) | _lost(maps))
    judged &= ~undetermined

    decoupled = _Decoupled(maps, ipc)
    # The change of a ramp's shape by the shot noise of its own signal: variance of a quarter's mean difference.
    quarter = max(int(0.25 * (maps.groups - 1)), 1)
    signal = np.clip(np.nan_to_num(decoupled.rate), 0, None) * tgroup  # DN per group
    shot_variance = signal / detector.gain  # of one difference, DN**2

    noise = _Noise(maps, judged, amplifiers, shot_variance)
    rc, inverse_rc = _rc(maps, decoupled, judged, amplifiers, noise, 2 * shot_variance / quarter, signal, parameters)
    shaped = rc | inverse_rc

    unstable = judged & ~shaped & noise.excess(parameters.noise_significance)
    hot, warm, rate_e, rate_sigma = _hot(
        maps, decoupled, judged & ~shaped, amplifiers, noise, detector, parameters, tgroup
    )
    low = _low_pedestal(maps, judged & ~shaped, amplifiers, parameters)
    median_sigma = float(np.nanmedian(rate_sigma[judged])) if judged.any() else float("nan")
    return FlightResult(
        maps={
            Category.SATURATED: saturated,
            Category.HOT: hot,
            Category.WARM: warm,
            Category.RC: rc,
            Category.INVERSE_RC: inverse_rc,
            Category.LOW_PEDESTAL: low,
            Category.UNDETERMINED: undetermined,
        },
        unstable=unstable,
        rate=rate_e,
        thresholds={
            "hot_rate_e_per_s": parameters.hot_rate,
            "warm_rate_e_per_s": parameters.warm_rate,
            "detection_limit_e_per_s": parameters.hot_significance * median_sigma * detector.gain,
        },
    )


class _Decoupled:
    """Maps after subtraction of what the four neighbours put in through the interpixel capacitance.

    First order: a neighbour's own share is itself measured with coupling, which changes it by parts in 10 000.
    """

    def __init__(self, maps: CombinedMaps, ipc: float):
        keep = 1 - 4 * ipc
        self.coupled_rate = np.float32(ipc) * neighbour_sum(maps.rate)
        self.rate = (maps.rate - self.coupled_rate) / np.float32(keep)
        self.shape = (maps.shape - np.float32(ipc) * neighbour_sum(maps.shape)) / np.float32(keep)


class _Noise:
    """Noise of a group difference, against that of good pixels of the same amplifier with the same shot noise."""

    def __init__(self, maps: CombinedMaps, judged: np.ndarray, amplifiers, shot_variance: np.ndarray):
        # The jump step does not look at groups with a saturation flag: beside a saturated pixel a single cosmic ray
        # stays in the differences, and only the median over integrations outvotes it.
        unlooked = maps.saturated_first > 0
        quiet, quiet_excess = self._judge(maps.noise, judged & ~unlooked, amplifiers, shot_variance)
        loud, loud_excess = self._judge(maps.scatter, judged, amplifiers, shot_variance)
        lost = np.sqrt(max(int(maps.differences.max()), 1) / np.maximum(maps.differences, 1))
        self._quiet = np.where(unlooked, 0, quiet_excess / lost)
        self._loud = loud_excess
        # Jumps that come back in most integrations are the pixel's own, or a neighbour's; a cosmic ray does not.
        self.recurrent = maps.jumps >= 1
        own = np.where(unlooked, 0, np.nan_to_num(quiet))
        self.ratio = np.clip(np.maximum(own, np.where(self.recurrent | unlooked, np.nan_to_num(loud), 0)), 1, None)

    @staticmethod
    def _judge(noise, judged, amplifiers, shot_variance) -> tuple[np.ndarray, np.ndarray]:
        """Noise in units of what is expected, and its excess in units of the scatter of good pixels."""
        centre, sigma = by_amplifier(noise, judged, amplifiers)
        relative = noise / np.sqrt(centre**2 + shot_variance)
        return relative, (relative - 1) / (sigma / centre)

    def excess(self, significance: float) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return (self._quiet > significance) | (self.recurrent & (self._loud > significance))


def _median_error(scatter: np.ndarray, integrations: int) -> np.ndarray:
    """Standard error of a median of Gaussian values that scatter so much."""
    return np.sqrt(0.5 * np.pi / integrations) * scatter


def _lost(maps: CombinedMaps) -> np.ndarray:
    """Pixels that the ramp fit was told not to use: no rate in any integration, and pedestal exactly 0."""
    return (maps.finite == 0) & (maps.pedestal == 0) & (maps.saturated_first == 0)


def _saturated(maps, science, detector, parameters, amplifiers) -> np.ndarray:
    """Saturated in group 0 on the pixel's own evidence: its level, or a ramp that is stuck.

    The saturation step flags all eight neighbours too. Superbias subtraction can bring a saturated pixel's level
    near 0, so that the level alone would lose it: then its ramp does not move.
    """
    flagged = science & (maps.saturated_first >= parameters.max_saturated_fraction) & (maps.saturated_first > 0)
    nominal, _ = by_amplifier(maps.scatter, science & (maps.saturated_first == 0), amplifiers)
    high = maps.first >= saturation_level(detector)
    with np.errstate(invalid="ignore"):
        stuck = ~(maps.scatter >= STUCK_SHARE * nominal)
    return flagged & (high | stuck)


def _rc(maps, decoupled, judged, amplifiers, noise, shot_variance, signal, parameters):
    centre, sigma = by_amplifier(decoupled.shape, judged, amplifiers)
    # A good pixel's scatter with this pixel's noise and shot noise; and what its integrations really scatter by, since
    # a telegraph pixel bends this way and that, and an rc pixel always the same way.
    expected = np.sqrt((sigma * noise.ratio) ** 2 + 0.5 * np.pi * shot_variance / maps.integrations)
    sigma = np.maximum(expected, _median_error(maps.shape_scatter, maps.integrations))
    excess = decoupled.shape - centre
    # A bright linear pixel whose ramp bends by a few per cent is hot and not rc.
    bent = np.abs(excess) > parameters.shape_fraction * signal
    with np.errstate(invalid="ignore"):
        falls_off = judged & bent & (excess > parameters.shape_significance * sigma)
        rises = judged & bent & (excess < -parameters.shape_significance * sigma)
        # A first group far above what the ramp then adds per group: charge that was there before the ramp began.
        pedestal = (maps.first - signal > parameters.rc_first_group) & (np.abs(maps.change) > parameters.rc_ramp_change)
    rc = falls_off | (judged & pedestal & bent)
    falling = rises & (maps.change < 0)
    return rc & ~falling, falling


def _hot(maps, decoupled, judged, amplifiers, noise, detector, parameters, tgroup):
    """Detected by significance, named by rate."""
    centre, sigma = by_amplifier(decoupled.rate, judged, amplifiers)
    signal = np.clip(np.nan_to_num(decoupled.rate), 0, None)
    exposure_time = tgroup * max(maps.groups - 1, 1)
    # Shot noise of the slope of a ramp, 1.2 of that of its end points (Robberto 2009), and of a median.
    shot = 1.2 * 0.5 * np.pi * signal / (detector.gain * exposure_time * maps.integrations)
    # The error of a slope grows as the -3/2 power of the length of its ramp.
    shortened = (max(int(maps.differences.max()), 1) / np.maximum(maps.differences, 1)) ** 1.5
    sigma = np.sqrt((sigma * noise.ratio * shortened) ** 2 + shot)
    # Jumps cut a ramp into pieces whose slopes are noisier than one over the whole; then the rates' own scatter tells.
    own = _median_error(maps.rate_scatter, maps.integrations)
    sigma = np.where(noise.recurrent, np.maximum(sigma, own), sigma)
    excess = decoupled.rate - centre - COUPLING_TOLERANCE * np.abs(decoupled.coupled_rate)
    with np.errstate(invalid="ignore"):
        # A median of the stack that is significant covers a rate that is so in three quarters of the integrations.
        detected = excess >= parameters.hot_significance * sigma
        rate = (decoupled.rate * np.float32(detector.gain)).astype(np.float32)
        hot = judged & detected & (rate >= parameters.hot_rate)
        warm = judged & detected & (rate >= parameters.warm_rate) & ~hot
    return hot, warm, rate, sigma


def _low_pedestal(maps, judged, amplifiers, parameters) -> np.ndarray:
    centre, sigma = by_amplifier(maps.pedestal, judged, amplifiers)
    with np.errstate(invalid="ignore"):
        return judged & (maps.pedestal < centre - parameters.pedestal_significance * sigma)
