"""Measure whole rows of one integration while its groups go by, as if no pixel had a jump."""

import numpy as np

from darkmask.core.kernels import kernel
from darkmask.delivery.reading import native_float32

from .layout import (  # fmt: skip
    CHANGE,
    DEEPEST,
    DIFFERENCES,
    FALLS,
    FIRST,
    HAS_RATE,
    HIGHEST,
    JUMPS,
    MARKS,
    PEDESTAL,
    RATE,
    SCATTER,
    SQUARES,
    WEIGHT,
)


@kernel
def begin_row(rate, pedestal, tgroup, out, slope, flags):
    for x in range(flags.size):
        flags[x] = 0
        out[RATE, x] = native_float32(rate[x])
        out[PEDESTAL, x] = native_float32(pedestal[x])
        # Squares are summed about the pipeline's slope, so that float32 can hold the sum.
        slope[x] = out[RATE, x] * tgroup


@kernel
def first_reads(sci, reads, first, squares):
    for x in range(reads.size):
        value = native_float32(sci[x])
        reads[x] = value
        first[x] = value
        squares[x] = 0


@kernel
def next_reads(sci, row, count, reads, slope, squares):
    """Take the next groups of a row, up to four: ``reads`` becomes the last, ``squares`` grows by each deviation.

    Parameters
    ----------
    sci : array, shape (more groups, row, x), uint32
        With the bytes of the file.
    row, count : int
    reads, slope, squares : array, shape (x,), float32
        The last group, the slope that group differences deviate from, and the sum of the squared deviations.
    """
    k = 0
    while k < count:
        if count - k >= 4:
            _next_four_reads(sci[k, row], sci[k + 1, row], sci[k + 2, row], sci[k + 3, row], reads, slope, squares)
            k += 4
        else:
            _next_read(sci[k, row], reads, slope, squares)
            k += 1


@kernel
def _next_read(sci, reads, slope, squares):
    for x in range(reads.size):
        value = native_float32(sci[x])
        deviation = value - reads[x] - slope[x]
        squares[x] += deviation * deviation
        reads[x] = value


@kernel
def _next_four_reads(one, two, three, four, reads, slope, squares):
    """Take four groups as :func:`_next_read` takes one after the other, in hardly more time than two take."""
    for x in range(reads.size):
        a, b, c, d = native_float32(one[x]), native_float32(two[x]), native_float32(three[x]), native_float32(four[x])
        p, q, r, s = a - reads[x] - slope[x], b - a - slope[x], c - b - slope[x], d - c - slope[x]
        squares[x] = squares[x] + p * p + q * q + r * r + s * s
        reads[x] = d


@kernel
def keep(sci, image):
    for row in range(image.shape[0]):
        for x in range(image.shape[1]):
            image[row, x] = native_float32(sci[row, x])


@kernel
def finish_row(groups, last, slope, squares, out, counts):
    """Finish the maps of all pixels as if none had a jump."""
    steps = np.float32(groups - 1)
    for x in range(last.size):
        change = last[x] - out[FIRST, x]
        about = change / steps - slope[x]
        deviation = max(squares[x] - steps * about * about, np.float32(0))
        out[WEIGHT, x] = np.float32(groups * (groups * groups - 1.0))
        out[CHANGE, x] = change
        out[SCATTER, x] = np.sqrt(deviation / (steps - 1))
        out[SQUARES, x] = deviation
    for x in range(last.size):
        counts[DIFFERENCES, x] = groups - 1
        counts[JUMPS, x] = 0
        counts[FALLS, x] = 0
        counts[MARKS, x] = HAS_RATE
        counts[DEEPEST, x] = 0
        counts[HIGHEST, x] = 0
