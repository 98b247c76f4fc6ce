"""Room for measuring: buffers of a thread, and the maps that it makes."""

from typing import NamedTuple

import numpy as np

from .layout import N_COUNTED, N_MEASURED, eight_at_once

# This many rows go by together: in a full frame a group of them is 64 kB, so that the data and the results stay in the
# cache that a processor has for itself.
SLAB_ROWS = 8
# ... and this many groups of them: what is summed of each pixel is taken up and put down once for all.
GROUPS_AT_ONCE = 4
# Each buffer begins at one of these places in a page, counted in values.
_SHIFTS = (176, 352, 528, 704, 880)
# Pixels that need their whole ramp are few, and the ramp is put aside as it goes by; a row with more is read again.
ASIDE_SHARE = 8
# So many numbers are kept of a pixel with jumps; darkmask/search/maps/events.py names them.
N_JUMP = 11


class Maps(NamedTuple):
    """The maps of one integration, or stacks of those of all.

    Attributes
    ----------
    measured : array, shape (row, N_MEASURED, x), float32
    counted : array, shape (row, N_COUNTED, x), int16
    """

    measured: np.ndarray
    counted: np.ndarray


class Scratch(NamedTuple):
    """Buffers of one thread, for some rows of one integration while its groups go by.

    Attributes
    ----------
    groupdq : array, shape (ngroup, row, x), uint8
    words : array, shape (ngroup, row, x // 8), uint64
        ``groupdq``, eight pixels at once.
    sci : array, shape (GROUPS_AT_ONCE, row, x), uint32
        Some groups, with the bytes of the file.
    reads, slope, squares : array, shape (row, x), float32
        The last group; the pipeline's slope in DN/group; the sum of the squared deviations of the differences from it.
    early, late : array, shape (row, x), float32
        The groups that end the early and begin the late share of the ramp.
    flags : array, shape (row, x), uint8
        Flags of any group.
    slots : array, shape (row, x), int32
        The place in ``jumps`` of a pixel with jumps, and in ``aside`` of one with unusable groups.
    jumps : array, shape (pixel, N_JUMP), float64
    events : array, shape (row, ngroup * x), int32
        Jumps of each row, see :func:`darkmask.search.maps.events.look_through`.
    upcoming : array, shape (row, 2), int64
        The first event that has not gone by, and the number of events.
    aside : array, shape (few, 2), int32
        Row and column of the pixels whose ramps are put aside.
    ramps : array, shape (few, ngroup), float32
        Those ramps, DN.
    again : array, shape (ngroup, 1, x), uint32
        The ramps of a row that is read again.
    """

    groupdq: np.ndarray
    words: np.ndarray
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
    """Make the buffers for :func:`darkmask.search.maps.integration.measure_rows`."""
    size = rows * width
    # The buffers begin at different places of a page, or a processor takes what it writes to one for what it reads of
    # another.
    reads, slope, squares, early, late = (
        np.empty(size + 1024, np.float32)[shift : shift + size].reshape(rows, width) for shift in _SHIFTS
    )
    few = rows * (width // ASIDE_SHARE)
    groupdq = np.empty((groups, rows, width), np.uint8)
    return Scratch(
        groupdq=groupdq,
        words=eight_at_once(groupdq),
        sci=np.empty((GROUPS_AT_ONCE, rows, width), np.uint32),
        reads=reads,
        slope=slope,
        squares=squares,
        early=early,
        late=late,
        flags=np.empty((rows, width), np.uint8),
        slots=np.empty((rows, width), np.int32),
        jumps=np.empty((size, N_JUMP), np.float64),
        events=np.empty((rows, groups * width), np.int32),
        upcoming=np.empty((rows, 2), np.int64),
        aside=np.empty((few, 2), np.int32),
        ramps=np.empty((few, groups), np.float32),
        again=np.empty((groups, 1, width), np.uint32),
    )


class Room(NamedTuple):
    """Buffers and stacks of one thread, used for one block of rows after the other.

    Attributes
    ----------
    rate, pedestal : array, shape (1, row, x), uint32
        The pipeline's values of one integration in DN/s and DN, with the bytes of the file.
    scratch : Scratch
        For at most ``SLAB_ROWS`` rows.
    stacks : Maps
        Shapes (integration, row, N_MEASURED, x) and (integration, row, N_COUNTED, x).
    """

    rate: np.ndarray
    pedestal: np.ndarray
    scratch: Scratch
    stacks: Maps


def make_room(integrations: int, rows: int, groups: int, width: int) -> Room:
    """Make the room for :func:`darkmask.search.maps.blocks.measure_block`."""
    rate, pedestal = np.empty((2, 1, rows, width), np.uint32)
    stacks = Maps(
        measured=np.empty((integrations, rows, N_MEASURED, width), np.float32),
        counted=np.empty((integrations, rows, N_COUNTED, width), np.int16),
    )
    return Room(rate, pedestal, make_scratch(min(rows, SLAB_ROWS), groups, width), stacks)
