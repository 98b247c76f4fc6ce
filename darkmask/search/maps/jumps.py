"""Measure jumps, pedestals and slopes of a block of rows of all integrations, counted as jwst_reffiles counts them.

The groups go by one after the other, so that a block takes memory only for its slopes, however long the ramps are.
Integrations are added up in their order: another order would change the last bits of a standard deviation.
"""

from typing import NamedTuple

import numpy as np

from darkmask.core.kernels import kernel
from darkmask.delivery.reading import native_float32, read_rows

from .layout import JUMP_DET, SATURATED

# Counts of a pixel, in the order of their places in a stack: integrations in which
#   saturated     group 0 is saturated and the pedestal 0,
#   high, low     the pedestal lies above its limit, or below it and group 0 is not saturated,
#   many_jumps    there are many jumps,
#   early_jumps   there are many jumps and their rate early in the ramp is some times the late one.
COUNTED_SATURATED, COUNTED_HIGH, COUNTED_LOW, COUNTED_MANY, COUNTED_EARLY = range(5)
N_COUNTS = 5
# The code of the release fixes this.
MIN_CLEAN_SLOPES = 5
# A late jump rate of 0 counts as this many jumps per group; the code of the release fixes it too.
NO_LATE_JUMPS = 1e-6
# A byte counts the jumps of so many groups.
_TALLIED = 255

_EARLY, _BETWEEN, _LATE = range(3)


class CountRules(NamedTuple):
    """What counts.

    Attributes
    ----------
    groups : int
        NGROUPS.
    cutoffs : tuple of two int
        Groups before the first are early, groups from the second on are late.
    many : float
        This many jumps count as many.
    ratio : float
        A pixel counts when its rate of early jumps over that of late ones is at least this.
    limits : array, shape (integration, 2), float32, DN
        Limits above which a pedestal is high and below which it is low; NaN when none is.
    """

    groups: int
    cutoffs: tuple[int, int]
    many: float
    ratio: float
    limits: np.ndarray


class Counted(NamedTuple):
    """What is counted of some rows.

    It comes whole: part of an array may or may not lie in one piece, and for each of the two a kernel is compiled.

    Attributes
    ----------
    counts : array, shape (N_COUNTS, y, x), int16
        Zeros, to which is added.
    scatter : array, shape (y, x), float64, DN/s
        Is set to the standard deviation of the slopes of integrations without jumps. It is NaN when those are fewer
        than ``MIN_CLEAN_SLOPES``, counting slopes of NaN, or when all of them are NaN.
    """

    counts: np.ndarray
    scatter: np.ndarray


class CountRoom(NamedTuple):
    """Buffers of one thread, used for one block of rows after the other.

    Attributes
    ----------
    groupdq : array, shape (1, row, x), uint8
    tally : array, shape (row, x), uint8
        Jumps of some groups, at most as many as it can count.
    first : array, shape (row, x), uint8
        GROUPDQ of the first group.
    jumps : array, shape (3, row, x), int16
        Jumps early in the ramp, between, and late.
    pedestal, rate : array, shape (1, row, x), uint32
        The pipeline's values in DN and DN/s, with the bytes of the file.
    slopes : array, shape (integration, row, x), float32
        Slopes of the integrations without jumps, DN/s; NaN for the others.
    clean : array, shape (row, x), int16
        Integrations without jumps.
    """

    groupdq: np.ndarray
    tally: np.ndarray
    first: np.ndarray
    jumps: np.ndarray
    pedestal: np.ndarray
    rate: np.ndarray
    slopes: np.ndarray
    clean: np.ndarray


def make_count_room(integrations: int, rows: int, width: int) -> CountRoom:
    """Make the buffers for :func:`count_block`."""
    pedestal, rate = np.empty((2, 1, rows, width), np.uint32)
    return CountRoom(
        groupdq=np.empty((1, rows, width), np.uint8),
        tally=np.empty((rows, width), np.uint8),
        first=np.empty((rows, width), np.uint8),
        jumps=np.empty((3, rows, width), np.int16),
        pedestal=pedestal,
        rate=rate,
        slopes=np.empty((integrations, rows, width), np.float32),
        clean=np.empty((rows, width), np.int16),
    )


def bytes_per_row(integrations: int, width: int) -> int:
    """Return the memory that a row of a :class:`CountRoom` takes, in bytes."""
    return width * (4 * integrations + 19)


