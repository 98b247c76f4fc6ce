"""Measure each patch of pixels that decay together as one finding: how bright it is, and how fast it fades.

Traps that were filled by light empty as 1/t or exponentially; both laws are tried, and the time is told in which the
patch falls to 1/e, which means the same in both.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.flags import Category
from darkmask.core.statistics import MAD_TO_SIGMA
from darkmask.delivery import OpenSet
from darkmask.delivery.times import SECONDS_PER_DAY
from darkmask.search.maps import CombinedMaps
from darkmask.search.maps.stacks import SLOPE_SHOT
from darkmask.search.request import SetRequest
from darkmask.search.structures import Structure

from .changing import Patch

# The surroundings of a patch reach so many pixels beyond it, and begin so many pixels beyond where it was found.
AROUND, _APART = 8, 2
# A median of fewer pixels says little of what a patch lies above.
_LEAST_AROUND = 30
# A patch shines where its mean rate lies so many errors above its surroundings.
SHINES = 3.0
# A rate so many sigma off the median of its patch is a hit, or a pixel of another kind.
_CLIP = 5.0
# Laws whose chi-squared differ by less than this, 2 sigma, cannot be told apart.
UNDECIDED = 4.0
# Decay times are looked for from a twentieth of an integration to a hundred times what was observed.
_SHORTEST, _LONGEST, _TRIED = 0.05, 100.0, 600
EXPONENTIAL, INVERSE, EITHER = "exponential", "1/t", "either"
# What is said of a pixel that lies in no patch.
OUTSIDE = "none"


class Decay(NamedTuple):
    """How a brightness decays.

    Attributes
    ----------
    time, error : float, s
        In which it falls to 1/e of what it has when the first integration begins; NaN where it cannot be told.
    law : str
        ``exponential``, ``1/t``, or ``either`` where both describe it; empty where the time cannot be told.
    """

    time: float
    error: float
    law: str


# What light may have made of a pixel.
MAY_GLOW = (Category.TRANSIENT, Category.HOT, Category.WARM, Category.INTERMITTENT)
_UNKNOWN = Decay(float("nan"), float("nan"), "")


class Measured(NamedTuple):
    """A patch and what was measured of it.

    Attributes
    ----------
    patch : Patch
    finding : Structure
    profile : numpy.ndarray, shape (integration,), float64, e-/s
        Mean rate of the pixels that glow, above those around them.
    """

    patch: Patch
    finding: Structure
    profile: np.ndarray


def measure_patches(
    request: SetRequest, maps: CombinedMaps, patches: Sequence[Patch], categories: np.ndarray
) -> list[Measured]:
    """Measure each patch by the pipeline's rates of its pixels in each integration.

    Parameters
    ----------
    request : SetRequest
    maps : CombinedMaps
        With maps of change, whose times are known.
    patches : sequence of Patch
    categories : numpy.ndarray, shape (y, x), uint16
        What the pixels were called: those that are bad by themselves say nothing of a patch.

    Returns
    -------
    list of Measured
        In the order of ``patches``.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    if not patches:
        return []
    science = ~request.reference_pixels()
    by_itself = (categories & ~np.uint16(sum(category.bit for category in MAY_GLOW))) != 0
    anywhere = np.zeros(science.shape, bool)
    for patch in patches:
        anywhere.ravel()[patch.region] = True
    opened = OpenSet(request.exposures, request.folder, request.integrations)
    found = [_measured(request, opened, maps, patch, science & ~by_itself, anywhere) for patch in patches]
    for exposure in opened.exposures:
        exposure.check_unchanged()
    return found


