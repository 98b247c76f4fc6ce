"""Open one exposure and read it piece by piece, without ever holding a ramp."""

from pathlib import Path

import numpy as np

from ..errors import DeliveryError
from .records import Exposure, FileRecord

# FITS stores unsigned integers as signed ones with an offset of half the range.
_UNSIGNED_32 = 2**31


class OpenExposure:
    """Lazy views of the arrays of one triplet.

    The files are mapped, not read: a slice of rows costs the pages it touches. Arrays are big-endian, as FITS is;
    the slices that the methods give are native.

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
        jump = _Layout(folder, exposure.jump)
        self._sci = jump.map("SCI", ">f4", 4)
        self._groupdq = jump.map("GROUPDQ", "u1", 4)
        self._pixeldq = jump.map("PIXELDQ", ">i4", 2)
        self._pedestal = _Layout(folder, exposure.fitopt).map("PEDESTAL", ">f4", 3)
        rate = _Layout(folder, exposure.rate)
        self._rate = rate.map("SCI", ">f4", 3)
        self._rate_dq = rate.map("DQ", ">i4", 3)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(integrations, groups, rows, columns)."""
        return self._sci.shape

    def ramps(self, integration: int, rows: slice) -> np.ndarray:
        """SCI of one integration, float32 (ngroup, rows, x), DN."""
        return self._sci[integration, :, rows].astype(np.float32)

    def groupdq(self, integration: int, rows: slice) -> np.ndarray:
        """GROUPDQ of one integration, uint8 (ngroup, rows, x)."""
        return np.array(self._groupdq[integration, :, rows])

    def pixel_ramps(self, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ramps of a few pixels.

        Parameters
        ----------
        y, x : numpy.ndarray, shape (n,), int

        Returns
        -------
        ramps : numpy.ndarray, shape (n, nint, ngroup), float32, DN
        groupdq : numpy.ndarray, shape (n, nint, ngroup), uint8
        """
        ramps = self._sci[:, :, y, x].astype(np.float32)
        groupdq = np.asarray(self._groupdq[:, :, y, x])
        return np.moveaxis(ramps, -1, 0), np.moveaxis(groupdq, -1, 0)

    def pixeldq(self, rows: slice = slice(None)) -> np.ndarray:
        """PIXELDQ, uint32 (rows, x)."""
        return _unsigned(self._pixeldq[rows])

    def pedestal(self, rows: slice = slice(None)) -> np.ndarray:
        """PEDESTAL, float32 (nint, rows, x), DN."""
        return self._pedestal[:, rows].astype(np.float32)

    def rate(self, rows: slice = slice(None)) -> np.ndarray:
        """The slopes, float32 (nint, rows, x), DN/s."""
        return self._rate[:, rows].astype(np.float32)

    def rate_dq(self, rows: slice = slice(None)) -> np.ndarray:
        """DQ of the slopes, uint32 (nint, rows, x)."""
        return _unsigned(self._rate_dq[:, rows])


class _Layout:
    """The arrays of one file, at the places that the scan found."""

    def __init__(self, folder: Path, record: FileRecord):
        self._path, self._record = folder / record.path, record
        try:
            status = self._path.stat()
        except OSError as error:
            raise DeliveryError(f"{record.path} can no longer be read ({error.strerror}): run again.") from error
        if (status.st_size, status.st_mtime_ns) != (record.size, record.modified):
            raise DeliveryError(
                f"{record.path} has changed since the delivery was scanned: wait until the delivery has arrived and "
                "run again."
            )

    def map(self, extension: str, dtype: str, dimensions: int) -> np.ndarray:
        name = self._record.path
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
    """Undo FITS's offset: the top bit of the stored signed integer is inverted."""
    return stored.astype(np.int32).view(np.uint32) ^ np.uint32(_UNSIGNED_32)
