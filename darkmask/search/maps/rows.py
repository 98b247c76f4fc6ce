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
def next_reads(sci, reads, slope, squares):
    """Take the next group: ``reads`` becomes it, ``squares`` grows by the squared deviation from ``slope``."""
    for x in range(reads.size):
        value = native_float32(sci[x])
        deviation = value - reads[x] - slope[x]
        squares[x] += deviation * deviation
        reads[x] = value


@kernel
def next_two_reads(one, two, reads, slope, squares):
    """Take the next two groups as :func:`next_reads` takes one, in hardly more time than one takes."""
    for x in range(reads.size):
        value, next_value = native_float32(one[x]), native_float32(two[x])
        deviation = value - reads[x] - slope[x]
        next_deviation = next_value - value - slope[x]
        squares[x] = squares[x] + deviation * deviation + next_deviation * next_deviation
        reads[x] = next_value


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