def _measured(
    request: SetRequest, opened: OpenSet, maps: CombinedMaps, patch: Patch, good: np.ndarray, anywhere: np.ndarray
) -> Measured:
    gain, tgroup = look_up_detector(request.detector).gain, request.exposures[0].set_key.tgroup
    y, x = np.unravel_index(patch.glowing, good.shape)
    profile, error = _profile(opened, maps, (y, x), good, anywhere, tgroup, gain)
    if maps.changes is None or opened.times is None:
        raise ValueError("No patch is found in integrations whose times are not known.")
    epochs = np.array(maps.changes.epochs)
    peak = int(np.argmax(profile))
    same = np.flatnonzero(epochs == epochs[peak])
    shining = profile > SHINES * error
    first = last = peak
    while first - 1 in same and shining[first - 1]:
        first -= 1
    last = max([peak, *same[shining[same] & (same > peak)]])
    chosen = same[same >= peak]
    seconds = (opened.times[chosen] - opened.times[peak]) * SECONDS_PER_DAY
    decay = fit_decay(seconds, profile[chosen], error[chosen], maps.groups * tgroup)
    finding = Structure(
        "patch", int(x.min()), int(x.max()), int(y.min()), int(y.max()), float(profile[peak]), "electron/s",
        int(y.size), *decay, first + 1, int(last) + 1,
    )  # fmt: skip
    return Measured(patch, finding, np.fmax(profile, 0))


