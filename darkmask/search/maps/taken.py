"""Take from the maps of integrations what choices of them are combined from: regular rows, and some pixels.

Of integrations that are all kept only this is unpacked, which is a fifth of a frame where few pixels are asked.
"""

from typing import NamedTuple

import numpy as np

from darkmask.core.kernels import kernel
from darkmask.delivery.reading import read_rows

from .layout import N_COUNTED, N_MEASURED
from .packing import KeptPlaces, Packed, read_packed, unpack_pixels, unpack_row
from .scratch import Maps

# Pixels of any rows are combined as if so many of them were a row.
AT_ONCE = 256


class Where(NamedTuple):
    """Which pixels of some rows are taken.

    Attributes
    ----------
    start, many : int
        The first of the rows, and their number.
    height : int
        Rows of the frame.
    every : int
        One row in so many is taken as a whole, from the first of the frame on.
    row : int
        Where the first of these goes.
    places : array, shape (n,), int64
        Places of the other pixels in these rows, increasing.
    begun : int
        How many pixels were taken before.
    last : bool
        Whether no other follow: then the last row is filled with its last pixel again.
    groups : int
        NGROUPS.
    """

    start: int
    many: int
    height: int
    every: int
    row: int
    places: np.ndarray
    begun: int
    last: bool
    groups: int


class Taken(NamedTuple):
    """What is taken of all integrations.

    Attributes
    ----------
    rows : Maps
        Whole rows.
    pixels : Maps
        Pixels, in rows of ``AT_ONCE``.
    """

    rows: Maps
    pixels: Maps


class TakingRoom(NamedTuple):
    """Buffers of a thread for :func:`take_kept`.

    Attributes
    ----------
    rate, pedestal : array, shape (1, row, x), uint32
        The pipeline's values of one integration in DN/s and DN, with the bytes of the file.
    packed : Packed
    taken : Taken
    """

    rate: np.ndarray
    pedestal: np.ndarray
    packed: Packed
    taken: Taken


def make_taken(integrations: int, rows: int, more: int, width: int) -> Taken:
    """Make room for so many rows of a frame, and so many rows of pixels."""
    shapes = (rows, width), (more, AT_ONCE)
    return Taken(
        *(
            Maps(
                np.empty((integrations, number, N_MEASURED, size), np.float32),
                np.empty((integrations, number, N_COUNTED, size), np.int16),
            )
            for number, size in shapes
        )
    )


@kernel
def take_measured(stacks: Maps, where: Where, taken: Taken):
    """Take what is wanted of some rows from stacks of the maps of all integrations."""
    (integrations, _, _, width), to = stacks.measured.shape, where.row
    first = -where.start % where.every
    for r in range(first, where.many, where.every):
        for i in range(integrations):
            taken.rows.measured[i, to] = stacks.measured[i, r]
            taken.rows.counted[i, to] = stacks.counted[i, r]
        to += 1
    for i in range(integrations):
        measured, counted = stacks.measured[i], stacks.counted[i]
        pixels = Maps(taken.pixels.measured[i], taken.pixels.counted[i])
        for n in range(where.places.size):
            to, j = (where.begun + n) // AT_ONCE, (where.begun + n) % AT_ONCE
            r, x = where.places[n] // width, where.places[n] % width
            for m in range(N_MEASURED):
                pixels.measured[to, m, j] = measured[r, m, x]
            for m in range(N_COUNTED):
                pixels.counted[to, m, j] = counted[r, m, x]
        _fill(where, pixels)


@kernel
def take_kept(places, kept: KeptPlaces, where: Where, room: TakingRoom):
    """Take the same from the files of integrations that are all kept.

    Parameters
    ----------
    places : array, shape (integration, 4, 2), int64
        File descriptor and first byte of SCI, GROUPDQ, the rate and the pedestal of each integration.
    kept : KeptPlaces
    where : Where
    room : TakingRoom

    Returns
    -------
    int
        -1, or the integration of which a file could not be read.
    """
    width, taken = room.rate.shape[2], room.taken
    pixels, first = where.height * width, -where.start % where.every
    for i in range(places.shape[0]):
        if not (
            read_rows(places[i, 2, 0], places[i, 2, 1], pixels, where.start, where.many, room.rate)
            and read_rows(places[i, 3, 0], places[i, 3, 1], pixels, where.start, where.many, room.pedestal)
            and read_packed(kept, i, where.start, where.many, room.packed)
        ):
            return i
        at_rows = Maps(taken.rows.measured[i], taken.rows.counted[i])
        at_pixels = Maps(taken.pixels.measured[i], taken.pixels.counted[i])
        begins = kept.begins[i, where.start - kept.rows[i, 0] :]
        begin = 0
        for r in range(where.many):
            rate, pedestal = room.rate[0, r], room.pedestal[0, r]
            own = begins[r] - begins[0], begins[r + 1] - begins[0]
            if r % where.every == first:
                to = where.row + r // where.every
                maps = Maps(at_rows.measured[to], at_rows.counted[to])
                unpack_row(room.packed, r, own, (rate, pedestal), where.groups, maps)
            end = begin
            while end < where.places.size and where.places[end] < (r + 1) * width:
                end += 1
            if end > begin:
                columns = where.places[begin:end] - r * width
                unpack_pixels(
                    room.packed, r, own, (rate, pedestal), where.groups, columns, where.begun + begin, at_pixels
                )
            begin = end
        _fill(where, at_pixels)
    return -1


@kernel
def _fill(where: Where, pixels: Maps):
    if not where.last:
        return
    for n in range(where.begun + where.places.size, pixels.measured.shape[0] * AT_ONCE):
        row, j, before, i = n // AT_ONCE, n % AT_ONCE, (n - 1) // AT_ONCE, (n - 1) % AT_ONCE
        for m in range(N_MEASURED):
            pixels.measured[row, m, j] = pixels.measured[before, m, i]
        for m in range(N_COUNTED):
            pixels.counted[row, m, j] = pixels.counted[before, m, i]
