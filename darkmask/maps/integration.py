"""Maps of one integration, made from a block of rows of its ramp.

All are pure functions of arrays. Nothing here knows a threshold: a map says what was measured, a search judges it.

Most pixels have nothing but good groups, and jumps at most. Their maps are made for whole rows at a time, one group
after the other as they are read, with the jumps taken out as they come; only the others are looked at one by one.
"""

from typing import NamedTuple

import numpy as np

from ..delivery.reading import native_float32, read_rows
from ..kernels import kernel
from .layout import (
    CHANGE,
    DIFFERENCES,
    DO_NOT_USE,
    EIGHT_JUMPS,
    FALLS,
    FIRST,
    HAS_RATE,
    JUMP_DET,
    JUMPS,
    MARKS,
    PEDESTAL,
    RATE,
    SATURATED,
    SCATTER,
    SHAPE,
    SHAPE_FRACTION,
    SQUARES,
    WEIGHT,
)  # fmt: skip
from .pixel import deepest_step, measure_pixel, usable_groups

# Rows that go by together: in a full frame a group of them is 64 kB, so that what was read and what is made of it stay
# in the cache that a processor has for itself.
SLAB_ROWS = 8
# Pixels that need their whole ramp are few, and it is put aside as it goes by; a row with more is read once more.
_ASIDE_SHARE = 8

_SHIFTS = (176, 352, 528, 704, 880)


class Scratch(NamedTuple):
    """The buffers of one thread, for so many rows of one integration; see :func:`make_scratch`."""

    sci: np.ndarray
    reads: np.ndarray
    slope: np.ndarray
    squares: np.ndarray
    early: np.ndarray
    late: np.ndarray
    flags: np.ndarray
    slots: np.ndarray
    jumps: np.ndarray
    events: np.ndarray
    upcoming: np.ndarray
    aside: np.ndarray
    ramps: np.ndarray
    again: np.ndarray


