"""Open one exposure and read it piece by piece, without ever holding a ramp."""

import math
from pathlib import Path
from typing import BinaryIO

import numpy as np

from darkmask.core.errors import DeliveryError

from .records import Exposure, FileRecord

# FITS stores unsigned integers as signed ones with an offset of half the range.
_UNSIGNED_32 = 2**31


class OpenExposure:
    """Lazy views of the arrays of one triplet.

    The files are mapped, not read: a slice of rows costs only the pages that it touches. The mapped arrays are big-
    endian, as FITS is; the slices that the methods return are in native order.

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
        folder = Path(folder)
        self._layouts = [_Layout(folder, record) for record in (exposure.jump, exposure.fitopt, exposure.rate)]
        jump, fitopt, rate = self._layouts
        self._sci = jump.map("SCI", ">f4", 4)
        self._groupdq = jump.map("GROUPDQ", "u1", 4)
        self._pixeldq = jump.map("PIXELDQ", ">i4", 2)
        self._pedestal = fitopt.map("PEDESTAL", ">f4", 3)
        self._rate = rate.map("SCI", ">f4", 3)
        self._rate_dq = rate.map("DQ", ">i4", 3)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The shape (integrations, groups, rows, columns)."""
        return self._sci.shape

    def check_unchanged(self) -> None:
        """Make sure that what was read is what was scanned.

        Raises
        ------
        DeliveryError
            When a file has changed meanwhile.
        """
        for layout in self._layouts:
            layout.check()

    def places(self, integration: int) -> tuple[tuple[int, int], ...]:
        """Return where one integration lies, as :func:`darkmask.delivery.reading.read_rows` needs it, once entered.

        Returns
        -------
        tuple
            File descriptor and bytes before the integration, of SCI, GROUPDQ, the rate and PEDESTAL.
        """
        jump, fitopt, rate = self._layouts
        return tuple(
            layout.place(extension, integration)
            for layout, extension in ((jump, "SCI"), (jump, "GROUPDQ"), (rate, "SCI"), (fitopt, "PEDESTAL"))
        )

    def shortened(self) -> DeliveryError:
        """Return the error for reading that ended too early: it names the file that has changed."""
        for layout in self._layouts:
            try:
                layout.check()
            except DeliveryError as error:
                return error
        return DeliveryError(f"{self.exposure.jump.path} or a file of its exposure cannot be read: transfer it again.")

    def __enter__(self) -> "OpenExposure":
        """Open the files to be read by rows once, so that a file that later takes the name of one is never read."""
        for layout in self._layouts:
            layout.open()
        return self

    def __exit__(self, *_) -> None:
        for layout in self._layouts:
            layout.close()

    def pixeldq(self, rows: slice = slice(None)) -> np.ndarray:
        """Return PIXELDQ, uint32 (rows, x)."""
        return _unsigned(self._pixeldq[rows])

    def pedestal(self, rows: slice = slice(None), integration: int | slice = slice(None)) -> np.ndarray:
        """Return PEDESTAL, float32 (nint, rows, x), DN; (rows, x) of one integration."""
        return self._pedestal[integration, rows].astype(np.float32)

    def rate(self, rows: slice = slice(None), integration: int | slice = slice(None)) -> np.ndarray:
        """Return the slopes, float32 (nint, rows, x), DN/s; (rows, x) of one integration."""
        return self._rate[integration, rows].astype(np.float32)

    def rate_dq(self, rows: slice = slice(None)) -> np.ndarray:
        """Return the DQ of the slopes, uint32 (nint, rows, x)."""
        return _unsigned(self._rate_dq[:, rows])

    def ramps(self, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the ramps of some pixels.

        Parameters
        ----------
        y, x : numpy.ndarray, shape (n,), int

        Returns
        -------
        sci : numpy.ndarray, shape (nint, ngroup, n), float32, DN
        groupdq : numpy.ndarray, shape (nint, ngroup, n), uint8
        """
        return self._sci[:, :, y, x].astype(np.float32), np.array(self._groupdq[:, :, y, x])


def require_unchanged(path: Path, record: FileRecord) -> None:
    """Make sure that a file is still the one that was scanned.

    Raises
    ------
    DeliveryError
        When the file is gone, or has another size or date.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise DeliveryError(f"{record.path} can no longer be read ({error.strerror}): run again.") from error
    if (status.st_size, status.st_mtime_ns) != (record.size, record.modified):
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
        self.check()

    def check(self) -> None:
        """Raise a DeliveryError when the file has changed since the scan."""
        require_unchanged(self._path, self._record)

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
            mapped = np.memmap(self._path, dtype=dtype, mode="r", offset=place.offset, shape=place.shape)
        except (OSError, ValueError) as error:
            raise DeliveryError(f"{name} is shorter than its headers say: transfer it again.") from error
        return mapped.reshape((1, *place.shape)) if mapped.ndim == dimensions - 1 else mapped


def _unsigned(stored: np.ndarray) -> np.ndarray:
    """Undo FITS's offset by inverting the top bit of the stored signed integers."""
    return stored.astype(np.int32).view(np.uint32) ^ np.uint32(_UNSIGNED_32)
