"""Go through the maps of all integrations of a set, block of rows by block of rows, as they are kept or as measured."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.core.errors import SearchError
from darkmask.core.kernels import work_in_blocks
from darkmask.delivery import Exposure, OpenSet

from .combine import BLOCK_BYTES, BYTES_PER_PIXEL, measure_block
from .kept import KeptMaps
from .packing import KeptPlaces, Packed, make_packed
from .pixel import Readout
from .scratch import Maps, make_room
from .scratch import Room as Buffers

Room = TypeVar("Room")


class Blocks:
    """The maps of all integrations of a set, unpacked or measured block of rows by block of rows.

    Parameters
    ----------
    exposures, folder, detector, own_saturation_level, integrations
        See :func:`.combine_some.combine_some`.

    Attributes
    ----------
    shape : tuple of int
        Of the frame.
    groups : int
    times : numpy.ndarray or None
        See :class:`darkmask.delivery.OpenSet`.
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
        self._number = len(self._opened.planes)
        self.size = min(height, max(1, BLOCK_BYTES // (width * BYTES_PER_PIXEL * self._number)))

    def work(
        self,
        work: Callable[[Maps, Room, int, int], None],
        make_more: Callable[[], Room],
        end: Callable[[Room, int, int], None] = lambda *_: None,
        size: int | None = None,
        threads: int | None = None,
        of_kept: Callable[[np.ndarray, KeptPlaces, Room, int, int], int] | None = None,
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
        of_kept : callable, optional
            Does the same from the files of integrations that are all kept: called with the places of the integrations
            and of what is kept of them, the buffers of a thread, the first row and the number of rows. It returns -1,
            or the integration of which a file could not be read.

        Raises
        ------
        DeliveryError
            When a file can no longer be read as it was scanned.
        """
        opened, number, groups, (height, width) = self._opened, self._number, self.groups, self.shape
        at_once = self.size
        kept = KeptMaps(opened.planes, self._folder, self.readout, self.shape, (0, height))

        def on_block(rooms: tuple[Buffers, Packed, Room], first: int, rows: int) -> None:
            room, packed, more = rooms
            for start in range(first, first + rows, at_once):
                count = min(at_once, first + rows - start)
                places = opened.places, kept.places
                if of_kept is not None and kept.places.hold_all(height):
                    opened.require_read(of_kept(*places, more, start, count))
                    continue
                opened.require_read(measure_block(*places, start, count, height, self.readout, room, packed))
                stacks = Maps(room.stacks.measured[:, :count], room.stacks.counted[:, :count])
                kept.keep(start, stacks, packed, groups)
                work(room.stacks, more, start, count)
            end(more, first, rows)

        # What changed meanwhile is not kept.
        with kept, opened:
            work_in_blocks(
                on_block,
                height,
                size or at_once,
                lambda: (make_room(number, at_once, groups, width), make_packed(at_once, width), make_more()),
                threads,
            )
