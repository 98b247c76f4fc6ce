"""Measure each patch of pixels that decay together as one finding: how bright it is, and how fast it fades.

Traps that were filled by light empty as 1/t or exponentially; both laws are tried, and what lies between. The time is
told in which the patch falls to 1/e, which means the same in all of them.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.statistics import MAD_TO_SIGMA, median_of_finite
from darkmask.delivery.times import SECONDS_PER_DAY
from darkmask.search.maps.stacks import SLOPE_SHOT
from darkmask.search.structures import PATCH, Structure

from .changing import Patch
from .light import Light
from .steady import Planes
from .together import lit_together, parted

# The surroundings of a patch reach so many pixels beyond it, and begin so many pixels beyond where it was found.
AROUND, _APART = 8, 2
# A median of fewer pixels says little of what a patch lies above.
_LEAST_AROUND = 30
# Of a light upon which others fall, so many pixels tell what it is.
_LEAST_OWN = 9
# A patch shines where its mean rate lies so many errors above its surroundings.
SHINES = 3.0
# A rate so many sigma off the median of its patch is a hit, or a pixel of another kind.
_CLIP = 5.0
# Laws whose chi-squared differ by less than this, 2 sigma, cannot be told apart.
UNDECIDED = 4.0
# Decay times are looked for from a twentieth of an integration to a hundred times what was observed.
_SHORTEST, _LONGEST, _TRIED = 0.05, 100.0, 600
# Powers of 1/(1 + t/T) that are tried: 1/t, an exponential, which is the limit of large ones, and what lies between.
POWERS = (1.0, 1.5, 2.0, 3.0, 5.0, np.inf)
# What a decay is called by whether 1/t, and whether an exponential, describes it.
_LAWS = {(True, True): "either", (True, False): "1/t", (False, True): "exponential", (False, False): "neither"}
# What is said of a pixel that lies in no patch.
OUTSIDE = "none"


class Decay(NamedTuple):
    """How a brightness decays.

    Attributes
    ----------
    time, error : float, s
        In which it falls to 1/e of what it has when the first integration begins; NaN where it cannot be told.
    law : str
        ``exponential``, ``1/t``, ``either`` where both describe it, ``neither`` where something between does; empty
        where the time cannot be told.
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
    level : float, e-/s
        Median over the integrations of what those around them have.
    noise : float
        How much more the rates around them scatter than the noise of their differences tells; 1 at the least.
    """

    patch: Patch
    finding: Structure
    profile: np.ndarray
    level: float
    noise: float

    @property
    def light(self) -> Light:
        """What judges its pixels."""
        region = self.patch.region
        return Light(region, self.profile, self.level, self.noise, np.zeros(region.shape, bool))


def measure_patches(planes: Planes, patches: Sequence[Patch], categories: np.ndarray) -> list[Measured]:
    """Measure each patch by the pipeline's rates of its pixels in each integration.

    Parameters
    ----------
    planes : Planes
        Of a set whose times are known.
    patches : sequence of Patch
    categories : numpy.ndarray, shape (y, x), uint16
        What the pixels were called: those that are bad by themselves say nothing of a patch.

    Returns
    -------
    list of Measured
        In the order of ``patches``.
    """
    if not patches:
        return []
    science = ~planes.request.reference_pixels()
    by_itself = (categories & ~np.uint16(sum(category.bit for category in MAY_GLOW))) != 0
    anywhere = np.zeros(science.shape, bool)
    for patch in patches:
        anywhere.ravel()[patch.region] = True
    good = science & ~by_itself
    besides = _beneath(patches)
    measured: dict[int, Measured] = {}
    for number in sorted(range(len(patches)), key=lambda number: patches[number].begins):
        patch, upon = patches[number], besides.get(number, [])
        own = patch.glowing
        if upon:
            # What no other light falls on tells most of a light, if that is more than a few pixels.
            alone = own[~np.isin(own, np.concatenate([patches[other].region for other in upon]))]
            own = alone if alone.size >= _LEAST_OWN else own
        y, x = np.unravel_index(own, good.shape)
        profile, error, level, noise = _profile(planes, (y, x), good, anywhere)
        before = [measured[other].profile for other in upon if patches[other].begins < patch.begins]
        seen = parted(profile, before, patch.begins), error, level, noise
        measured[number] = _measured(planes, patch, seen, good.shape, patch.begins if before else 0)
    return [measured[number] for number in range(len(patches))]


def _beneath(patches: Sequence[Patch]) -> dict[int, list[int]]:
    """Return the numbers of the other patches that reach some of the pixels of a patch that glow."""
    found: dict[int, list[int]] = {}
    for which, places in lit_together([patch.region for patch in patches]):
        for number in which if len(which) > 1 else ():
            if np.isin(places, patches[number].glowing).any():
                known = found.setdefault(number, [])
                known += [other for other in which if other != number and other not in known]
    return found


def _measured(
    planes: Planes,
    patch: Patch,
    seen: tuple[np.ndarray, np.ndarray, float, float],
    shape: tuple[int, ...],
    earliest: int,
) -> Measured:
    maps, times = planes.maps, planes.opened.times
    y, x = np.unravel_index(patch.glowing, shape)
    profile, error, level, noise = seen
    if maps.changes is None or times is None:
        raise ValueError("No patch is found in integrations whose times are not known.")
    epochs = np.array(maps.changes.epochs)
    peak = int(np.argmax(profile))
    same = np.flatnonzero(epochs == epochs[peak])
    shining = profile > SHINES * error
    first = last = peak
    while first - 1 in same and first > earliest and shining[first - 1]:
        first -= 1
    last = max([peak, *same[shining[same] & (same > peak)]])
    chosen = same[same >= peak]
    seconds = (times[chosen] - times[peak]) * SECONDS_PER_DAY
    decay = fit_decay(seconds, profile[chosen], error[chosen], maps.groups * planes.tgroup)
    finding = Structure(
        PATCH, int(x.min()), int(x.max()), int(y.min()), int(y.max()), float(profile[peak]), "electron/s",
        int(y.size), *decay, first + 1, int(last) + 1,
    )  # fmt: skip
    return Measured(patch, finding, np.fmax(profile, 0), level, noise)


def _profile(
    planes: Planes, place: tuple[np.ndarray, np.ndarray], good: np.ndarray, anywhere: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Return the mean rate of pixels above those around them in each integration and its error, e-/s, and two numbers.

    They are the level of those around them, e-/s, and how much more these scatter than their noise tells.
    """
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
    maps, gain, opened = planes.maps, planes.gain, planes.opened
    told = planes.sigma(np.s_[rows, columns])
    nominal = float(median_of_finite(told[around] if around.any() else told))
    profile, error, levels, scatters = np.zeros((4, len(opened.planes)))
    for number, (exposure, integration) in enumerate(opened.planes):
        rates = exposure.rate(rows, integration)[:, columns].astype(np.float64)
        inside, outside = (values[np.isfinite(values)] for values in (rates[here], rates[around]))
        level, scatter = 0.0, nominal
        if outside.size >= _LEAST_AROUND:
            level = float(np.median(outside))
            scatter = float(MAD_TO_SIGMA * np.median(np.abs(outside - level)))
        levels[number], scatters[number] = level, scatter
        mean, many = _clipped_mean(inside)
        if not many:
            error[number] = np.inf
            continue
        shot = SLOPE_SHOT * max(mean, 0.0) / (gain * planes.tgroup * max(maps.groups - 1, 1))
        profile[number] = mean - level
        error[number] = np.sqrt((scatter**2 + shot) / many + scatter**2 * np.pi / 2 / max(outside.size, _LEAST_AROUND))
    more = max(float(np.median(scatters)) / nominal, 1.0) if nominal > 0 else 1.0
    return profile * gain, error * gain, float(np.median(levels)) * gain, more


