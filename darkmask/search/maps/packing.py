"""Pack the maps of one integration for a file that is kept, and unpack them to the same bits.

A pixel has 44 bytes of maps in each integration, and noise does not compress. But the rate and the pedestal stand in
the delivery, and of a pixel whose groups are all good and without jumps the weight, the scatter and the counts follow
from the rest. So four maps are kept of all pixels, which is 16 bytes, and the others of the few pixels where they do
not follow: one in a hundred of a short ramp, one in twenty of a long one.
"""

from typing import NamedTuple

import numpy as np

from darkmask.core.kernels import kernel
from darkmask.delivery.reading import native_float32, read_piece

from .layout import (  # fmt: skip
    CHANGE,
    DIFFERENCES,
    FIRST,
    HAS_RATE,
    MARKS,
    N_COUNTED,
    PEDESTAL,
    RATE,
    SCATTER,
    SHAPE,
    SQUARES,
    WEIGHT,
)
from .scratch import Maps

# Maps of all pixels; maps of the pixels of their own, whose counts follow, after the column.
N_DENSE, N_VALUES, N_COUNTS = 4, 3, 1 + N_COUNTED
# The place of the squares among the maps of all pixels.
DENSE_SQUARES = 3


class Packed(NamedTuple):
    """Some rows of one integration, packed.

    Attributes
    ----------
    dense : array, shape (row, N_DENSE, x), float32
        ``FIRST``, ``CHANGE``, ``SHAPE`` and ``SQUARES``.
    values : array, shape (pixel, N_VALUES), float32
        ``RATE``, ``WEIGHT`` and ``SCATTER`` of the pixels where they do not follow, by row and then by column.
    counts : array, shape (pixel, N_COUNTS), int16
        Column, and all counts, of the same pixels.
    """

    dense: np.ndarray
    values: np.ndarray
    counts: np.ndarray


class KeptPlaces(NamedTuple):
    """Where the packed integrations of a set lie.

    Attributes
    ----------
    files : array, shape (integration, 4), int64
        File descriptor, or -1 for an integration that is not kept; first byte of ``dense``, ``values`` and ``counts``.
    begins : array, shape (integration, row + 1), int64
        Number of the first pixel of its own of each row, from the first row that is kept.
    rows : array, shape (integration, 2), int64
        The first row that is kept, and the one behind the last.
    """

    files: np.ndarray
    begins: np.ndarray
    rows: np.ndarray

    def hold_all(self, height: int) -> bool:
        """Return whether all rows of all integrations are kept; a worker that shares a detector keeps its own rows."""
        return bool(self.files.min() >= 0 and self.rows[:, 0].max() == 0 and self.rows[:, 1].min() == height)


def make_packed(rows: int, width: int) -> Packed:
    """Make room for some rows."""
    pixels = rows * width
    return Packed(
        np.empty((rows, N_DENSE, width), np.float32),
        np.empty((pixels, N_VALUES), np.float32),
        np.empty((pixels, N_COUNTS), np.int16),
    )


@kernel
def _has_own(measured, counted, x, groups):
    """Return whether a pixel's maps do not follow from those that all pixels have.

    A rate with the mark ``HAS_RATE`` is the pipeline's.
    """
    scatter = np.float32(np.sqrt(measured[SQUARES, x] / (np.float32(groups - 1) - 1)))
    follows = (
        (measured[WEIGHT, x] == np.float32(groups * (groups * groups - 1.0)))
        & (measured[SCATTER, x] == scatter)
        & (counted[DIFFERENCES, x] == groups - 1)
    )
    for k in range(N_COUNTED):
        follows &= (k == DIFFERENCES) | (counted[k, x] == _usual(k))
    return not follows


@kernel
def _usual(count):
    """Return a count, other than that of differences, of a pixel without jumps and bad groups."""
    return np.int16(HAS_RATE if count == MARKS else 0)


@kernel
def pack_rows(maps: Maps, groups, numbers, out: Packed):
    """Pack some rows of one integration.

    Parameters
    ----------
    maps : Maps
        Shapes (row, N_MEASURED, x) and (row, N_COUNTED, x).
    groups : int
        NGROUPS.
    numbers : array, shape (row,), int64
        Is set to the number of pixels of their own of each row.
    out : Packed
        Is set.

    Returns
    -------
    int
        Pixels of their own.
    """
    count = 0
    for r in range(maps.measured.shape[0]):
        measured, counted = maps.measured[r], maps.counted[r]
        before = count
        for x in range(measured.shape[1]):
            out.dense[r, 0, x] = measured[FIRST, x]
            out.dense[r, 1, x] = measured[CHANGE, x]
            out.dense[r, 2, x] = measured[SHAPE, x]
            out.dense[r, DENSE_SQUARES, x] = measured[SQUARES, x]
        for x in range(measured.shape[1]):
            if _has_own(measured, counted, x, groups):
                out.values[count, 0] = measured[RATE, x]
                out.values[count, 1] = measured[WEIGHT, x]
                out.values[count, 2] = measured[SCATTER, x]
                out.counts[count, 0] = x
                for k in range(N_COUNTED):
                    out.counts[count, 1 + k] = counted[k, x]
                count += 1
        numbers[r] = count - before
    return count


