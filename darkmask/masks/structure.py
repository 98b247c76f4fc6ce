"""Measure how bad pixels are spread: amplifiers, rows, columns and clumps that hold more than their share.

Bad pixels of real detectors cluster, and amplifiers differ: even chance is no measure. The excess over a reference mask
is measured; without a reference, everything is.
"""

from collections.abc import Sequence

import numpy as np

from darkmask.core.statistics import binomial_at_least, binomial_at_most, surprise

# Bad pixels of good amplifiers differ by more than chance: hot pixels of seven flight lists have 0.55 to 1.45 times
# as many in one amplifier as in the mean of the others (grizli data).
AMPLIFIERS_DIFFER = 2.0
_TOUCHING = np.ones((3, 3), dtype=int)


def line_excess(bad: np.ndarray, reference: np.ndarray, science: np.ndarray, axis: int) -> tuple[float, int, int, int]:
    """Find the row or column with the largest excess of bad pixels.

    Parameters
    ----------
    bad, reference, science : numpy.ndarray, shape (y, x), bool
        ``reference`` is empty when there is nothing to compare with.
    axis : int
        1 for rows, 0 for columns.

    Returns
    -------
    excess : float
        Excess as a fraction of the science pixels of that line.
    line : int
        Number of the line, from 0.
    now, before : int
        Bad pixels in the line.
    """
    now, before = (bad & science).sum(axis=axis), (reference & science).sum(axis=axis)
    pixels = science.sum(axis=axis)
    excess = np.where(pixels > 0, (now - before) / np.maximum(pixels, 1), -np.inf)
    line = int(np.argmax(excess))
    return float(excess[line]), line, int(now[line]), int(before[line])


def amplifier_excess(
    bad: np.ndarray, reference: np.ndarray, science: np.ndarray, amplifiers: Sequence[slice]
) -> tuple[float, int, list[int]]:
    """Find the amplifier with the largest excess of the fraction of bad pixels over that of the whole detector.

    Parameters
    ----------
    bad, reference, science : numpy.ndarray, shape (y, x), bool
    amplifiers : sequence of slice
        Columns of each amplifier.

    Returns
    -------
    excess : float
        Fraction of its science pixels that are bad now and were not, less that of the whole detector.
    amplifier : int
        Number of the amplifier, from 0.
    new : list of int
        Number of new bad pixels of each amplifier.
    """
    fresh = bad & ~reference & science
    new, pixels = _each(fresh, amplifiers), _each(science, amplifiers)
    share = np.array(new) / np.maximum(pixels, 1)
    excess = share - fresh.sum() / max(int(science.sum()), 1)
    worst = int(np.argmax(excess))
    return float(excess[worst]), worst, new


def _each(pixels: np.ndarray, amplifiers: Sequence[slice]) -> list[int]:
    return [int(pixels[:, columns].sum()) for columns in amplifiers]


def amplifier_surprise(
    bad: np.ndarray, reference: np.ndarray, science: np.ndarray, amplifiers: Sequence[slice]
) -> tuple[float, int, list[int]]:
    """Find the amplifier whose number of bad pixels is most surprising beside those of the others.

    Parameters
    ----------
    bad, reference, science : numpy.ndarray, shape (y, x), bool
    amplifiers : sequence of slice
        Columns of each amplifier.

    Returns
    -------
    sigma : float
        Gaussian sigma beyond which chance leaves so few, or so many, in an amplifier whose pixels go bad
        ``AMPLIFIERS_DIFFER`` times more seldom, or more often, than those of the others. Both numbers are Poisson, so
        that the share of one in their sum is binomial (Przyborowski and Wilenski 1940, Biometrika 31, 313).
    amplifier : int
        Number of the amplifier, from 0.
    new : list of int
        Number of new bad pixels of each amplifier.
    """
    new, pixels = _each(bad & ~reference & science, amplifiers), _each(science, amplifiers)
    sigmas = []
    for count, here in zip(new, pixels, strict=True):
        elsewhere = max(sum(pixels) - here, 1)
        rarer, oftener = here / AMPLIFIERS_DIFFER, here * AMPLIFIERS_DIFFER
        fewest, most = rarer / (rarer + elsewhere), oftener / (oftener + elsewhere)
        too_few, too_many = binomial_at_most(count, sum(new), fewest), binomial_at_least(count, sum(new), most)
        sigmas.append(max(surprise(too_few), surprise(too_many)))
    worst = int(np.argmax(sigmas))
    return sigmas[worst], worst, new


def largest_clump(bad: np.ndarray, reference: np.ndarray, science: np.ndarray) -> tuple[int, tuple[int, int]]:
    """Find the largest clump of touching bad pixels (sides or corners) that were not bad before.

    Parameters
    ----------
    bad, reference, science : numpy.ndarray, shape (y, x), bool

    Returns
    -------
    pixels : int
    place : (int, int)
        x and y of its first pixel, from 0.
    """
    from scipy.ndimage import label

    labels, number = label(bad & ~reference & science, structure=_TOUCHING)
    if not number:
        return 0, (0, 0)
    sizes = np.bincount(labels.ravel())[1:]
    y, x = np.nonzero(labels == 1 + int(np.argmax(sizes)))
    return int(sizes.max()), (int(x[0]), int(y[0]))
