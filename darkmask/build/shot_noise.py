"""Compare the noise of hot pixels with the charge that they show: photon transfer.

Charge comes one by one: what a steady pixel gathers in a time scatters by the square root of its number. A ramp from
which somebody took a dark has the noise of all charge that came, and shows a part of it; one that was smoothed or
multiplied has another noise than its counts and the gain make. Rates and pedestals fit such a ramp as they fit any.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.detectors import Detector, ReadoutPattern
from darkmask.core.evenly import evenly
from darkmask.core.statistics import level_and_scatter, median_of_finite
from darkmask.delivery import OpenSet
from darkmask.search.maps.layout import DO_NOT_USE, JUMP_DET, SATURATED

# Only these are steady: others scatter by more than their charge does.
_STEADY = Category.HOT.bit | Category.WARM.bit
# So many hot pixels are read, and so many good ones in the row of each, which lie in the same pages of a file: no
# nearer, where a hot pixel couples into them and the jump step flags them with it, and no farther.
_MOST, _GOOD, _NEAR, _FAR = 300, 4, 3, 40
# The shot noise of a pixel that tells is a tenth of the noise of good ones at least (variances).
_TELLS = 0.1
# Ramps bend near a full well.
_FAR_FROM_FULL = np.float32(20_000.0)
# A level and a slope are fitted to the differences of a ramp. A pixel is known by so many more, an amplifier by so many
# good pixels, and a set by so many hot ones.
_FITTED, _DIFFERENCES, _OF_AMPLIFIER, _FEWEST = 2, 20, 15, 10
# The error of a median of Gaussian values, in units of that of their mean.
_OF_MEDIAN = float(np.sqrt(np.pi / 2))
# So many reads are held at once.
_READS_AT_ONCE = 600_000


class ShotNoise(NamedTuple):
    """How the noise of hot pixels goes with the charge that they show.

    Attributes
    ----------
    ratio : float
        The variance that they have beyond good pixels, in units of that of their charge: the median of pixels, each
        with the weight of its error.
    error : float
        Of that, by how the pixels scatter.
    number : int
        How many pixels tell.
    """

    ratio: float
    error: float
    number: int


class Scatter(NamedTuple):
    """What differences of neighbouring groups say of some pixels; of several integrations, sums.

    Attributes
    ----------
    total : numpy.ndarray, shape (n,), float64, DN
        Sum of the differences.
    number : numpy.ndarray, shape (n,), int64
        How many there are.
    squares : numpy.ndarray, shape (n,), float64, DN**2
        Sum of their squared distances from a straight line in each integration.
    freedom : numpy.ndarray, shape (n,), int64
        What that sum is of independent differences with a variance of 1.
    shared : numpy.ndarray, shape (n,), float64
        By how much it is less of neighbours with a covariance of 1/2, as a line follows what they share.
    """

    total: np.ndarray
    number: np.ndarray
    squares: np.ndarray
    freedom: np.ndarray
    shared: np.ndarray


def shot_noise(
    opened: OpenSet,
    categories: np.ndarray,
    science: np.ndarray,
    amplifiers: Sequence[slice],
    detector: Detector,
    pattern: ReadoutPattern,
) -> ShotNoise | None:
    """Compare the noise of steady hot pixels with that of the charge that they show.

    Parameters
    ----------
    opened : OpenSet
    categories : numpy.ndarray, shape (y, x), uint16
        What a search found.
    science : numpy.ndarray, shape (y, x), bool
    amplifiers : sequence of slice
        The columns that each reads.
    detector : Detector
        Its gain and coupling.
    pattern : ReadoutPattern

    Returns
    -------
    ShotNoise or None
        None where too few hot pixels tell.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.

    Notes
    -----
    Source: Janesick 2001, Scientific Charge-Coupled Devices, chapter 2 (photon transfer). Good pixels of the same rows
    have the noise of the reads and what an output adds. Coupling takes as much of the noise of a pixel as of its
    signal (Moore, Ninkov and Forrest 2006, Opt. Eng. 45, 076402).
    """
    exposure, i = opened.planes[0]
    steady = science & ((categories & np.uint16(_STEADY)) != 0) & ((categories & ~np.uint16(_STEADY)) == 0)
    half = exposure.shape[1] // 2
    # By the middle of a ramp, so that a pixel that fills up is bright too. Others tell nothing, and need no reading.
    rise = (exposure.group(i, half) - exposure.group(i, 0)) / np.float32(max(half, 1))
    kept = 1 - 4 * detector.ipc
    made = kept * pattern.shot_variance / detector.gain
    with np.errstate(invalid="ignore"):
        y, x = np.nonzero(steady & (rise * made > _TELLS * detector.read_noise**2 / pattern.nframes))
    if y.size < _FEWEST:
        return None
    some = evenly(y.size, _MOST)
    y, x = y[some], x[some]
    good_y, good_x = _beside(science & (categories == 0), y, x)
    pixels_y, pixels_x = np.concatenate([y, good_y]), np.concatenate([x, good_x])
    scatter = _scatter(opened, pixels_y, pixels_x)
    starts = np.array([columns.start for columns in amplifiers])
    return photon_transfer(
        scatter,
        np.arange(pixels_y.size) >= y.size,
        np.searchsorted(starts, pixels_x, "right"),
        kept / detector.gain,
        pattern,
    )


def photon_transfer(
    scatter: Scatter, good: np.ndarray, amplifier: np.ndarray, made: float, pattern: ReadoutPattern
) -> ShotNoise | None:
    """Compare the noise of bright pixels with that of their charge.

    Parameters
    ----------
    scatter : Scatter
    good : numpy.ndarray, shape (n,), bool
        Pixels that have the noise of their amplifier alone; the others are bright.
    amplifier : numpy.ndarray, shape (n,), int
        Number of each pixel's amplifier.
    made : float, DN
        Variance of the signal of a bright pixel, in units of the signal.
    pattern : ReadoutPattern

    Returns
    -------
    ShotNoise or None
        None where too few pixels tell.
    """
    known = scatter.freedom >= _DIFFERENCES
    # Of neighbouring differences of reads the correlation is -1/2.
    reads = scatter.freedom + scatter.shared
    noises, ratios, errors, weights = [], [], [], []
    for one in np.unique(amplifier):
        here = known & (amplifier == one)
        usual, bright = np.flatnonzero(here & good), np.flatnonzero(here & ~good)
        if usual.size < _OF_AMPLIFIER:
            continue
        noise, spread = level_and_scatter(scatter.squares[usual] / reads[usual])
        level = median_of_finite(scatter.total[usual] / scatter.number[usual])
        signal = scatter.total[bright] / scatter.number[bright] - level
        reading = noise * reads[bright]
        shot = (
            signal
            * made
            * (pattern.shot_variance * scatter.freedom[bright] - 2 * pattern.shot_covariance * scatter.shared[bright])
        )
        tells = shot > _TELLS * reading
        reading, shot, of = reading[tells], shot[tells], bright[tells]
        # As good pixels scatter by their number of differences, and by what else sets them apart.
        fewer = np.sqrt(np.median(reads[usual]) / reads[of])
        ratios.append((scatter.squares[of] - reading) / shot)
        errors.append(spread / noise * fewer * (reading + shot) / shot)
        weights.append(1 / np.square(errors[-1]))
        # All pixels of an amplifier share the error of the noise of its good ones.
        noises.append(_OF_MEDIAN * spread / noise / np.sqrt(usual.size) * float((weights[-1] * reading / shot).sum()))
    ratio, error, weight = (np.concatenate(values) if values else np.empty(0) for values in (ratios, errors, weights))
    if ratio.size < _FEWEST:
        return None
    median = float(np.quantile(ratio, 0.5, weights=weight, method="inverted_cdf"))
    _, apart = level_and_scatter((ratio - median) / error)
    own = _OF_MEDIAN * apart / np.sqrt(weight.sum())
    return ShotNoise(median, float(np.hypot(own, np.sqrt(np.square(noises).sum()) / weight.sum())), int(ratio.size))


def scatter_of(sci: np.ndarray, groupdq: np.ndarray) -> Scatter:
    """Return how the differences of neighbouring groups scatter in one integration.

    Parameters
    ----------
    sci : numpy.ndarray, shape (group, n), float32, DN
    groupdq : numpy.ndarray, shape (group, n), uint8

    Returns
    -------
    Scatter
        Hits are left out by their flags, and what lies near a full well.
    """
    with np.errstate(invalid="ignore"):
        usable = ((groupdq & (SATURATED | DO_NOT_USE)) == 0) & (np.abs(sci) < _FAR_FROM_FULL)
    known = usable[:-1] & usable[1:] & ((groupdq[1:] & JUMP_DET) == 0)
    known &= known.sum(axis=0) > _FITTED
    number = known.sum(axis=0)
    times = np.arange(len(known))[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(known, np.diff(sci.astype(np.float64), axis=0), 0.0)
        total = steps.sum(axis=0)
        times = np.where(known, times - (times * known).sum(axis=0) / number, 0.0)
        spread = np.square(times).sum(axis=0)
        apart = np.where(known, steps - total / number, 0.0)
        apart -= (times * apart).sum(axis=0) / spread * times
        # What a line takes of the products of neighbours: one for its level, another for its slope.
        beside = known[:-1] & known[1:]
        shared = beside.sum(axis=0) / number + (times[:-1] * times[1:]).sum(axis=0) / spread
        squares = np.square(apart).sum(axis=0)
    told = number > 0
    return Scatter(
        total, number, np.where(told, squares, 0), np.where(told, number - _FITTED, 0), np.where(told, shared, 0)
    )


def _beside(good: np.ndarray, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return y and x of the nearest good pixels in the rows of some, ``_GOOD`` of each, none of them twice."""
    chosen = np.zeros_like(good)
    apart = [side * distance for distance in range(_NEAR, _FAR + 1) for side in (-1, 1)]
    for row, column in zip(y.tolist(), x.tolist(), strict=True):
        left = _GOOD
        for other in (column + dx for dx in apart):
            if left and 0 <= other < good.shape[1] and good[row, other] and not chosen[row, other]:
                chosen[row, other] = True
                left -= 1
    good_y, good_x = np.nonzero(chosen)
    return good_y, good_x


def _scatter(opened: OpenSet, y: np.ndarray, x: np.ndarray) -> Scatter:
    """Return the scatter of some pixels in all integrations; a part of their ramps is held at once."""
    found = [np.zeros(y.size) for _ in Scatter._fields]
    for exposure in opened.chosen:
        integrations, groups = exposure.shape[:2]
        parts = np.array_split(np.arange(y.size), -(-y.size * integrations * groups // _READS_AT_ONCE))
        searched = [i for one, i in opened.planes if one is exposure]
        for part in parts:
            sci, groupdq = exposure.ramps(y[part], x[part])
            for i in searched:
                for sums, more in zip(found, scatter_of(sci[i], groupdq[i]), strict=True):
                    sums[part] += more
    return Scatter(*found)
