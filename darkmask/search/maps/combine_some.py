"""Combine several choices of a set's integrations at some of its pixels, each integration unpacked once for all.

What a mask leaves, and what halves show, hangs on a few pixels in a hundred, and on what the others have in common. One
row in some tells that as well as all do, so that these rows and the pixels asked are combined, and no others.
"""

from collections.abc import Sequence

import numpy as np

from .blocks import BYTES_PER_PIXEL, Blocks
from .change_kernels import change_rows
from .changes import ChangeMaps, ChangeRows, make_change_maps
from .combine import ROWS_THAT_AGREE, TYPES, join_rows
from .packing import KeptPlaces, make_packed
from .parts import SetRows
from .scratch import Maps
from .some import Choice, SomeMaps, with_images
from .stacks import Chosen, CombinedRows, combine_rows
from .taken import AT_ONCE, Taken, TakingRoom, Where, make_taken, take_kept, take_measured

# What a thread puts together before it is combined may take so much.
TOGETHER_BYTES = 20_000_000
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
    taking = _Taking(blocks, choices, every)
    parts = [_Part(choice, blocks, taking) for choice in choices]

    def end(room: TakingRoom, start: int, count: int) -> None:
        for part in parts:
            part.combine(start, count, room.taken)

    blocks.work(taking.of_measured, taking.make_room, end, taking.size, threads, taking.of_kept)
    return [part.finished() for part in parts]


