"""Look over all pixels of a set, exposure by exposure, for those that may stand out: without any order of integrations.

What has to be compared with limits is combined at these pixels alone (:mod:`.combine_some`), since they are a few in a
hundred.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.kernels import kernel
from darkmask.delivery.reading import native_float32, read_piece, read_rows

from .blocks import Blocks
from .layout import DIFFERENCES, FALLS, FIRST_SATURATED, JUMPS, LAST_SATURATED, MARKS, RATE, SQUARES
from .packing import DENSE_SQUARES, N_COUNTS, N_DENSE, N_VALUES, KeptPlaces
from .scratch import Maps
from .stacks import LARGEST_SQUARES

# What is told of a pixel, one bit each.
TOLD, BRIGHT, FALLING, FULL, SHORT = 1, 2, 4, 8, 16


class Glance(NamedTuple):
    """What some integrations show of each pixel at a glance; each of shape (y, x).

    Attributes
    ----------
    noise : numpy.ndarray, float32, DN
        As of :class:`.combine.CombinedMaps`, but for what rounding makes of it.
    told : numpy.ndarray, uint8
        ``TOLD``: never saturated in the first group, and with as many differences as are asked, or saturated in the
        last group at a level of its own. ``BRIGHT``: a rate reaches what is asked. ``FALLING``: it falls twice.
        ``FULL``: saturated in the last group. ``SHORT``: it has less than half of the differences of whole ramps.
    """

    noise: np.ndarray
    told: np.ndarray


def glance(
    blocks: Blocks,
    choices: Sequence[Sequence[int]],
    least_rate: float,
    least_differences: int,
    threads: int | None = None,
) -> list[Glance]:
    """Look over all pixels of several choices of integrations.

    Parameters
    ----------
    blocks : Blocks
        The maps of the set's integrations.
    choices : sequence of sequence of int
        Places among the integrations, which are all read.
    least_rate : float, DN/s
        From which on a pixel is bright.
    least_differences : int
        That a pixel needs in the mean of its integrations, jumps included.
    threads : int, optional

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    (height, width), groups = blocks.shape, blocks.groups
    seen = [Glance(np.empty(blocks.shape, np.float32), np.empty(blocks.shape, np.uint8)) for _ in choices]
    chosen = [np.array(choice, np.int64) for choice in choices]
    asked = np.float32(least_rate), least_differences

    def work(stacks: Maps, _room: _Room, start: int, count: int) -> None:
        for one, out in zip(chosen, seen, strict=True):
            rows = np.s_[start : start + count]
            _look_over(stacks, _Look(one, start, height, groups, *asked), out.noise[rows], out.told[rows])

    def of_kept(places: np.ndarray, kept: KeptPlaces, room: _Room, start: int, count: int) -> int:
        for one, out in zip(chosen, seen, strict=True):
            rows = np.s_[start : start + count]
            part = _Look(one, start, height, groups, *asked)
            failed = _look_over_kept(places, kept, part, room, out.noise[rows], out.told[rows])
            if failed >= 0:
                return failed
        return -1

    def make_room() -> _Room:
        return _Room(
            np.empty((1, blocks.size, width), np.uint32),
            np.empty((1, 1, width), np.float32),
            np.empty((width, N_VALUES), np.float32),
            np.empty((width, N_COUNTS), np.int16),
        )

    blocks.work(work, make_room, threads=threads, of_kept=of_kept)
    return seen


class _Look(NamedTuple):
    """Which integrations are looked over, from which row of how many on, and what is asked; see :func:`glance`."""

    chosen: np.ndarray
    start: int
    height: int
    groups: int
    least_rate: np.float32
    least_differences: int


class _Room(NamedTuple):
    """What a thread reads of an integration: rates of some rows, and the squares and own pixels of one of them."""

    rate: np.ndarray
    squares: np.ndarray
    values: np.ndarray
    counts: np.ndarray


class _Sums(NamedTuple):
    """What is summed over integrations, shape (row, x) each: see :mod:`.layout` for the maps; the highest rate."""

    squares: np.ndarray
    freedom: np.ndarray
    differences: np.ndarray
    falls: np.ndarray
    marks: np.ndarray
    highest: np.ndarray


@kernel
def _make_sums(rows, width):
    return _Sums(
        np.zeros((rows, width), np.float32),
        np.zeros((rows, width), np.int32),
        np.zeros((rows, width), np.int32),
        np.zeros((rows, width), np.int32),
        np.zeros((rows, width), np.int16),
        np.full((rows, width), np.float32(-np.inf)),
    )


