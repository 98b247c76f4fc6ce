"""Combine several choices of a set's integrations at some of its pixels, each integration unpacked once for all.

What a mask leaves, and what halves show, hangs on a few pixels in a hundred, and on what the others have in common. One
row in some tells that as well as all do, so that these rows and the pixels asked are combined, and no others.
"""

from collections.abc import Sequence

import numpy as np

from darkmask.core.kernels import kernel

from .blocks import BYTES_PER_PIXEL, Blocks
from .change_kernels import change_rows
from .changes import ChangeMaps, ChangeRows, make_change_maps
from .combine import ROWS_THAT_AGREE, TYPES, join_rows
from .layout import N_COUNTED, N_MEASURED
from .order import sorting_network
from .parts import SetRows
from .scratch import Maps
from .some import Choice, SomeMaps, with_images
from .stacks import CombinedRows, combine_rows

# What a thread puts together before it is combined may take so much.
TOGETHER_BYTES = 20_000_000
# Pixels of any rows are combined as if so many of them were a row.
_AT_ONCE = 256
_NEVER = 1 << 62


def combine_some(blocks: Blocks, choices: Sequence[Choice], every: int, threads: int | None = None) -> list[SomeMaps]:
    """Combine several choices of integrations at some pixels.

    The maps of integrations that are kept on disk are taken, those of the others are made and kept (:mod:`.kept`).

    Parameters
    ----------
    blocks : Blocks
        The maps of the set's integrations.
    choices : sequence of Choice
    every : int
        One row in so many is combined as a whole.
    threads : int, optional

    Returns
    -------
    list of SomeMaps
        One for each choice, with the bits that all its integrations have there when they are combined everywhere.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    parts = [_Part(choice, blocks, every) for choice in choices]
    # A call of a kernel with so many maps takes as long as some rows do: they are put together first.
    size = max(blocks.size, min(blocks.shape[0], TOGETHER_BYTES // max(1, sum(part.bytes_per_row for part in parts))))
    for part in parts:
        part.divide(size)

    def work(stacks: Maps, rooms: list[tuple[Maps, Maps]], start: int, count: int) -> None:
        for part, room in zip(parts, rooms, strict=True):
            part.take(stacks, start, count, room)

    def end(rooms: list[tuple[Maps, Maps]], start: int, count: int) -> None:
        for part, room in zip(parts, rooms, strict=True):
            part.combine(start, count, room)

    blocks.work(work, lambda: [part.make_room() for part in parts], end, size, threads)
    return [part.finished() for part in parts]


class _Part:
    """The maps of one choice, while blocks of rows go by."""

    def __init__(self, choice: Choice, blocks: Blocks, every: int):
        height, width = blocks.shape
        self._blocks, self._every = blocks, every
        self._chosen = np.array(choice.chosen, np.int64)
        self._changes = choice.changes
        self._network = sorting_network(len(self._chosen))
        self._times = None if blocks.times is None else blocks.times[self._chosen]
        asked = choice.pixels.copy()
        asked[::every] = False
        self._places = np.flatnonzero(asked)
        self._sampled = -(-height // every)
        self._agreeing = max(1, height // ROWS_THAT_AGREE // every)
        self._signs: list[np.ndarray] = []
        pixels = self._sampled * width + self._places.size
        self.bytes_per_row = len(self._chosen) * BYTES_PER_PIXEL * pixels // height

    def divide(self, size: int) -> None:
        """Make the images, for blocks of so many rows."""
        height, width = self._blocks.shape
        self._size = size
        self._begins = np.searchsorted(self._places, np.append(np.arange(0, height, size), height) * width)
        rows = -(-np.diff(self._begins) // _AT_ONCE)
        self._rows = np.append(0, np.cumsum(rows))
        shapes = [(self._sampled, width), (int(self._rows[-1]), _AT_ONCE)]
        self._images = [
            {name: np.empty(shape, TYPES.get(name, np.float32)) for name in CombinedRows._fields} for shape in shapes
        ]
        number = len(self._chosen)
        self._changed = [make_change_maps(shape, self._times, number, nothing=not self._changes) for shape in shapes]
        self._most = -(-size // self._every) + 1, int(rows.max(initial=0))

    def make_room(self) -> tuple[Maps, Maps]:
        """Make room for whole rows of a block, and for its pixels."""
        number, (rows, more) = len(self._chosen), self._most
        shapes = (number * rows, self._blocks.shape[1]), (number * more, _AT_ONCE)
        whole, some = (
            Maps(np.empty((n, N_MEASURED, width), np.float32), np.empty((n, N_COUNTED, width), np.int16))
            for n, width in shapes
        )
        return whole, some

    def _in_block(self, start: int, count: int) -> tuple[int, int, int, int]:
        """Return the first of the whole rows of a block, and how many there are; and the same of rows of its pixels."""
        first, stop = -(-start // self._every), -(-(start + count) // self._every)
        begin, end = self._rows[start // self._size : start // self._size + 2].tolist()
        return first, stop - first, begin, end - begin

    def _room(self, maps: Maps, rows: int) -> Maps:
        number = len(self._chosen)
        measured, counted = (part[: number * rows].reshape(number, rows, *part.shape[1:]) for part in maps)
        return Maps(measured, counted)

    def take(self, stacks: Maps, start: int, count: int, room: tuple[Maps, Maps]) -> None:
        """Take from stacks what the choice needs of some rows."""
        of_block, width = start - start % self._size, self._blocks.shape[1]
        size = min(self._size, self._blocks.shape[0] - of_block)
        first, rows, _, more = self._in_block(of_block, size)
        here = -(-start // self._every)
        if rows:
            taken = -(-(start + count) // self._every) - here
            some = self._room(room[0], rows)
            _take_rows(stacks, self._chosen, here * self._every - start, self._every, taken, here - first, some)
        if more:
            begin, end = np.searchsorted(self._places, np.array([start, start + count]) * width)
            places = self._places[begin:end] - start * width
            last = end == self._begins[start // self._size + 1]
            begun = begin - self._begins[start // self._size]
            _take_pixels(stacks, self._chosen, places, begun, last, self._room(room[1], more))

    def combine(self, start: int, count: int, room: tuple[Maps, Maps]) -> None:
        """Combine what was taken of a block."""
        first, rows, begin, more = self._in_block(start, count)
        if rows:
            signs = np.zeros((len(self._chosen), self._blocks.shape[1]), np.int32)
            self._combine(self._room(room[0], rows), 0, first, first + rows, signs, first, self._agreeing)
            self._signs.append(signs)
        if more:
            signs = np.zeros((len(self._chosen), 1), np.int32)
            self._combine(self._room(room[1], more), 1, begin, begin + more, signs, 1, _NEVER)

    def _combine(self, some: Maps, kind: int, first: int, stop: int, signs: np.ndarray, start: int, every: int) -> None:
        groups, readout = self._blocks.groups, self._blocks.readout
        out = CombinedRows(**{name: image[first:stop] for name, image in self._images[kind].items()})
        combine_rows(some, self._network, groups, readout, out, signs, start, every)
        if self._changes:
            changed = self._changed[kind]
            change_rows(some, groups, readout, changed.order, out, changed.part(np.s_[first:stop]).rows)

    def finished(self) -> SomeMaps:
        """Return the maps, after the last block."""
        number = len(self._chosen)
        rows = SetRows(
            start=0,
            height=self._sampled,
            integrations=number,
            groups=self._blocks.groups,
            read_variance=self._blocks.readout.read_variance,
            sampled=len(range(0, self._sampled, self._agreeing)),
            signs=np.asarray(np.sum(self._signs, axis=0, dtype=np.int64)),
            rows=CombinedRows(**self._images[0]),
            changes=self._changed[0],
        )
        whole = join_rows([rows])
        # Of each block the last row holds some pixels more than were asked.
        blocks = zip(self._rows[:-1], np.diff(self._begins), strict=True)
        own = np.concatenate([first * _AT_ONCE + np.arange(many) for first, many in blocks])
        pixels = {name: image.ravel()[own][None] for name, image in self._images[1].items()}
        of_pixels = with_images(whole, pixels, self._of(own))
        return SomeMaps(self._blocks.shape, self._every, whole, self._places, of_pixels)

    def _of(self, own: np.ndarray) -> ChangeMaps:
        changed = self._changed[1]
        if not self._changes:
            nothing = (np.broadcast_to(image.dtype.type(0), (1, own.size)) for image in changed.rows)
            return changed._replace(rows=ChangeRows(*nothing))
        return changed._replace(rows=ChangeRows(*(image.ravel()[own][None] for image in changed.rows)))


@kernel
def _take_rows(stacks: Maps, chosen, first, every, count, place, some: Maps):
    """Take some whole rows of some integrations, from one on one in so many, to a place in ``some`` and those after."""
    for k in range(chosen.size):
        for r in range(count):
            some.measured[k, place + r] = stacks.measured[chosen[k], first + r * every]
            some.counted[k, place + r] = stacks.counted[chosen[k], first + r * every]


@kernel
def _take_pixels(stacks: Maps, chosen, places, begun, last, some: Maps):
    """Take some pixels of some integrations, behind those with which ``some`` was begun.

    The last row is filled with its last pixel again.
    """
    width, at_once = stacks.measured.shape[3], some.measured.shape[3]
    stop = some.measured.shape[1] * at_once if last else begun + places.size
    for k in range(chosen.size):
        measured, counted = stacks.measured[chosen[k]], stacks.counted[chosen[k]]
        for n in range(begun, begun + places.size):
            row, j, place = n // at_once, n % at_once, places[n - begun]
            r, x = place // width, place % width
            for m in range(N_MEASURED):
                some.measured[k, row, m, j] = measured[r, m, x]
            for m in range(N_COUNTED):
                some.counted[k, row, m, j] = counted[r, m, x]
        for n in range(begun + places.size, stop):
            row, j, before, i = n // at_once, n % at_once, (n - 1) // at_once, (n - 1) % at_once
            for m in range(N_MEASURED):
                some.measured[k, row, m, j] = some.measured[k, before, m, i]
            for m in range(N_COUNTED):
                some.counted[k, row, m, j] = some.counted[k, before, m, i]