def _clipped_mean(values: np.ndarray) -> tuple[float, int]:
    """Return the mean of values near their median, and how many these are."""
    if not values.size:
        return 0.0, 0
    middle = np.median(values)
    apart = np.abs(values - middle)
    kept = values[apart <= _CLIP * MAD_TO_SIGMA * np.median(apart)]
    return (float(kept.mean()), kept.size) if kept.size else (float(middle), values.size)


def fit_decay(seconds: np.ndarray, rates: np.ndarray, errors: np.ndarray, duration: float) -> Decay:
    """Fit an exponential, a decay as 1/t, and what lies between, to mean rates of integrations.

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
        Its error is half of the range in which any law has a chi-squared up to 1 above the least, as large as the
        scatter about that law makes it.
    """
    known = np.isfinite(errors) & (errors > 0)
    seconds, rates, errors = seconds[known], rates[known], errors[known]
    if seconds.size < 2:
        return _UNKNOWN
    times = np.geomspace(_SHORTEST * duration, _LONGEST * (seconds[-1] + duration), _TRIED)
    chi_squared = np.stack([
        _chi_squared(_means(seconds, duration, times, power), rates, errors) for power in POWERS
    ])  # fmt: skip
    least = float(chi_squared.min())
    # Of two parameters: what scatters more than its errors say has larger ones.
    scale = max(1.0, least / (seconds.size - 2)) if seconds.size > 2 else 1.0
    place = int(np.argmin(chi_squared.min(axis=0)))
    inside = np.flatnonzero((chi_squared <= least + scale).any(axis=0))
    if inside[0] == 0 or inside[-1] == times.size - 1:
        return _UNKNOWN
    # A limit lies in the middle between the last time that is allowed and the first that is not.
    low, high = (np.sqrt(times[one] * times[one + step]) for one, step in ((inside[0], -1), (inside[-1], 1)))
    described = chi_squared.min(axis=1) <= least + UNDECIDED * scale
    inverse, exponential = bool(described[POWERS.index(1.0)]), bool(described[POWERS.index(np.inf)])
    return Decay(float(times[place]), float(high - low) / 2, _LAWS[inverse, exponential])


def _means(seconds: np.ndarray, duration: float, times: np.ndarray, power: float) -> np.ndarray:
    """Return the means over integrations of laws that fall to 1/e in some times, as (1 + t/T)**-power.

    Returns
    -------
    numpy.ndarray, shape (time, integration)
    """
    if power == np.inf:
        begin, end = seconds / times[:, None], (seconds + duration) / times[:, None]
        return (np.exp(-begin) - np.exp(-end)) * times[:, None] / duration
    scale = times[:, None] / np.expm1(1 / power)
    begin, end = 1 + seconds / scale, 1 + (seconds + duration) / scale
    if power == 1:
        return np.log(end / begin) * scale / duration
    return (begin ** (1 - power) - end ** (1 - power)) * scale / (duration * (power - 1))


def _chi_squared(means: np.ndarray, rates: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Return chi-squared of each law, shape (law,), with the brightness that fits it best and is none below zero."""
    weight = 1 / errors**2
    bright = np.fmax((means * rates * weight).sum(axis=1) / (means**2 * weight).sum(axis=1), 0)
    return (np.square(rates - bright[:, None] * means) * weight).sum(axis=1)


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