@kernel
def unpack_rows(kept: KeptPlaces, i, start, rate, pedestal, groups, room: Packed, maps: Maps):
    """Read and unpack some rows of one integration.

    Parameters
    ----------
    kept : KeptPlaces
    i : int
        Number of the integration.
    start : int
        First row; there are as many as ``maps`` has, and all are kept.
    rate, pedestal : array, shape (at least row, x), uint32
        The pipeline's values, with the bytes of the file.
    groups : int
        NGROUPS.
    room : Packed
        For as many rows.
    maps : Maps
        Arrays to set.

    Returns
    -------
    bool
        False when the file could not be read.
    """
    rows = maps.measured.shape[0]
    if not read_packed(kept, i, start, rows, room):
        return False
    begins = kept.begins[i, start - kept.rows[i, 0] :]
    for r in range(rows):
        own = begins[r] - begins[0], begins[r + 1] - begins[0]
        unpack_row(room, r, own, (rate[r], pedestal[r]), groups, Maps(maps.measured[r], maps.counted[r]))
    return True


@kernel
def read_packed(kept: KeptPlaces, i, start, rows, room: Packed):
    """Read some rows of one integration as they are packed; False when the file could not be read."""
    descriptor, width = kept.files[i, 0], room.dense.shape[2]
    start -= kept.rows[i, 0]
    first, last = kept.begins[i, start], kept.begins[i, start + rows]
    values, counts = room.values[: last - first], room.counts[: last - first]
    return (
        read_piece(descriptor, kept.files[i, 1] + 4 * N_DENSE * width * start, room.dense[:rows])
        and read_piece(descriptor, kept.files[i, 2] + 4 * N_VALUES * first, values)
        and read_piece(descriptor, kept.files[i, 3] + 2 * N_COUNTS * first, counts)
    )


@kernel
def unpack_row(packed: Packed, row, own, given, groups, maps: Maps):
    """Unpack a row.

    Parameters
    ----------
    packed : Packed
        Some rows.
    row : int
        Number of the row.
    own : tuple of two int
        Its first pixel of its own in ``packed``, and the one behind the last.
    given : tuple of two array, shape (x,), uint32
        The pipeline's rate and pedestal, with the bytes of the file.
    groups : int
        NGROUPS.
    maps : Maps
        Arrays to set, shapes (N_MEASURED, x) and (N_COUNTED, x).
    """
    measured, counted, rate = maps.measured, maps.counted, given[0]
    for x in range(rate.size):
        _set_measured(packed.dense[row], x, given, groups, measured, x)
    for k in range(N_COUNTED):
        usual = np.int16(groups - 1) if k == DIFFERENCES else _usual(k)
        for x in range(rate.size):
            counted[k, x] = usual
    for n in range(own[0], own[1]):
        _set_own(packed, n, measured, counted, packed.counts[n, 0])


@kernel
def _set_measured(dense, x, given, groups, measured, to):
    """Set what is measured of a pixel without events, from its column of a row to a place of ``measured``."""
    rate, pedestal = given
    measured[RATE, to] = native_float32(rate[x])
    measured[PEDESTAL, to] = native_float32(pedestal[x])
    measured[WEIGHT, to] = np.float32(groups * (groups * groups - 1.0))
    measured[FIRST, to] = dense[0, x]
    measured[CHANGE, to] = dense[1, x]
    measured[SHAPE, to] = dense[2, x]
    squares = dense[DENSE_SQUARES, x]
    measured[SQUARES, to] = squares
    measured[SCATTER, to] = np.sqrt(squares / (np.float32(groups - 1) - 1))


@kernel
def unpack_pixels(packed: Packed, row, own, given, groups, columns, begun, out: Maps):
    """Unpack some pixels of a row, behind those with which ``out`` was begun.

    Parameters
    ----------
    packed, row, own, given, groups
        See :func:`unpack_row`.
    columns : array, shape (n,), int64
        Increasing.
    begun : int
    out : Maps
        Arrays to set, shapes (row, N_MEASURED, x) and (row, N_COUNTED, x).
    """
    (n, last), at_once = own, out.measured.shape[2]
    for k in range(columns.size):
        x, j = columns[k], (begun + k) % at_once
        measured, counted = out.measured[(begun + k) // at_once], out.counted[(begun + k) // at_once]
        _set_measured(packed.dense[row], x, given, groups, measured, j)
        for m in range(N_COUNTED):
            counted[m, j] = np.int16(groups - 1) if m == DIFFERENCES else _usual(m)
        while n < last and packed.counts[n, 0] < x:
            n += 1
        if n < last and packed.counts[n, 0] == x:
            _set_own(packed, n, measured, counted, j)


@kernel
def _set_own(packed: Packed, n, measured, counted, x):
    """Set what a pixel has of its own."""
    measured[RATE, x], measured[WEIGHT, x] = packed.values[n, 0], packed.values[n, 1]
    measured[SCATTER, x] = packed.values[n, 2]
    for k in range(N_COUNTED):
        counted[k, x] = packed.counts[n, 1 + k]
