"""Make the maps of one integration from a block of rows of its ramp.

All are pure functions of arrays. Nothing here knows a threshold: a map holds what was measured, and a search judges it.
Most pixels have only good groups, or only jumps besides. Their maps are made for whole rows at a time, group after
group as they are read, and jumps are taken out as they come. Only the other pixels are looked at one by one.
"""

import numpy as np

from darkmask.core.kernels import kernel
from darkmask.delivery.reading import native_float32, read_rows

from .events import finish_jumps, give_slots, leave_out, look_through, next_events, put_aside, take_in
from .layout import DO_NOT_USE, FIRST, JUMP_DET, RATE, SATURATED, SHAPE, SHAPE_FRACTION
from .pixel import Readout, measure_pixel, usable_groups
from .rows import begin_row, finish_row, first_reads, keep, next_reads
from .scratch import Maps, Scratch


@kernel
def measure_rows(place, pixels, start, rate, pedestal, readout: Readout, scratch: Scratch, maps: Maps):
    """Read and measure some rows of one integration.

    Parameters
    ----------
    place : array, shape (4, 2), int64
        File descriptor and first byte of its SCI (big-endian float32, DN) and GROUPDQ.
    pixels : int
        Number of pixels of the frame.
    start : int
        The frame's row that is the first of these.
    rate, pedestal : array, shape (row, x), uint32
        The pipeline's values in DN/s and DN, with the bytes of the file; no more rows than ``scratch`` has.
    readout : Readout
    scratch : Scratch
    maps : Maps
        Arrays to set.

    Returns
    -------
    bool
        False when the file ended too early or could not be read.
    """
    rows, measured, counted = rate.shape[0], maps.measured, maps.counted
    groupdq, words, groups = scratch.groupdq, scratch.words, scratch.groupdq.shape[0]
    share = max(int((groups - 1) * SHAPE_FRACTION), 1)
    sci, reads, slope, squares = scratch.sci, scratch.reads, scratch.slope, scratch.squares
    early, late, flags, slots = scratch.early, scratch.late, scratch.flags, scratch.slots
    events, upcoming = scratch.events, scratch.upcoming
    descriptor, offset = place[0, 0], place[0, 1]
    for row in range(rows):
        begin_row(rate[row], pedestal[row], np.float32(readout.tgroup), measured[row], slope[row], flags[row])
        upcoming[row] = 0
    for g in range(groups):
        if not read_rows(place[1, 0], place[1, 1] + g * pixels, pixels, start, rows, groupdq[g : g + 1]):
            return False
        for row in range(rows):
            upcoming[row, 1] = look_through(
                groupdq[g, row], words[g, row], flags[row], g, events[row], upcoming[row, 1]
            )  # fmt: skip
    apart = give_slots(flags[:rows], slots, scratch.jumps, scratch.aside)

    if not read_rows(descriptor, offset, pixels, start, rows, sci[:1]):
        return False
    for row in range(rows):
        first_reads(sci[0, row], reads[row], measured[row, FIRST], squares[row])
        early[row] = late[row] = reads[row]
    put_aside(sci[0], 0, scratch.aside, apart, scratch.ramps)
    for g in range(1, groups, sci.shape[0]):
        count = min(sci.shape[0], groups - g)
        if not read_rows(descriptor, offset + 4 * g * pixels, pixels, start, rows, sci[:count]):
            return False
        for row in range(rows):
            now = next_events(events[row], upcoming[row], (g + count) * reads.shape[1])
            leave_out(now, row, scratch)
            next_reads(sci, row, count, reads[row], slope[row], squares[row])
            take_in(now, g, count, row, scratch, readout)
        for k in range(count):
            put_aside(sci[k], g + k, scratch.aside, apart, scratch.ramps)
            if g + k == share:
                keep(sci[k], early[:rows])
            if g + k == groups - 1 - share:
                keep(sci[k], late[:rows])

    dq, usable, ramp = np.empty(groups, np.uint8), np.empty(groups, np.bool_), np.empty(groups, np.float32)
    for row in range(rows):
        out, counts = measured[row], counted[row]
        for x in range(reads.shape[1]):
            out[SHAPE, x] = ((early[row, x] - out[FIRST, x]) - (reads[row, x] - late[row, x])) / np.float32(share)
        finish_row(groups, reads[row], slope[row], squares[row], out, counts)
        again = False
        for x in range(reads.shape[1]):
            special = flags[row, x] & (DO_NOT_USE | SATURATED)
            # The sum is finite only if all reads are, and the slope, unless every difference is a jump.
            if not special and squares[row, x] < np.inf and abs(slope[row, x]) < np.inf:
                if flags[row, x] & JUMP_DET:
                    jumps = scratch.jumps[slots[row, x]]
                    finish_jumps(groups, slope[row, x], squares[row, x], jumps, readout, out[:, x], counts[:, x])
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
                dq[g] = groupdq[g, row, x]
            usable_groups(ramp, dq, readout.own_saturation_level, usable)
            measure_pixel(ramp, dq, usable, out[RATE, x], readout, out[:, x], counts[:, x])
    return True
