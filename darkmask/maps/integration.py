"""Maps of one integration, made from a block of rows of its ramp.

All are pure functions of arrays. Nothing here knows a threshold: a map says what was measured, a search judges it.

Most pixels have nothing but good groups, and jumps at most. Their maps are made for a whole row at a time, one group
after the other, with the jumps taken out as they come; only the others are looked at one by one.
"""

import numpy as np

from ..delivery.reading import native_float32
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
def _collect(groupdq, flags):
    for x in range(flags.size):
        flags[x] |= groupdq[x]


@kernel
def _list_jumps(groupdq, words, group, events, number):
    """Add the jumps of a group's row to the list of ``number`` events; gives their number.

    They are few, and eight pixels are looked at at once.
    """
    for w in range(words.size):
        jumps = words[w] & EIGHT_JUMPS
        if jumps != 0:
            for x in range(8 * w, 8 * w + 8):
                if groupdq[x] & JUMP_DET:
                    events[number, 0] = group
                    events[number, 1] = x
                    number += 1
    for x in range(8 * words.size, groupdq.size):
        if groupdq[x] & JUMP_DET:
            events[number, 0] = group
            events[number, 1] = x
            number += 1
    return number


@kernel
def measure_rows(
    sci, rows, groupdq, words, first, rate, pedestal, tgroup, read_variance, gain, level, measured, counted
):  # fmt: skip
    """Measure the maps of some rows of one integration.

    Parameters
    ----------
    sci : array, shape (ngroup, at least rows, x), uint32
        As in the file: big-endian float32, DN, read as integers.
    rows : int
    groupdq : array, shape (ngroup, more rows, x), uint8
    words : array, shape (ngroup, more rows, x // 8), uint64
        The same, eight pixels at a time; of width 0 where rows have no such number of pixels.
    first : int
        Row of ``groupdq`` and of all that follow which is the first of ``sci``.
    rate, pedestal : array, shape (more rows, x), uint32
        The pipeline's in DN/s and DN, read like ``sci``.
    tgroup : float
        Group time, s.
    read_variance : float
        Of a single read, DN**2.
    gain : float
        e-/DN.
    level : float
        DN; see :func:`usable_groups`.
    measured : array, shape (more rows, N_MEASURED, x), float32
        Set.
    counted : array, shape (more rows, N_COUNTED, x), int16
        Set.
    """
    groups, _, width = sci.shape
    share = max(int((groups - 1) * SHAPE_FRACTION), 1)
    flags = np.empty(width, np.uint8)
    reads, slope, squares = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    early, late = np.empty(width, np.float32), np.empty(width, np.float32)
    events = np.empty((groups * width, 2), np.int32)
    slots, jumps = np.empty(width, np.int32), np.empty((width, _N_JUMP), np.float64)
    ramp, dq, usable = np.empty(groups, np.float32), np.empty(groups, np.uint8), np.empty(groups, np.bool_)
    for row in range(rows):
        r = first + row
        out, counts = measured[r], counted[r]
        for x in range(width):
            flags[x] = 0
            out[RATE, x] = native_float32(rate[r, x])
            out[PEDESTAL, x] = native_float32(pedestal[r, x])
            # About the pipeline's slope, so that float32 holds the sum of squares.
            slope[x] = out[RATE, x] * np.float32(tgroup)
        number = 0
        for g in range(groups):
            _collect(groupdq[g, r], flags)
            number = _list_jumps(groupdq[g, r], words[g, r], g, events, number)
        taken = _give_slots(flags, slots, jumps)
        _first_reads(sci[0, row], reads, out[FIRST], squares)
        for x in range(width):
            late[x] = reads[x]
        begin = 0
        for g in range(1, groups):
            while begin < number and events[begin, 0] < g:
                begin += 1
            end = begin
            while end < number and events[end, 0] == g:
                end += 1
            _leave_out(events[begin:end], slots, reads, squares, jumps)
            _next_reads(sci[g, row], reads, slope, squares)
            _take_in(events[begin:end], g, slots, reads, slope, squares, jumps, read_variance, gain)
            begin = end
            if g == share:
                for x in range(width):
                    early[x] = reads[x]
            if g == groups - 1 - share:
                for x in range(width):
                    late[x] = reads[x]
        for x in range(width):
            out[SHAPE, x] = ((early[x] - out[FIRST, x]) - (reads[x] - late[x])) / np.float32(share)
        _finish_row(groups, reads, slope, squares, out, counts)
        for x in range(width):
            # The sum is finite only where slope and all reads are.
            if (flags[x] & (DO_NOT_USE | SATURATED)) == 0 and squares[x] < np.inf:
                if taken > 0 and flags[x] & JUMP_DET:
                    _finish_jumps(groups, slope[x], squares[x], jumps[slots[x]], out[:, x], counts[:, x])
                continue
            for g in range(groups):
                ramp[g] = native_float32(sci[g, row, x])
                dq[g] = groupdq[g, r, x]
            usable_groups(ramp, dq, level, usable)
            measure_pixel(
                ramp, dq, usable, out[RATE, x], tgroup, read_variance, gain, out[:, x], counts[:, x]
            )  # fmt: skip


# What is kept of a pixel with jumps while its ramp goes by: how many there are, how many of them fall, the sum and the
# sum of squares about the slope of its jumping differences, the group of the last one and the weight up to it, and,
# from before the group at hand, the sum of the quiet squares and the read.
_NUMBER, _FALLS, _SUM, _SQUARES, _LAST, _WEIGHT, _BEFORE, _READ = range(8)
_N_JUMP = 8


@kernel
def _give_slots(flags, slots, jumps):
    """Number the pixels of a row that have jumps, and begin anew with each; gives how many there are."""
    taken = 0
    for x in range(flags.size):
        if flags[x] & JUMP_DET:
            slots[x] = taken
            for i in range(_N_JUMP):
                jumps[taken, i] = 0
            taken += 1
    return taken


@kernel
def _leave_out(events, slots, reads, squares, jumps):
    for k in range(events.shape[0]):
        x = events[k, 1]
        one = jumps[slots[x]]
        one[_BEFORE] = squares[x]
        one[_READ] = reads[x]


@kernel
def _take_in(events, group, slots, reads, slope, squares, jumps, read_variance, gain):
    for k in range(events.shape[0]):
        x = events[k, 1]
        one = jumps[slots[x]]
        squares[x] = one[_BEFORE]
        step = reads[x] - one[_READ]
        one[_NUMBER] += 1
        one[_SUM] += step
        one[_SQUARES] += (step - slope[x]) ** 2
        if step < deepest_step(np.float64(slope[x]), read_variance, gain):
            one[_FALLS] += 1
        run = group - one[_LAST]
        one[_WEIGHT] += run * (run * run - 1)
        one[_LAST] = group


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
