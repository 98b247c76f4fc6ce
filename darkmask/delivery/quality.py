"""Measurements of a set that say whether it can be searched: pure functions of arrays."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from darkmask.core.flags import has_flag
from darkmask.core.kernels import kernel
from darkmask.core.statistics import median_of_finite

# Fewer values in a row that are the same may be so by chance, or because they are all saturated.
MIN_REPEATED = 4
# What a sentence calls the reads of an integration, beside the rate and PEDESTAL.
RAMP = "the ramp"
# Twice what may be bad in a detector, and so may be saturated at one value, and less than what noise has below 0 where
# cutting it off matters.
_MOST_ALIKE = 0.05
# Whole counts of a noise of 2 have neighbours that are as frequent; where a value in five is the same, values were
# rounded to half of their noise.
_BEYOND_THE_NEXT, _ROUNDED = 2, 0.2
# The mean of eight reads, of which each is a whole number, has steps of 1/8; reads themselves have steps of 1. What is
# measured has values at every step near its median.
_LEAST_COUNT, _MOST_COUNT = 1 / 16, 1.25
# A number of 32 bits that was one of 16 has 13 bits of 0 at its end; what was measured has 12 in one case of 4096.
_IDLE_BITS, _HALF_BITS = np.uint32((1 << 12) - 1), np.uint32((1 << 13) - 1)


def unexplained_rates(blocks: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> float:
    """Return the fraction of the science pixels' rates that are not finite although no DQ bit says why.

    Parameters
    ----------
    blocks : iterable of (rate, dq, science)
        Some rows each: rates, float (nint, rows, x), DN/s; their DQ, uint32 (nint, rows, x); and which pixels are
        science pixels, bool (rows, x).
    """
    bad, number = 0, 0
    for rate, dq, science in blocks:
        explained = has_flag(dq, "DO_NOT_USE", "SATURATED")
        bad += int((~np.isfinite(rate) & ~explained & science).sum())
        number += int(science.sum()) * len(rate)
    return bad / max(number, 1)


def lost_pixels(pixeldq: np.ndarray, science: np.ndarray) -> float:
    """Return the fraction of the science pixels that the ramp fit was told not to use; a search learns nothing of them.

    Parameters
    ----------
    pixeldq : numpy.ndarray, shape (y, x), uint32
    science : numpy.ndarray, shape (y, x), bool
    """
    lost = has_flag(pixeldq, "DO_NOT_USE") & science
    return float(lost.sum() / max(science.sum(), 1))


def unmeasured(samples: Sequence[Mapping[str, np.ndarray]], names: Sequence[str]) -> dict[int, str]:
    """Return the integrations that are no measurement, and why.

    Parameters
    ----------
    samples : sequence of mapping of str to numpy.ndarray, shape (n,), float32
        Of each integration, what the same pixels have in each of its arrays, by the array's name.
    names : sequence of str
        What each integration is called in a sentence.

    Returns
    -------
    dict of int to str
        By position: integrations of which half of the values of an array or more are not finite, or more than half are
        one and the same; and those of which an array is, byte for byte, that of an earlier one.
    """
    found: dict[int, str] = {}
    earlier: dict[tuple[str, bytes], int] = {}
    for k, sample in enumerate(samples):
        reasons = {array: _no_measurement(values) for array, values in sample.items()}
        said = [f"{array} {why}" for array, why in reasons.items() if why]
        if said:
            found[k] = f"{names[k]} is no measurement: {' and '.join(said)}"
            continue
        digests = {
            (array, hashlib.sha256(np.ascontiguousarray(values).tobytes()).digest()): array
            for array, values in sample.items()
        }
        same = [(array, earlier[digest]) for digest, array in digests.items() if digest in earlier]
        if same:
            arrays = " and ".join(array for array, _ in same)
            found[k] = f"{names[k]} is a copy of {names[same[0][1]]} in {arrays}"
        for digest in digests:
            earlier.setdefault(digest, k)
    return found


def altered_values(samples: Sequence[Mapping[str, np.ndarray]], names: Sequence[str]) -> dict[int, str]:
    """Return the integrations whose values were cut off at one of them, or rounded, after they were measured.

    Parameters
    ----------
    samples : sequence of mapping of str to numpy.ndarray, shape (n,), float32
        As for :func:`unmeasured`.
    names : sequence of str
        What each integration is called in a sentence.

    Returns
    -------
    dict of int to str
        By position: integrations of which an array has one value in more than 5 % of its pixels, and twice as
        often as the next, or of which rates or PEDESTAL have one value in a fifth of them, or so few bits in half of
        them or more that they were rounded; and those of which the ramp has steps of more than a count, or so few bits
        that are no counts. Noise of a whole detector makes hardly two values alike.
    """
    found: dict[int, str] = {}
    for k, sample in enumerate(samples):
        said = [f"{array} {how}" for array, values in sample.items() if (how := _altered(values, array != RAMP))]
        if said:
            found[k] = f"{names[k]} was altered: {' and '.join(said)}"
    return found


def _altered(values: np.ndarray, fitted: bool) -> str:
    """Return how the values of an array differ from measured ones; empty when they do not.

    Counts of the converter, which a ramp may still be, have few values and few bits; what was fitted to them has not.
    """
    finite = values[np.isfinite(values)].astype(np.float32)
    if finite.size < MIN_REPEATED / _MOST_ALIKE:
        return ""
    different, counts = np.unique(finite, return_counts=True)
    second, most = np.partition(counts, -2)[-2:] if counts.size > 1 else (0, counts[0])
    if most > _MOST_ALIKE * finite.size and most > _BEYOND_THE_NEXT * second:
        return f"is {different[counts.argmax()]:g} in {100 * most / finite.size:.0f} % of its pixels"
    idle = np.count_nonzero((finite.view(np.uint32) & (_IDLE_BITS if fitted else _HALF_BITS)) == 0)
    if fitted and (most > _ROUNDED * finite.size or 2 * idle >= finite.size):
        return "is rounded"
    # Small parts of a count have few bits near 0 alone.
    halved = idle >= (1 - _MOST_ALIKE) * finite.size and not _are_counts(finite)
    return "is rounded" if not fitted and (halved or _step(different, counts) > _MOST_COUNT) else ""


def _are_counts(values: np.ndarray) -> bool:
    """Return whether values are those of the converter, or means of them over the frames of a group."""
    parts = values / np.float32(_LEAST_COUNT)
    return bool(np.count_nonzero(parts == np.round(parts)) > (1 - _MOST_ALIKE) * values.size)


def _step(different: np.ndarray, counts: np.ndarray) -> float:
    """Return the usual distance of neighbouring values in the middle half of a distribution, where all are frequent."""
    below = np.cumsum(counts) - counts
    middle = different[(below >= counts.sum() // 4) & (below <= 3 * counts.sum() // 4)]
    return float(np.median(np.diff(middle))) if middle.size > 1 else 0.0


def _no_measurement(values: np.ndarray) -> str:
    """Return why the values of an array cannot have been measured; empty when they can."""
    finite = values[np.isfinite(values)]
    if 2 * finite.size <= values.size:
        return "is not finite in half of its pixels or more"
    different, counts = np.unique(finite, return_counts=True)
    most = counts.argmax()
    if 2 * counts[most] > values.size:
        return f"is {different[most]:g} in more than half of its pixels"
    return ""


def repeated_in_rows(image: np.ndarray, asked: np.ndarray, amplifiers: Sequence[slice]) -> np.ndarray:
    """Return in which rows of which amplifiers more than half of the values are one and the same.

    Noise makes no two values of a measurement alike: what was filled in for data that were lost is.

    Parameters
    ----------
    image : numpy.ndarray, shape (y, x), float32
    asked : numpy.ndarray, shape (y, x), bool
        Pixels whose values count, if they are finite.
    amplifiers : sequence of slice
        The columns that each amplifier reads.

    Returns
    -------
    numpy.ndarray, shape (y, amplifier), bool
        False where fewer than ``MIN_REPEATED`` values count.
    """
    found = np.zeros((len(image), len(amplifiers)), dtype=bool)
    values = np.asarray(image, np.float32)
    for k, columns in enumerate(amplifiers):
        _most_are_one(values[:, columns], asked[:, columns], MIN_REPEATED, found[:, k])
    return found


def copied_rows(samples: np.ndarray) -> np.ndarray:
    """Return which rows have, to the bit, the values of an earlier one: of another integration, or of their own.

    Parameters
    ----------
    samples : numpy.ndarray, shape (integration, y, amplifier, n), float32
        The values of some pixels of each row that an amplifier reads.

    Returns
    -------
    numpy.ndarray, shape (integration, y, amplifier), bool
        False where a value is not finite, or fewer than half of them are different: such rows are alike by chance.
    """
    values = np.ascontiguousarray(samples, dtype=np.float32).reshape(-1, samples.shape[-1])
    different = 1 + np.count_nonzero(np.diff(np.sort(values, axis=1), axis=1), axis=1)
    telling = np.flatnonzero(np.isfinite(values).all(axis=1) & (2 * different >= values.shape[1]))
    values = values[telling]
    # A sum with odd factors differs for other bits; rows of equal sums are compared, so that none is found by chance.
    factors = np.cumprod(np.full(values.shape[1], 0x9E3779B97F4A7C15, np.uint64))
    order = np.argsort((values.view(np.uint32) * factors).sum(axis=1), kind="stable")
    same = (values[order[1:]] == values[order[:-1]]).all(axis=1)
    found = np.zeros(samples.shape[:-1], dtype=bool)
    found.reshape(-1)[telling[order[1:][same]]] = True
    return found


@kernel
def _most_are_one(image, asked, fewest, found):
    """Set in which rows more than half of the finite values that are asked are one.

    Source of the method: the majority vote of Boyer and Moore (1981), whose only possible winner is counted.
    """
    for y in range(image.shape[0]):
        winner, lead, number = np.float32(0), 0, 0
        for x in range(image.shape[1]):
            value = image[y, x]
            if asked[y, x] and np.isfinite(value):
                number += 1
                if lead == 0:
                    winner, lead = value, 1
                else:
                    lead += 1 if value == winner else -1
        if number < fewest or lead == 0:
            continue
        same = 0
        for x in range(image.shape[1]):
            same += asked[y, x] and image[y, x] == winner
        found[y] = 2 * same > number


def median_rates(rates: Iterable[np.ndarray], good: np.ndarray) -> np.ndarray:
    """Return the median rate of the good pixels of each integration, float64 (integration,), DN/s; NaN for none.

    Parameters
    ----------
    rates : iterable of numpy.ndarray, shape (y, x), float32, DN/s
        One per integration.
    good : numpy.ndarray, shape (y, x), bool
    """
    return np.array([median_of_finite(rate[good]) for rate in rates], dtype=np.float64)


def difference_noise(noise: np.ndarray, good: np.ndarray) -> float:
    """Return the median noise of a group difference of good pixels, DN; NaN when there is none.

    Parameters
    ----------
    noise : numpy.ndarray, shape (y, x), float32, DN
    good : numpy.ndarray, shape (y, x), bool
    """
    return median_of_finite(noise[good])


def jump_rate(jumps: np.ndarray, good: np.ndarray, seconds: float) -> float:
    """Return the jumps per good pixel and second.

    Parameters
    ----------
    jumps : numpy.ndarray, shape (y, x), int
        Jumps in all integrations together.
    good : numpy.ndarray, shape (y, x), bool
    seconds : float
        Time of all ramps together.

    Returns
    -------
    float
        1/s; NaN when there is no good pixel.
    """
    return float(jumps[good].mean() / seconds) if good.any() and seconds > 0 else float("nan")
