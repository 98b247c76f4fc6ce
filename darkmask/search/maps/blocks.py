"""Go through the maps of all integrations of a set, block of rows by block of rows, as they are kept or as measured."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TypeVar

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.core.errors import SearchError
from darkmask.core.kernels import kernel, work_in_blocks
from darkmask.delivery import Exposure, OpenSet
from darkmask.delivery.reading import read_rows

from .integration import measure_rows
from .kept import KeptMaps, nothing_kept
from .layout import N_COUNTED, N_MEASURED
from .packing import KeptPlaces, Packed, make_packed, unpack_rows
from .pixel import Readout
from .scratch import SLAB_ROWS, Maps, Room, make_room

More = TypeVar("More")

# The stacks of a thread may take this much: two slabs of ten integrations of a full frame. Of fewer rows at a time each
# call of a kernel and each read does less; of more the stacks do not stay in a processor's cache.
BLOCK_BYTES = 14_500_000
BYTES_PER_PIXEL = 4 * N_MEASURED + 2 * N_COUNTED


class Blocks:
    """The maps of all integrations of a set, unpacked or measured block of rows by block of rows.

    Parameters
    ----------
    exposures : sequence of Exposure
        Exposures of one set.
    folder : Path
        The delivery's folder.
    detector : Detector
        Read noise and gain of the detector tell how far an integration may lie from the others.
    own_saturation_level : float
        Level in DN, see :func:`darkmask.search.maps.pixel.usable_groups`.
    integrations : sequence of int, optional
        Numbers of the integrations, counted over all exposures; all by default.
    block_bytes : int, optional
        Memory that the stacks of each thread may take (one row of all integrations at least); it never changes the
        result.

    Attributes
    ----------
    shape : tuple of int
        Of the frame.
    integrations, groups : int
    times : numpy.ndarray or None
        See :class:`darkmask.delivery.opened.OpenSet`.
    readout : Readout
    size : int
        Rows of a block that a thread has room for.
    """

    def __init__(
        self,
        exposures: Sequence[Exposure],
        folder: Path,
        detector: Detector,
        own_saturation_level: float,
        integrations: Sequence[int] | None = None,
        block_bytes: int | None = None,
    ):
        if not exposures:
            raise SearchError("There is no whole exposure to search: deliver at least one triplet.")
        self._opened, self._folder = OpenSet(exposures, folder, integrations), folder
        _, self.groups, height, width = self._opened.exposures[0].shape
        self.shape, self.times = (height, width), self._opened.times
        self.readout = Readout(
            tgroup=exposures[0].set_key.tgroup,
            read_variance=detector.read_variance(exposures[0].set_key.readpatt),
            gain=detector.gain,
            own_saturation_level=own_saturation_level,
        )
        self.integrations = len(self._opened.planes)
        row = width * BYTES_PER_PIXEL * self.integrations
        size = max(1, (block_bytes or BLOCK_BYTES) // row)
        # Whole slabs: of the rest of one, each read would be shorter.
        self.size = min(height, size - size % SLAB_ROWS if size > SLAB_ROWS else size)

    def work(
        self,
        work: Callable[[Maps, More, int, int], None],
        make_more: Callable[[], More],
        end: Callable[[More, int, int], None] = lambda *_: None,
        size: int | None = None,
        threads: int | None = None,
        of_kept: Callable[[np.ndarray, KeptPlaces, More, int, int], int] | None = None,
        rows: tuple[int, int] | None = None,
        keep: bool = True,
    ) -> None:
        """Do some work on the maps of all rows, in threads that each have buffers of their own.

        Parameters
        ----------
        work : callable
            Called with the stacks of all integrations, the buffers of a thread, the first row and the number of rows.
        make_more : callable
            Makes these buffers.
        end : callable
            Called with the buffers of a thread after so many rows, with the first of them and their number.
        size : int, optional
            So many rows; as many as a thread has room for by default.
        threads : int, optional
            Number of threads; by default one for each core that this process may use.
        of_kept : callable, optional
            Does the same from the files of integrations that are all kept: called with the places of the integrations
            and of what is kept of them, the buffers of a thread, the first row and the number of rows. It returns -1,
            or the integration of which a file could not be read.
        rows : (int, int), optional
            The first row and the one behind the last; all by default.
        keep : bool
            Take the maps of integrations that are kept on disk, and keep those of the others (:mod:`.kept`); it never
            changes the result.

        Raises
        ------
        DeliveryError
            When a file can no longer be read as it was scanned.
        """
        opened, number, groups, (height, width) = self._opened, self.integrations, self.groups, self.shape
        at_once, (begin, stop) = self.size, rows or (0, height)
        kept = KeptMaps(opened.planes, self._folder, self.readout, self.shape, (begin, stop)) if keep else None

        def on_block(rooms: tuple[Room, Packed, More], at: int, many: int) -> None:
            (room, packed, more), first = rooms, begin + at
            for start in range(first, first + many, at_once):
                count = min(at_once, first + many - start)
                places = opened.places, kept.places if kept else nothing_kept(number)
                # What can no longer be read of a file that is kept is measured.
                if (
                    of_kept is not None
                    and kept
                    and kept.places.hold_all(height)
                    and of_kept(*places, more, start, count) < 0
                ):
                    continue
                opened.require_read(measure_block(*places, start, count, height, self.readout, room, packed))
                if kept:
                    stacks = Maps(room.stacks.measured[:, :count], room.stacks.counted[:, :count])
                    kept.keep(start, stacks, packed, groups)
                work(room.stacks, more, start, count)
            end(more, first, many)

        def make_rooms() -> tuple[Room, Packed, More]:
            return make_room(number, at_once, groups, width), make_packed(at_once if kept else 0, width), make_more()

        # What changed meanwhile is not kept.
        with kept or nullcontext(), opened:
            work_in_blocks(on_block, stop - begin, size or at_once, make_rooms, threads)


@kernel
def measure_block(places, kept: KeptPlaces, start, count, height, readout: Readout, room: Room, packed: Packed):
    """Read a block of rows of all integrations, and measure what is not kept.

    Parameters
    ----------
    places : array, shape (integration, 4, 2), int64
        File descriptor and first byte of SCI, GROUPDQ, the rate and the pedestal of each integration.
    kept : KeptPlaces
    start, count : int
        First row, and number of rows.
    height : int
        Rows of the frame.
    readout : Readout
    room : Room
        Its stacks are set.
    packed : Packed
        Room for a block of one integration; for no row when none is kept.

    Returns
    -------
    int
        -1, or the integration of which a file could not be read.
    """
    rate, pedestal, stacks = room.rate, room.pedestal, room.stacks
    pixels = height * rate.shape[2]
    slab, groups = room.scratch.reads.shape[0], room.scratch.groupdq.shape[0]
    for i in range(places.shape[0]):
        if not (
            read_rows(places[i, 2, 0], places[i, 2, 1], pixels, start, count, rate)
            and read_rows(places[i, 3, 0], places[i, 3, 1], pixels, start, count, pedestal)
        ):
            return i
        if kept.files[i, 0] >= 0 and kept.rows[i, 0] <= start and start + count <= kept.rows[i, 1]:
            maps = Maps(stacks.measured[i, :count], stacks.counted[i, :count])
            if unpack_rows(kept, i, start, rate[0], pedestal[0], groups, packed, maps):
                continue
        for first in range(0, count, slab):
            end = min(first + slab, count)
            maps = Maps(stacks.measured[i, first:end], stacks.counted[i, first:end])
            if not measure_rows(
                places[i], pixels, start + first, rate[0, first:end], pedestal[0, first:end], readout, room.scratch,
                maps,
            ):  # fmt: skip
                return i
    return -1