def _profile(
    opened: OpenSet,
    maps: CombinedMaps,
    place: tuple[np.ndarray, np.ndarray],
    good: np.ndarray,
    anywhere: np.ndarray,
    tgroup: float,
    gain: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean rate of pixels above those around them in each integration and its error, e-/s."""
    from scipy.ndimage import binary_dilation

    y, x = place
    rows = slice(max(y.min() - AROUND, 0), y.max() + AROUND + 1)
    columns = slice(max(x.min() - AROUND, 0), x.max() + AROUND + 1)
    here = np.zeros(anywhere[rows, columns].shape, bool)
    here[y - rows.start, x - columns.start] = True
    usable = good[rows, columns]
    around = usable & ~binary_dilation(anywhere[rows, columns], np.ones((3, 3)), _APART)
    # Where nothing else is left, a patch is told by all of its pixels.
    here = here & usable if (here & usable).any() else here
    profile, error = np.zeros((2, len(opened.planes)))
    for number, (exposure, integration) in enumerate(opened.planes):
        rates = exposure.rate(rows, integration)[:, columns].astype(np.float64)
        inside, outside = (values[np.isfinite(values)] for values in (rates[here], rates[around]))
        level, scatter = 0.0, float(np.sqrt(12 * maps.read_variance / tgroup**2 / _whole_weight(maps.groups)))
        if outside.size >= _LEAST_AROUND:
            level = float(np.median(outside))
            scatter = float(MAD_TO_SIGMA * np.median(np.abs(outside - level)))
        mean, many = _clipped_mean(inside)
        if not many:
            error[number] = np.inf
            continue
        shot = SLOPE_SHOT * max(mean, 0.0) / (gain * tgroup * max(maps.groups - 1, 1))
        profile[number] = mean - level
        error[number] = np.sqrt((scatter**2 + shot) / many + scatter**2 * np.pi / 2 / max(outside.size, _LEAST_AROUND))
    return profile * gain, error * gain


def _whole_weight(groups: int) -> float:
    """Return the weight of a ramp without a jump, see :class:`darkmask.search.maps.CombinedMaps`."""
    return groups * (groups**2 - 1.0)


def _clipped_mean(values: np.ndarray) -> tuple[float, int]:
    """Return the mean of values near their median, and how many these are."""
    if not values.size:
        return 0.0, 0
    middle = np.median(values)
    apart = np.abs(values - middle)
    kept = values[apart <= _CLIP * MAD_TO_SIGMA * np.median(apart)]
    return (float(kept.mean()), kept.size) if kept.size else (float(middle), values.size)


def fit_decay(seconds: np.ndarray, rates: np.ndarray, errors: np.ndarray, duration: float) -> Decay:
    """Fit an exponential and a decay as 1/t to mean rates of integrations.

    Parameters
    ----------
    seconds : numpy.ndarray, shape (n,), float64
        Time of each integration since the first of them.
    rates, errors : numpy.ndarray, shape (n,), float64
        Of any unit.
    duration : float, s
        Of an integration: its rate is the mean of the law over it.

    Returns
    -------
    Decay
        Its error is that of which chi-squared rises by 1, as large as the scatter about the law makes it; where both
        laws describe the rates, with half of what they differ by.
    """
    known = np.isfinite(errors) & (errors > 0)
    seconds, rates, errors = seconds[known], rates[known], errors[known]
    if seconds.size < 2:
        return _UNKNOWN
    times = np.geomspace(_SHORTEST * duration, _LONGEST * (seconds[-1] + duration), _TRIED)
    fits = {EXPONENTIAL: _means_of_exponential(seconds, duration, times)}
    # Of 1/(1 + t/T), 1/e is left at T (e - 1).
    fits[INVERSE] = _means_of_inverse(seconds, duration, times / (np.e - 1))
    told = {law: _least(times, _chi_squared(means, rates, errors), seconds.size) for law, means in fits.items()}
    law = min(told, key=lambda one: told[one][0])
    (chi, time, error), (other_chi, other, _) = told[law], told[INVERSE if law == EXPONENTIAL else EXPONENTIAL]
    if not np.isfinite(error):
        return _UNKNOWN
    if other_chi - chi < UNDECIDED * max(1.0, chi / max(seconds.size - 2, 1)):
        return Decay(time, float(np.hypot(error, abs(time - other) / 2)), EITHER)
    return Decay(time, error, law)


def _means_of_exponential(seconds: np.ndarray, duration: float, times: np.ndarray) -> np.ndarray:
    start, end = seconds / times[:, None], (seconds + duration) / times[:, None]
    return (np.exp(-start) - np.exp(-end)) * times[:, None] / duration


def _means_of_inverse(seconds: np.ndarray, duration: float, times: np.ndarray) -> np.ndarray:
    begin = seconds + times[:, None]
    return np.log1p(duration / begin) * times[:, None] / duration


def _chi_squared(means: np.ndarray, rates: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Return chi-squared of each law, shape (law,), with the brightness that fits it best and is none below zero."""
    weight = 1 / errors**2
    bright = np.fmax((means * rates * weight).sum(axis=1) / (means**2 * weight).sum(axis=1), 0)
    return (np.square(rates - bright[:, None] * means) * weight).sum(axis=1)


def _least(times: np.ndarray, chi_squared: np.ndarray, number: int) -> tuple[float, float, float]:
    """Return the least chi-squared, the time that has it, and its error; NaN where no time is the best."""
    best = int(np.argmin(chi_squared))
    least = float(chi_squared[best])
    # Laws of two parameters: what scatters more than its errors say has larger ones.
    allowed = max(1.0, least / (number - 2)) if number > 2 else 1.0
    inside = np.flatnonzero(chi_squared <= least + allowed)
    if best in (0, times.size - 1) or inside[-1] == times.size - 1:
        return least, float("nan"), float("nan")
    low, high = times[max(inside[0] - 1, 0)], times[inside[-1] + 1]
    # Half a step on either side is the middle between the last time that is allowed and the first that is not.
    return least, float(times[best]), float((np.sqrt(high * times[inside[-1]]) - np.sqrt(low * times[inside[0]])) / 2)


def told_of(measured: Iterable[Measured], shape: tuple[int, int], detector: str):
    """Return a function from places (rows and columns, shape (n,)) to the patch that each lies in, in words.

    Parameters
    ----------
    measured : iterable of Measured
    shape : tuple of int
        Of the frame.
    detector : str
    """
    of = {int(place): one.finding.sentence(detector) for one in measured for place in one.patch.region}

    def tell(y: np.ndarray, x: np.ndarray) -> list[str]:
        places = np.asarray(y, np.int64) * shape[1] + np.asarray(x, np.int64)
        return [of.get(place, OUTSIDE) for place in places.tolist()]

    return tell
