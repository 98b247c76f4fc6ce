"""Open one exposure and read it piece by piece, without ever holding a ramp."""

import math
from pathlib import Path
from typing import BinaryIO

import numpy as np

from darkmask.core.errors import DeliveryError
from darkmask.core.mapped import mapped_array
from darkmask.core.remote import held, is_copy, stated

from .records import Exposure, FileRecord

# Rows of a frame: a range, or their numbers.
Rows = slice | np.ndarray

# FITS stores unsigned integers as signed ones with an offset of half the range.
_UNSIGNED_32 = 2**31


class OpenExposure:
    """Lazy views of the arrays of one exposure, whatever number of segments it lies in.

    The files are mapped, not read: a slice of rows costs only the pages that it touches. The mapped arrays are big-
    endian, as FITS is; what the methods return is in native order, with the integrations of all segments in order.

    Parameters
    ----------
    exposure : Exposure
    folder : Path
        The delivery's folder.

    Raises
    ------
    DeliveryError
        When a file has changed since it was scanned or is stored in a way that cannot be mapped.
    """

    def __init__(self, exposure: Exposure, folder: Path):
        self.exposure = exposure
        self._segments = [_OpenSegment(segment, Path(folder)) for segment in exposure.segments]
        self._places = [(segment, i) for segment in self._segments for i in range(segment.sci.shape[0])]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The shape (integrations, groups, rows, columns)."""
        _, groups, rows, columns = self._segments[0].sci.shape
        return len(self._places), groups, rows, columns

    def name_of(self, integration: int) -> str:
        """Return what an integration is called in a sentence: its number in its ramp file, counted from 1."""
        segment, i = self._places[integration]
        return f"integration {i + 1} of {segment.files.jump.path}"

    def check_unchanged(self) -> None:
        """Make sure that what was read is what was scanned.

        Raises
        ------
        DeliveryError
            When a file has changed meanwhile.
        """
        for segment in self._segments:
            segment.check()

    def places(self, integration: int) -> tuple[tuple[int, int], ...]:
        """Return where one integration lies, as :func:`darkmask.delivery.reading.read_rows` needs it, once entered.

        Returns
        -------
        tuple
            File descriptor and bytes before the integration, of SCI, GROUPDQ, the rate and PEDESTAL.
        """
        segment, i = self._places[integration]
        return segment.places(i)

    def shortened(self) -> DeliveryError:
        """Return the error for reading that ended too early: it names the file that has changed."""
        try:
            self.check_unchanged()
        except DeliveryError as error:
            return error
        return DeliveryError(f"{self.exposure.jump.path} or a file of its exposure cannot be read: transfer it again.")

    def __enter__(self) -> "OpenExposure":
        """Open the files to be read by rows once, so that a file that later takes the name of one is never read."""
        for segment in self._segments:
            segment.open()
        return self

    def __exit__(self, *_) -> None:
        for segment in self._segments:
            segment.close()

    def pixeldq(self, rows: Rows = slice(None)) -> np.ndarray:
        """Return PIXELDQ, uint32 (rows, x): a flag of any segment."""
        return np.bitwise_or.reduce([_unsigned(segment.pixeldq[rows]) for segment in self._segments])

    def pedestal(self, rows: Rows = slice(None), integration: int | slice = slice(None)) -> np.ndarray:
        """Return PEDESTAL, float32 (nint, rows, x), DN; (rows, x) of one integration."""
        return self._cut("pedestal", rows, integration).astype(np.float32)

    def rate(self, rows: Rows = slice(None), integration: int | slice = slice(None)) -> np.ndarray:
        """Return the slopes, float32 (nint, rows, x), DN/s; (rows, x) of one integration."""
        return self._cut("rate", rows, integration).astype(np.float32)

    def rate_dq(self, rows: Rows = slice(None)) -> np.ndarray:
        """Return the DQ of the slopes, uint32 (nint, rows, x)."""
        return _unsigned(self._cut("rate_dq", rows, slice(None)))

    def rate_of(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the slopes of some pixels, float32 (nint, n), DN/s."""
        return np.stack([segment.rate[i][y, x] for segment, i in self._places]).astype(np.float32)

    def rate_dq_of(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the DQ of the slopes of some pixels, uint32 (nint, n)."""
        return _unsigned(np.stack([segment.rate_dq[i][y, x] for segment, i in self._places]))

    def group(self, integration: int, group: int, rows: Rows = slice(None)) -> np.ndarray:
        """Return one group of one integration, float32 (rows, x), DN."""
        segment, i = self._places[integration]
        return segment.sci[i, group, rows].astype(np.float32)

    def signals(self, integration: int, groups: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the signals of some pixels of one integration, of each in a group of its own, float32 (n,), DN."""
        segment, i = self._places[integration]
        signals: np.ndarray = segment.sci[i][groups, y, x].astype(np.float32)
        return signals

    def group_flags(self, integration: int, group: int) -> np.ndarray:
        """Return GROUPDQ of one group of one integration, uint8 (y, x)."""
        segment, i = self._places[integration]
        flags: np.ndarray = segment.groupdq[i, group]
        return flags

    def flags(self, integration: int, rows: np.ndarray) -> np.ndarray:
        """Return GROUPDQ of some rows of one integration, uint8 (group, rows, x)."""
        segment, i = self._places[integration]
        return segment.groupdq[i][:, rows]

    def repeats(self, integration: int, group: int) -> np.ndarray:
        """Return where a group holds the very value of the one before it, bool (y, x)."""
        segment, i = self._places[integration]
        # As they lie in the file: nothing is converted, and no number equals itself by another pattern of bits.
        one, before = (segment.sci[i, g].view(np.uint32) for g in (group, group - 1))
        same: np.ndarray = one == before
        return same

    def ramps(self, y: np.ndarray, x: np.ndarray, groups: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the ramps of some pixels.

        Parameters
        ----------
        y, x : numpy.ndarray, shape (n,), int
        groups : numpy.ndarray, shape (m,), int, optional
            The groups whose signal is read; all by default.

        Returns
        -------
        sci : numpy.ndarray, shape (nint, m, n), float32, DN
        groupdq : numpy.ndarray, shape (nint, ngroup, n), uint8
        """
        return self.sci(y, x, groups), self.groupdq(y, x)

    def sci(self, y: np.ndarray, x: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
        """Return the signals of some pixels, float32 (nint, m, n), DN; see :meth:`ramps`."""
        return self._of_pixels("sci", np.float32, y, x, groups)

    def groupdq(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return GROUPDQ of some pixels, uint8 (nint, ngroup, n)."""
        return self._of_pixels("groupdq", np.uint8, y, x)

    def _of_pixels(
        self, name: str, kind: type, y: np.ndarray, x: np.ndarray, groups: np.ndarray | None = None
    ) -> np.ndarray:
        """Return an array of ramps at some pixels, (nint, m, n).

        Group by group, so that pixels in the order of the file are read in that order: of a whole ramp, each group lies
        in a page of its own.
        """
        _, ngroup, _, width = self.shape
        chosen = range(ngroup) if groups is None else groups
        place = np.asarray(y, np.intp) * width + np.asarray(x, np.intp)
        values: np.ndarray = np.empty((len(self._places), len(chosen), place.size), kind)
        for i, (segment, own) in enumerate(self._places):
            cube = getattr(segment, name)[own]
            for k, group in enumerate(chosen):
                values[i, k] = cube[group].reshape(-1)[place]
        return values

    def _cut(self, name: str, rows: Rows, integration: int | slice) -> np.ndarray:
        """Return rows of some integrations of an array, (nint, rows, x), or (rows, x) of one; a view where it can."""
        if isinstance(integration, slice):
            if len(self._segments) == 1:
                return getattr(self._segments[0], name)[integration, rows]
            chosen = range(len(self._places))[integration]
            return np.stack([self._cut(name, rows, i) for i in chosen])
        segment, i = self._places[integration]
        return getattr(segment, name)[i, rows]


class _OpenSegment:
    """The arrays of one triplet of files."""

    def __init__(self, files: Exposure, folder: Path):
        self.files = files
        self._layouts = [_Layout(folder, record) for record in files.files]
        jump, fitopt, rate = self._layouts
        self.sci = jump.map("SCI", ">f4", 4)
        self.groupdq = jump.map("GROUPDQ", "u1", 4)
        self.pixeldq = jump.map("PIXELDQ", ">i4", 2)
        self.pedestal = fitopt.map("PEDESTAL", ">f4", 3)
        self.rate = rate.map("SCI", ">f4", 3)
        self.rate_dq = rate.map("DQ", ">i4", 3)

    def check(self) -> None:
        """Raise a DeliveryError when a file has changed since the scan."""
        for layout in self._layouts:
            layout.check()

    def places(self, integration: int) -> tuple[tuple[int, int], ...]:
        jump, fitopt, rate = self._layouts
        return tuple(
            layout.place(extension, integration)
            for layout, extension in ((jump, "SCI"), (jump, "GROUPDQ"), (rate, "SCI"), (fitopt, "PEDESTAL"))
        )

    def open(self) -> None:
        for layout in self._layouts:
            layout.open()

    def close(self) -> None:
        for layout in self._layouts:
            layout.close()


def require_unchanged(path: Path, record: FileRecord) -> None:
    """Make sure that a file is still the one that was scanned.

    Raises
    ------
    DeliveryError
        When the file is gone, or has another size or date.
    """
    try:
        # Of a file that lies elsewhere this is the version that was listed; its copy may come and go.
        found = stated(path) if is_copy(path) else (path.stat().st_size, path.stat().st_mtime_ns)
    except OSError as error:
        raise DeliveryError(f"{record.path} can no longer be read ({error.strerror}): run again.") from error
    if found != (record.size, record.modified):
        raise DeliveryError(
            f"{record.path} has changed since the delivery was scanned: wait until the delivery has arrived and "
            "run again."
        )


class _Layout:
    """The arrays of one file, at the places that the scan found."""

    def __init__(self, folder: Path, record: FileRecord):
        self._path, self._record = folder / record.path, record
        self._file: BinaryIO | None = None
        self._dimensions: dict[str, int] = {}
        require_unchanged(self._path, self._record)
        self._held = held(self._path)

    def check(self) -> None:
        """Raise a DeliveryError when the file has changed since the scan, a StorageError when no disk took its copy."""
        require_unchanged(self._path, self._record)
        if self._held is not None:
            self._held.require_flushed()

    def open(self) -> None:
        try:
            self._file = self._path.open("rb", buffering=0)
        except OSError as error:
            raise DeliveryError(f"{self._record.path} can no longer be read ({error.strerror}): run again.") from error

    def place(self, extension: str, integration: int) -> tuple[int, int]:
        """Return the descriptor, and the bytes before one integration in an extension of integrations."""
        if self._file is None:
            raise ValueError(f"{self._record.path} is not open.")
        array = self._record.arrays[extension]
        whole = self._dimensions[extension] == len(array.shape)
        size = abs(array.bitpix) // 8 * math.prod(array.shape[1:]) if whole else 0
        return self._file.fileno(), array.offset + integration * size

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def map(self, extension: str, dtype: str, dimensions: int) -> np.ndarray:
        name = self._record.path
        self._dimensions[extension] = dimensions
        if extension not in self._record.arrays:
            raise DeliveryError(f"{name} has no {extension} extension: make the file again.")
        place = self._record.arrays[extension]
        expected = {">f4": (-32, 0), ">i4": (32, _UNSIGNED_32), "u1": (8, 0)}[dtype]
        if (place.bitpix, place.bzero) != expected or place.bscale != 1:
            raise DeliveryError(
                f"{name} stores {extension} with BITPIX {place.bitpix}, BZERO {place.bzero} where BITPIX "
                f"{expected[0]}, BZERO {expected[1]}, as the pipeline writes it, were expected: make the file again."
            )
        if len(place.shape) not in (dimensions, dimensions - 1):
            raise DeliveryError(f"{name} has {len(place.shape)} axes in {extension} where {dimensions} were expected.")
        try:
            mapped = mapped_array(self._path, dtype, place.offset, place.shape)
        except (OSError, ValueError) as error:
            raise DeliveryError(f"{name} is shorter than its headers say: transfer it again.") from error
        return mapped.reshape((1, *place.shape)) if mapped.ndim == dimensions - 1 else mapped


def _unsigned(stored: np.ndarray) -> np.ndarray:
    """Undo FITS's offset by inverting the top bit of the stored signed integers."""
    return stored.astype(np.int32).view(np.uint32) ^ np.uint32(_UNSIGNED_32)