@kernel
def count_block(places, start, count, height, rules: CountRules, room: CountRoom, begin, out: Counted):
    """Read a block of rows of all integrations, and count.

    Parameters
    ----------
    places : array, shape (integration, 4, 2), int64
        File descriptor and first byte of SCI, GROUPDQ, the rate and the pedestal of each integration.
    start, count : int
        First row, and number of rows.
    height : int
        Rows of the frame.
    rules : CountRules
    room : CountRoom
    begin : int
        The first row of ``out`` that is set.
    out : Counted

    Returns
    -------
    int
        -1, or the integration of which a file could not be read.
    """
    groups, cutoffs, limits = rules.groups, rules.cutoffs, rules.limits
    groupdq, tally, first, jumps = room.groupdq, room.tally, room.first, room.jumps
    slopes, clean = room.slopes, room.clean
    pixels = height * groupdq.shape[2]
    clean[:] = 0
    for i in range(places.shape[0]):
        jumps[:] = 0
        tally[:] = 0
        tallied = 0
        for g in range(groups):
            if not read_rows(places[i, 1, 0], places[i, 1, 1] + g * pixels, pixels, start, count, groupdq):
                return i
            if g == 0:
                first[:count] = groupdq[0, :count]
            part = _EARLY if g < cutoffs[0] else (_BETWEEN if g < cutoffs[1] else _LATE)
            for r in range(count):
                _tally_jumps(groupdq[0, r], tally[r])
            tallied += 1
            if g + 1 == cutoffs[0] or g + 1 == cutoffs[1] or g + 1 == groups or tallied == _TALLIED:
                for r in range(count):
                    _add_tally(tally[r], jumps[part, r])
                tallied = 0
        if not (
            read_rows(places[i, 2, 0], places[i, 2, 1], pixels, start, count, room.rate)
            and read_rows(places[i, 3, 0], places[i, 3, 1], pixels, start, count, room.pedestal)
        ):
            return i
        for r in range(count):
            _count_pedestals(first[r], room.pedestal[0, r], limits[i, 0], limits[i, 1], out.counts[:, begin + r])
            _count_jumps(jumps[:, r], rules, out.counts[:, begin + r])
            _take_slopes(jumps[:, r], room.rate[0, r], slopes[i, r], clean[r])
    for r in range(count):
        _scatter_of_row(slopes[:, r], clean[r], out.scatter[begin + r])
    return -1


@kernel
def _tally_jumps(groupdq, tally):
    """Count the jumps of a group's row, in bytes: a processor takes many of these at once."""
    for x in range(tally.size):
        tally[x] += (groupdq[x] // np.uint8(JUMP_DET)) & np.uint8(1)


@kernel
def _add_tally(tally, jumps):
    for x in range(tally.size):
        jumps[x] += tally[x]
        tally[x] = 0


@kernel
def _count_pedestals(first, pedestal, highest, lowest, counts):
    saturated, high, low = counts[COUNTED_SATURATED], counts[COUNTED_HIGH], counts[COUNTED_LOW]
    for x in range(first.size):
        full = (first[x] & SATURATED) != 0
        value = native_float32(pedestal[x])
        saturated[x] += 1 if full & (value == 0) else 0
        high[x] += 1 if value > highest else 0
        low[x] += 1 if (not full) & (value < lowest) else 0


@kernel
def _count_jumps(jumps, rules: CountRules, counts):
    groups, cutoffs = rules.groups, rules.cutoffs
    early, between, late = jumps[_EARLY], jumps[_BETWEEN], jumps[_LATE]
    with_many, mostly_early = counts[COUNTED_MANY], counts[COUNTED_EARLY]
    for x in range(early.size):
        if early[x] + between[x] + late[x] >= rules.many:
            with_many[x] += 1
            if cutoffs[0] > 0:
                late_rate = late[x] / (groups - cutoffs[1]) if late[x] > 0 else NO_LATE_JUMPS
                if (early[x] / cutoffs[0]) / late_rate >= rules.ratio:
                    mostly_early[x] += 1


@kernel
def _take_slopes(jumps, rate, slopes, clean):
    early, between, late = jumps[_EARLY], jumps[_BETWEEN], jumps[_LATE]
    for x in range(slopes.size):
        without = (early[x] | between[x] | late[x]) == 0
        value = native_float32(rate[x])
        slopes[x] = value if without else np.float32(np.nan)
        clean[x] += 1 if without else 0


@kernel
def _scatter_of_row(slopes, clean, scatter):
    """Set the standard deviation as ``numpy.nanstd`` of float64 over the first axis gives it, to the last bit."""
    integrations, width = slopes.shape
    number, mean, squares = np.zeros(width, np.int64), np.zeros(width, np.float64), np.zeros(width, np.float64)
    for i in range(integrations):
        one = slopes[i]
        for x in range(width):
            value = np.float64(one[x])
            known = value == value
            number[x] += 1 if known else 0
            mean[x] += value if known else 0.0
    for x in range(width):
        mean[x] /= number[x]
    for i in range(integrations):
        one = slopes[i]
        for x in range(width):
            value = np.float64(one[x])
            deviation = value - mean[x] if value == value else 0.0
            squares[x] += deviation * deviation
    for x in range(width):
        judged = (clean[x] >= MIN_CLEAN_SLOPES) & (number[x] > 0)
        scatter[x] = np.sqrt(squares[x] / number[x]) if judged else np.nan