def make_scratch(rows: int, groups: int, width: int) -> Scratch:
    """Buffers for :func:`measure_rows`.

    Parameters
    ----------
    rows, groups, width : int

    Returns
    -------
    Scratch
    """
    size = rows * width
    # Not all at the same place of a page, or a processor takes what is written to one for what is read from another.
    images = [np.empty(size + 1024, np.float32)[shift : shift + size].reshape(rows, width) for shift in _SHIFTS]
    few = rows * (width // _ASIDE_SHARE)
    return Scratch(
        np.empty((2, rows, width), np.uint32),
        *images,
        np.empty((rows, width), np.uint8),
        np.empty((rows, width), np.int32),
        np.empty((rows * width, _N_JUMP), np.float64),
        np.empty((rows, groups * width), np.int32),
        np.empty((rows, 2), np.int64),
        np.empty((few, 2), np.int32),
        np.empty((few, groups), np.float32),
        np.empty((groups, 1, width), np.uint32),
    )


@kernel
def measure_rows(
    descriptor, offset, pixels, start, rows, groupdq, words, first, rate, pedestal, tgroup, read_variance, gain, level,
    scratch, measured, counted,
):  # fmt: skip
    """Read and measure some rows of one integration.

    Parameters
    ----------
    descriptor, offset, pixels
        Where its SCI lies, see :func:`darkmask.delivery.reading.read_rows`: big-endian float32, DN.
    start, rows : int
        First row, and how many, at most those of ``scratch``.
    groupdq : array, shape (ngroup, more rows, x), uint8
    words : array, shape (ngroup, more rows, x // 8), uint64
        The same, eight pixels at a time; of width 0 where rows have no such number of pixels.
    first : int
        Row of ``groupdq`` and of all that follow which is row ``start``.
    rate, pedestal : array, shape (more rows, x), uint32
        The pipeline's in DN/s and DN, as in the file.
    tgroup : float
        Group time, s.
    read_variance : float
        Of a single read, DN**2.
    gain : float
        e-/DN.
    level : float
        DN; see :func:`darkmask.maps.pixel.usable_groups`.
    scratch : Scratch
    measured : array, shape (more rows, N_MEASURED, x), float32
        Set.
    counted : array, shape (more rows, N_COUNTED, x), int16
        Set.

    Returns
    -------
    bool
        False when the file ended too early or could not be read.
    """
    groups = groupdq.shape[0]
    share = max(int((groups - 1) * SHAPE_FRACTION), 1)
    sci, reads, slope, squares = scratch.sci, scratch.reads, scratch.slope, scratch.squares
    early, late, flags, slots = scratch.early, scratch.late, scratch.flags, scratch.slots
    events, upcoming = scratch.events, scratch.upcoming
    for row in range(rows):
        r = first + row
        _begin_row(rate[r], pedestal[r], np.float32(tgroup), measured[r], slope[row], flags[row])
        number = 0
        for g in range(groups):
            number = _look_through(groupdq[g, r], words[g, r], flags[row], g, events[row], number)
        upcoming[row, 0], upcoming[row, 1] = 0, number
    apart = _give_slots(flags[:rows], slots, scratch.jumps, scratch.aside)

    if not read_rows(descriptor, offset, pixels, start, rows, sci[:1]):
        return False
    for row in range(rows):
        _first_reads(sci[0, row], reads[row], measured[first + row, FIRST], squares[row])
        early[row] = late[row] = reads[row]
    _put_aside(sci[0], 0, scratch.aside, apart, scratch.ramps)
    for g in range(1, groups, 2):
        count = min(2, groups - g)
        if not read_rows(descriptor, offset + 4 * g * pixels, pixels, start, rows, sci[:count]):
            return False
        for row in range(rows):
            now = _next_events(events[row], upcoming[row], (g + count) * reads.shape[1])
            _leave_out(now, flags[row], slots[row], reads[row], squares[row], scratch.jumps)
            if count == 2:
                _next_two_reads(sci[0, row], sci[1, row], reads[row], slope[row], squares[row])
            else:
                _next_reads(sci[0, row], reads[row], slope[row], squares[row])
            _take_in(
                now, g, sci[:count, row], groupdq[g : g + count, first + row], flags[row], slots[row], slope[row],
                squares[row], scratch.jumps, read_variance, gain,
            )  # fmt: skip
        for k in range(count):
            _put_aside(sci[k], g + k, scratch.aside, apart, scratch.ramps)
            if g + k == share:
                _keep(sci[k], early[:rows])
            if g + k == groups - 1 - share:
                _keep(sci[k], late[:rows])

    dq, usable, ramp = np.empty(groups, np.uint8), np.empty(groups, np.bool_), np.empty(groups, np.float32)
    for row in range(rows):
        r = first + row
        out, counts = measured[r], counted[r]
        for x in range(reads.shape[1]):
            out[SHAPE, x] = ((early[row, x] - out[FIRST, x]) - (reads[row, x] - late[row, x])) / np.float32(share)
        _finish_row(groups, reads[row], slope[row], squares[row], out, counts)
        again = False
        for x in range(reads.shape[1]):
            special = flags[row, x] & (DO_NOT_USE | SATURATED)
            # The sum is finite only where slope and all reads are.
            if not special and squares[row, x] < np.inf:
                if flags[row, x] & JUMP_DET:
                    jumps = scratch.jumps[slots[row, x]]
                    _finish_jumps(groups, slope[row, x], squares[row, x], jumps, out[:, x], counts[:, x])
                continue
            if special and slots[row, x] >= 0:
                ramp[:] = scratch.ramps[slots[row, x]]
            else:
                if not again and not read_rows(descriptor, offset, pixels, start + row, 1, scratch.again):
                    return False
                again = True
                for g in range(groups):
                    ramp[g] = native_float32(scratch.again[g, 0, x])
            for g in range(groups):
                dq[g] = groupdq[g, r, x]
            usable_groups(ramp, dq, level, usable)
            measure_pixel(
                ramp, dq, usable, out[RATE, x], tgroup, read_variance, gain, out[:, x], counts[:, x]
            )  # fmt: skip
    return True


@kernel
def _begin_row(rate, pedestal, tgroup, out, slope, flags):
    for x in range(flags.size):
        flags[x] = 0
        out[RATE, x] = native_float32(rate[x])
        out[PEDESTAL, x] = native_float32(pedestal[x])
        # About the pipeline's slope, so that float32 holds the sum of squares.
        slope[x] = out[RATE, x] * tgroup


@kernel
def _look_through(groupdq, words, flags, group, events, number):
    """Gather the flags of a group's row, and add its jumps to a list of ``number`` events; gives their number.

    They are few, and eight pixels are looked at at once. An event is the group times the width, plus the pixel.
    """
    for x in range(flags.size):
        flags[x] |= groupdq[x]
    for w in range(words.size):
        if words[w] & EIGHT_JUMPS != 0:
            for x in range(8 * w, 8 * w + 8):
                if groupdq[x] & JUMP_DET:
                    events[number] = group * flags.size + x
                    number += 1
    for x in range(8 * words.size, groupdq.size):
        if groupdq[x] & JUMP_DET:
            events[number] = group * flags.size + x
            number += 1
    return number


@kernel
def _next_events(events, upcoming, end):
    """The next events of a row, those before ``end``."""
    first = upcoming[0]
    while upcoming[0] < upcoming[1] and events[upcoming[0]] < end:
        upcoming[0] += 1
    return events[first : upcoming[0]]


@kernel
def _keep(sci, image):
    for row in range(image.shape[0]):
        for x in range(image.shape[1]):
            image[row, x] = native_float32(sci[row, x])


@kernel
def _put_aside(sci, group, aside, number, ramps):
    for k in range(number):
        ramps[k, group] = native_float32(sci[aside[k, 0], aside[k, 1]])


@kernel
def _first_reads(sci, reads, first, squares):
    for x in range(reads.size):
        value = native_float32(sci[x])
        reads[x] = value
        first[x] = value
        squares[x] = 0


@kernel
def _next_reads(sci, reads, slope, squares):
    """Take the next group: ``reads`` becomes it, ``squares`` grows by the squared deviation from ``slope``."""
    for x in range(reads.size):
        value = native_float32(sci[x])
        deviation = value - reads[x] - slope[x]
        squares[x] += deviation * deviation
        reads[x] = value


@kernel
def _next_two_reads(one, two, reads, slope, squares):
    """The same of two groups, which takes hardly longer than one."""
    for x in range(reads.size):
        value, next_value = native_float32(one[x]), native_float32(two[x])
        deviation = value - reads[x] - slope[x]
        next_deviation = next_value - value - slope[x]
        squares[x] = squares[x] + deviation * deviation + next_deviation * next_deviation
        reads[x] = next_value


# What is kept of a pixel with jumps while its ramp goes by: how many there are, how many of them fall, the sum and the
# sum of squares about the slope of its jumping differences, the group of the last one and the weight up to it, the
# group up to which it has been looked at, and, from before that, the sum of the quiet squares and the read.
_NUMBER, _FALLS, _SUM, _SQUARES, _LAST, _WEIGHT, _SEEN, _BEFORE, _READ = range(9)
_N_JUMP = 9


@kernel
def _give_slots(flags, slots, jumps, aside):
    """Number the pixels that have jumps, and begin anew with each, and those whose ramps are put aside.

    Gives how many are put aside. The others with unusable groups have slot -1.
    """
    jumping, apart = 0, 0
    most = flags.shape[1] // _ASIDE_SHARE
    for row in range(flags.shape[0]):
        special = 0
        for x in range(flags.shape[1]):
            special += 1 if flags[row, x] & (DO_NOT_USE | SATURATED) else 0
        for x in range(flags.shape[1]):
            if flags[row, x] & (DO_NOT_USE | SATURATED | JUMP_DET) == 0:
                continue
            if flags[row, x] & (DO_NOT_USE | SATURATED) == 0:
                slots[row, x] = jumping
                jumps[jumping] = 0
                jumping += 1
            elif special <= most:
                slots[row, x] = apart
                aside[apart, 0], aside[apart, 1] = row, x
                apart += 1
            else:
                slots[row, x] = -1
    return apart


@kernel
def _leave_out(events, flags, slots, reads, squares, jumps):
    for event in events:
        x = event % flags.size
        if flags[x] & (DO_NOT_USE | SATURATED):
            continue
        one = jumps[slots[x]]
        one[_BEFORE] = squares[x]
        one[_READ] = reads[x]


@kernel
def _take_in(events, group, sci, groupdq, flags, slots, slope, squares, jumps, read_variance, gain):
    """Take in one or two groups of the pixels of which one is a jump, from what :func:`_leave_out` has kept."""
    for event in events:
        x = event % flags.size
        if flags[x] & (DO_NOT_USE | SATURATED):
            continue
        one = jumps[slots[x]]
        if one[_SEEN] == group:
            continue
        one[_SEEN] = group
        before, quiet = np.float32(one[_READ]), np.float32(one[_BEFORE])
        for k in range(sci.shape[0]):
            value = native_float32(sci[k, x])
            if groupdq[k, x] & JUMP_DET:
                step = np.float64(value) - before
                one[_NUMBER] += 1
                one[_SUM] += step
                one[_SQUARES] += (step - slope[x]) ** 2
                if step < slope[x] and step < deepest_step(np.float64(slope[x]), read_variance, gain):
                    one[_FALLS] += 1
                run = group + k - one[_LAST]
                one[_WEIGHT] += run * (run * run - 1)
                one[_LAST] = group + k
            else:
                deviation = value - before - slope[x]
                quiet += deviation * deviation
            before = value
        squares[x] = quiet


@kernel
def _finish_row(groups, last, slope, squares, out, counts):
    """The maps of all pixels as if none had a jump."""
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


@kernel
def _finish_jumps(groups, slope, squares, jump, out, counts):
    """Mend the maps of a pixel with jumps."""
    steps = groups - 1
    quiet = steps - int(jump[_NUMBER])
    about = out[CHANGE] / steps - slope
    out[SCATTER] = np.sqrt(max(squares + jump[_SQUARES] - steps * about * about, 0.0) / (steps - 1))
    about = (out[CHANGE] - jump[_SUM]) / quiet - slope if quiet > 0 else 0.0
    out[SQUARES] = max(squares - quiet * about * about, 0.0)
    run = groups - jump[_LAST]
    out[WEIGHT] = max(jump[_WEIGHT] + run * (run * run - 1), 1.0)
    counts[DIFFERENCES] = quiet
    counts[JUMPS] = jump[_NUMBER]
    counts[FALLS] = jump[_FALLS]