@kernel
def _look_over(stacks: Maps, look: _Look, noise, told):
    """Look over some rows of the maps of all integrations."""
    (rows, width), chosen = noise.shape, look.chosen
    sums = _make_sums(rows, width)
    for k in range(chosen.size):
        for r in range(rows):
            measured, counted = stacks.measured[chosen[k], r], stacks.counted[chosen[k], r]
            _add(measured[RATE], measured[SQUARES], sums.highest[r], sums.squares[r])
            quiet, jumps, fallen, mark = counted[DIFFERENCES], counted[JUMPS], counted[FALLS], counted[MARKS]
            for x in range(width):
                sums.freedom[r, x] += quiet[x] - 1 if quiet[x] > 1 else 0
                sums.differences[r, x] += quiet[x] + jumps[x]
                sums.falls[r, x] += fallen[x]
                sums.marks[r, x] |= mark[x]
    _tell(sums, look, noise, told)


@kernel
def _look_over_kept(places, kept: KeptPlaces, look: _Look, room: _Room, noise, told):
    """Look over some rows of integrations that are kept; give the one of which a file could not be read, or -1.

    Nearly all pixels have no counts of their own (:mod:`.packing`): the others' differ from what all have.
    """
    (rows, width), chosen, whole = noise.shape, look.chosen, look.groups - 1
    sums = _make_sums(rows, width)
    for k in range(chosen.size):
        i = chosen[k]
        descriptor = kept.files[i, 0]
        if not read_rows(places[i, 2, 0], places[i, 2, 1], look.height * width, look.start, rows, room.rate):
            return i
        for r in range(rows):
            row = look.start + r
            first, last = kept.begins[i, row], kept.begins[i, row + 1]
            values, counts = room.values[: last - first], room.counts[: last - first]
            if not (
                read_piece(descriptor, kept.files[i, 1] + 4 * width * (N_DENSE * row + DENSE_SQUARES), room.squares[0])
                and read_piece(descriptor, kept.files[i, 2] + 4 * N_VALUES * first, values)
                and read_piece(descriptor, kept.files[i, 3] + 2 * N_COUNTS * first, counts)
            ):
                return i
            _add_kept(room.rate[0, r], room.squares[0, 0], sums.highest[r], sums.squares[r])
            for n in range(last - first):
                x = counts[n, 0]
                quiet, jumps = counts[n, 1 + DIFFERENCES], counts[n, 1 + JUMPS]
                sums.freedom[r, x] += (quiet - 1 if quiet > 1 else 0) - (whole - 1)
                sums.differences[r, x] += quiet + jumps - whole
                sums.falls[r, x] += counts[n, 1 + FALLS]
                sums.marks[r, x] |= counts[n, 1 + MARKS]
                # The rate of its own that a pixel has without the pipeline's.
                sums.highest[r, x] = values[n, 0] if values[n, 0] > sums.highest[r, x] else sums.highest[r, x]
    for r in range(rows):
        for x in range(width):
            sums.freedom[r, x] += chosen.size * (whole - 1)
            sums.differences[r, x] += chosen.size * whole
    _tell(sums, look, noise, told)
    return -1


@kernel
def _add(rate, squares, highest, total):
    for x in range(rate.size):
        total[x] += squares[x] if squares[x] < LARGEST_SQUARES else np.float32(0)
        highest[x] = rate[x] if rate[x] > highest[x] else highest[x]


@kernel
def _add_kept(rate, squares, highest, total):
    for x in range(rate.size):
        value = native_float32(rate[x])
        total[x] += squares[x] if squares[x] < LARGEST_SQUARES else np.float32(0)
        highest[x] = value if value > highest[x] else highest[x]


@kernel
def _tell(sums: _Sums, look: _Look, noise, told):
    few, every = look.least_differences * look.chosen.size, (look.groups - 1) * look.chosen.size
    for r in range(noise.shape[0]):
        total, freedom, differences = sums.squares[r], sums.freedom[r], sums.differences[r]
        falls, marks, highest = sums.falls[r], sums.marks[r], sums.highest[r]
        for x in range(noise.shape[1]):
            noise[r, x] = np.sqrt(total[x] / np.float32(freedom[x])) if freedom[x] > 0 else np.float32(np.nan)
        for x in range(noise.shape[1]):
            full = (marks[x] & LAST_SATURATED) != 0
            known = ((marks[x] & FIRST_SATURATED) == 0) & ((differences[x] >= few) | full)
            told[r, x] = (
                (TOLD if known else 0)
                | (BRIGHT if highest[x] >= look.least_rate else 0)
                | (FALLING if falls[x] >= 2 else 0)
                | (FULL if full else 0)
                | (SHORT if 2 * differences[x] < every else 0)
            )