class _Taking:
    """What is taken of each block of rows, for all choices."""

    def __init__(self, blocks: Blocks, choices: Sequence[Choice], every: int):
        self._blocks, self.every = blocks, every
        height, width = blocks.shape
        asked = np.logical_or.reduce([choice.pixels for choice in choices])
        asked[::every] = False
        self.places = np.flatnonzero(asked)
        self.sampled = -(-height // every)
        bytes_per_row = blocks.integrations * BYTES_PER_PIXEL * (self.sampled * width + self.places.size) // height
        # A call of a kernel with so many maps takes as long as some rows do: they are put together first.
        self.size = max(blocks.size, min(height, TOGETHER_BYTES // bytes_per_row))
        self._begins = np.searchsorted(self.places, np.append(np.arange(0, height, self.size), height) * width)
        # Of each block the last row of pixels holds some more than were asked.
        self.rows = np.append(0, np.cumsum(-(-np.diff(self._begins) // AT_ONCE)))

    def numbers(self) -> np.ndarray:
        """Return which of the pixels that are combined stands for each that is taken."""
        blocks = zip(self.rows[:-1], np.diff(self._begins), strict=True)
        return np.concatenate([first * AT_ONCE + np.arange(many) for first, many in blocks])

    def make_room(self) -> TakingRoom:
        """Make the buffers of a thread."""
        blocks, rows, more = self._blocks, -(-self.size // self.every) + 1, int(np.diff(self.rows).max(initial=0))
        width = blocks.shape[1]
        rate, pedestal = np.empty((2, 1, blocks.size, width), np.uint32)
        taken = make_taken(blocks.integrations, rows, more, width)
        return TakingRoom(rate, pedestal, make_packed(blocks.size, width), taken)

    def in_block(self, start: int) -> tuple[int, int, int, int]:
        """Return the first of the whole rows of a block, and how many there are; and the same of rows of its pixels."""
        first, stop = -(-start // self.every), -(-min(start + self.size, self._blocks.shape[0]) // self.every)
        begin, end = self.rows[start // self.size : start // self.size + 2].tolist()
        return first, stop - first, begin, end - begin

    def of_measured(self, stacks: Maps, room: TakingRoom, start: int, count: int) -> None:
        """Take what is wanted of some rows from stacks."""
        where = self._where(start, count)
        take_measured(stacks, where, self._part(room, where.start).taken)

    def of_kept(self, places: np.ndarray, kept: KeptPlaces, room: TakingRoom, start: int, count: int) -> int:
        """Take what is wanted of some rows from the files of integrations that are kept."""
        where = self._where(start, count)
        failed: int = take_kept(places, kept, where, self._part(room, where.start))
        return failed

    def _part(self, room: TakingRoom, start: int) -> TakingRoom:
        return room._replace(taken=self.part(room.taken, start - start % self.size))

    def part(self, taken: Taken, start: int) -> Taken:
        """Return the part of a thread's buffers that a block fills, by its first row."""
        _, rows, _, more = self.in_block(start)
        number = self._blocks.integrations

        def of(image: np.ndarray, rows: int) -> np.ndarray:
            # In one piece: a kernel is compiled anew for arrays that are not.
            return image.reshape(-1, *image.shape[2:])[: number * rows].reshape(number, rows, *image.shape[2:])

        return Taken(*(Maps(*(of(image, n) for image in maps)) for maps, n in zip(taken, (rows, more), strict=True)))

    def _where(self, start: int, count: int) -> Where:
        (height, width), block = self._blocks.shape, start // self.size
        begin, end = np.searchsorted(self.places, np.array([start, start + count]) * width).tolist()
        return Where(
            start,
            count,
            height,
            self.every,
            -(-start // self.every) - self.in_block(block * self.size)[0],
            self.places[begin:end] - start * width,
            begin - int(self._begins[block]),
            bool(end == self._begins[block + 1]),
            self._blocks.groups,
        )


class _Part:
    """The maps of one choice, while blocks of rows go by."""

    def __init__(self, choice: Choice, blocks: Blocks, taking: _Taking):
        height, width = blocks.shape
        self._blocks, self._taking = blocks, taking
        self._chosen = Chosen.of(choice.chosen)
        self._changes = choice.changes
        times = None if blocks.times is None else blocks.times[self._chosen.places]
        asked = choice.pixels.ravel()
        self._asked = np.flatnonzero(asked[taking.places])
        self._agreeing = max(1, height // ROWS_THAT_AGREE // taking.every)
        self._signs: list[np.ndarray] = []
        shapes = [(taking.sampled, width), (int(taking.rows[-1]), AT_ONCE)]
        self._images = [
            {name: np.empty(shape, TYPES.get(name, np.float32)) for name in CombinedRows._fields} for shape in shapes
        ]
        number = len(choice.chosen)
        self._changed = [make_change_maps(shape, times, number, nothing=not self._changes) for shape in shapes]

    def combine(self, start: int, _count: int, taken: Taken) -> None:
        """Combine what was taken of a block."""
        first, rows, begin, more = self._taking.in_block(start)
        taken = self._taking.part(taken, start)
        if rows:
            signs = np.zeros((2, self._chosen.places.size, self._blocks.shape[1]), np.int32)
            self._combine(taken.rows, 0, first, first + rows, signs, first, self._agreeing)
            self._signs.append(signs)
        if more:
            signs = np.zeros((2, self._chosen.places.size, 1), np.int32)
            self._combine(taken.pixels, 1, begin, begin + more, signs, 1, _NEVER)

    def _combine(self, some: Maps, kind: int, first: int, stop: int, signs: np.ndarray, start: int, every: int) -> None:
        groups, readout = self._blocks.groups, self._blocks.readout
        out = CombinedRows(**{name: image[first:stop] for name, image in self._images[kind].items()})
        combine_rows(some, self._chosen, groups, readout, out, signs, start, every)
        if self._changes:
            changed = self._changed[kind]
            here = changed.part(np.s_[first:stop]).rows
            change_rows(some, self._chosen, groups, readout, changed.order, out, here)

    def finished(self) -> SomeMaps:
        """Return the maps, after the last block."""
        taking, number = self._taking, self._chosen.places.size
        rows = SetRows(
            start=0,
            height=taking.sampled,
            integrations=number,
            groups=self._blocks.groups,
            read_variance=self._blocks.readout.read_variance,
            sampled=len(range(0, taking.sampled, self._agreeing)),
            signs=np.asarray(np.sum(self._signs, axis=0, dtype=np.int64)),
            rows=CombinedRows(**self._images[0]),
            changes=self._changed[0],
        )
        whole = join_rows([rows])
        own = taking.numbers()[self._asked]
        pixels = {name: image.ravel()[own][None] for name, image in self._images[1].items()}
        of_pixels = with_images(whole, pixels, self._of(own))
        return SomeMaps(self._blocks.shape, taking.every, whole, taking.places[self._asked], of_pixels)

    def _of(self, own: np.ndarray) -> ChangeMaps:
        changed = self._changed[1]
        if not self._changes:
            nothing = (np.broadcast_to(image.dtype.type(0), (1, own.size)) for image in changed.rows)
            return changed._replace(rows=ChangeRows(*nothing))
        return changed._replace(rows=ChangeRows(*(image.ravel()[own][None] for image in changed.rows)))
