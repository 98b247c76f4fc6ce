"""Find the few pixels of an integration that have jumps or unusable groups, and follow them while its groups go by."""

import numpy as np

from darkmask.core.kernels import kernel
from darkmask.delivery.reading import native_float32

from .layout import (
    CHANGE,
    DEEPEST,
    DIFFERENCES,
    DO_NOT_USE,
    EIGHT_JUMPS,
    FALLS,
    HIGHEST,
    JUMP_DET,
    JUMPS,
    SATURATED,
    SCATTER,
    SQUARES,
    WEIGHT,
)
from .pixel import Readout, deepest_step, height_of_step
from .scratch import ASIDE_SHARE, N_JUMP, Scratch

# These are kept of a pixel with jumps while its ramp goes by: the number of jumps; how many of them fall; the sum and
# the sum of squares, about the slope, of its jumping differences; the group of the last jump and the weight up to it;
# the group up to which it has been looked at; and, from before that group, the sum of the quiet squares and the read.
_NUMBER, _FALLS, _SUM, _SQUARES, _LAST, _WEIGHT, _SEEN, _BEFORE, _READ, _DEEPEST, _HIGHEST = range(N_JUMP)


@kernel
def give_slots(flags, slots, jumps, aside):
    """Give numbers to pixels that have jumps, clearing their entries, and to those whose ramps are put aside.

    Return how many are put aside. The others with unusable groups have slot -1.
    """
    jumping, apart = 0, 0
    most = flags.shape[1] // ASIDE_SHARE
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
def look_through(groupdq, words, flags, group, events, number):
    """Gather the flags of a group's row, add its jumps to a list of ``number`` events, and return their new number.

    Jumps are few, so eight pixels are looked at at once. An event is the group times the width, plus the pixel.
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
def next_events(events, upcoming, end):
    """Return the next events of a row, those before ``end``."""
    first = upcoming[0]
    while upcoming[0] < upcoming[1] and events[upcoming[0]] < end:
        upcoming[0] += 1
    return events[first : upcoming[0]]


@kernel
def leave_out(events, row, scratch: Scratch):
    """Keep what :func:`take_in` needs of the pixels of a row with events, before their groups go by."""
    flags, slots, reads, squares = scratch.flags[row], scratch.slots[row], scratch.reads[row], scratch.squares[row]
    for event in events:
        x = event % flags.size
        if flags[x] & (DO_NOT_USE | SATURATED):
            continue
        one = scratch.jumps[slots[x]]
        one[_BEFORE] = squares[x]
        one[_READ] = reads[x]


@kernel
def take_in(events, group, count, row, scratch: Scratch, readout: Readout):
    """Take in some groups, one of them a jump, of pixels with events, from what :func:`leave_out` has kept."""
    sci, groupdq = scratch.sci[:count, row], scratch.groupdq[group : group + count, row]
    flags, slots, slope, squares = scratch.flags[row], scratch.slots[row], scratch.slope[row], scratch.squares[row]
    for event in events:
        x = event % flags.size
        if flags[x] & (DO_NOT_USE | SATURATED):
            continue
        one = scratch.jumps[slots[x]]
        if one[_SEEN] == group:
            continue
        one[_SEEN] = group
        before, quiet = np.float32(one[_READ]), np.float32(one[_BEFORE])
        for k in range(count):
            value = native_float32(sci[k, x])
            if groupdq[k, x] & JUMP_DET:
                step = np.float64(value) - before
                one[_NUMBER] += 1
                one[_SUM] += step
                one[_SQUARES] += (step - slope[x]) ** 2
                if step < slope[x] and step < deepest_step(np.float64(slope[x]), readout):
                    one[_FALLS] += 1
                one[_DEEPEST] = max(one[_DEEPEST], slope[x] - step)
                one[_HIGHEST] = max(one[_HIGHEST], step - slope[x])
                run = group + k - one[_LAST]
                one[_WEIGHT] += run * (run * run - 1)
                one[_LAST] = group + k
            else:
                deviation = value - before - slope[x]
                quiet += deviation * deviation
            before = value
        squares[x] = quiet


@kernel
def put_aside(sci, group, aside, number, ramps):
    for k in range(number):
        ramps[k, group] = native_float32(sci[aside[k, 0], aside[k, 1]])


@kernel
def finish_jumps(groups, slope, squares, jump, readout: Readout, out, counts):
    """Correct the maps of a pixel with jumps."""
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
    counts[DEEPEST] = height_of_step(jump[_DEEPEST], np.float64(slope), readout)
    counts[HIGHEST] = height_of_step(jump[_HIGHEST], np.float64(slope), readout)
