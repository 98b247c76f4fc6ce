"""What stands for maps of a set and takes less memory: images in which nearly all pixels have one value, and counts.

Twelve maps are of the first kind, a quarter of the memory of all: what changes, falls, or is saturated is rare.
"""

import threading
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

# Each pixel that is kept costs its place besides its value.
_PLACE = np.dtype(np.int32).itemsize


class Instead(np.lib.mixins.NDArrayOperatorsMixin, ABC):
    """What stands for an image, and takes less memory than it would.

    Some of its columns, and the values at places of it, are found in what is kept. Whatever else is asked of an array
    is asked of the whole image, which is made for that moment.

    Attributes
    ----------
    shape : (int, int)
    dtype : numpy.dtype
        Of the image.
    """

    shape: tuple[int, int]
    dtype: np.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = self._image()
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **how: Any) -> Any:
        return getattr(ufunc, method)(*(np.asarray(one) if isinstance(one, Instead) else one for one in inputs), **how)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in dir(np.ndarray):
            raise AttributeError(name)
        return getattr(np.asarray(self), name)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, where: Any) -> Any:
        if isinstance(where, tuple) and len(where) == 2:
            rows, columns = where
            if isinstance(columns, slice) and isinstance(rows, slice) and rows == slice(None) and not columns.step:
                return self._of_columns(*columns.indices(self.shape[1])[:2])
            if all(not isinstance(one, slice) and np.asarray(one).dtype.kind in "iu" for one in where):
                return self._at(np.asarray(rows), np.asarray(columns))
        return np.asarray(self)[where]

    @abstractmethod
    def _image(self) -> np.ndarray:
        """Return the whole image."""

    @abstractmethod
    def _of_columns(self, start: int, stop: int) -> "Instead":
        """Return what stands for some columns of it."""

    @abstractmethod
    def _at(self, y: np.ndarray, x: np.ndarray) -> Any:
        """Return the values of some pixels."""


class Rare(Instead):
    """An image of which those pixels are kept that have another value than most.

    Parameters
    ----------
    shape : (int, int)
    usual : numpy scalar
        The value of all other pixels.
    places : numpy.ndarray, shape (n,), int32
        In the flattened image, increasing.
    values : numpy.ndarray, shape (n,)
    """

    def __init__(self, shape: tuple[int, int], usual: Any, places: np.ndarray, values: np.ndarray):
        self.shape, self.dtype = shape, values.dtype
        self.usual, self.places, self.values = usual, places, values

    def _image(self) -> np.ndarray:
        whole = np.full(self.shape, self.usual, self.dtype)
        whole.ravel()[self.places] = self.values
        return whole

    def _of_columns(self, start: int, stop: int) -> "Rare":
        y, x = np.divmod(self.places, self.shape[1])
        inside = (x >= start) & (x < stop)
        width = max(stop - start, 0)
        places = (y[inside] * width + x[inside] - start).astype(np.int32)
        return Rare((self.shape[0], width), self.usual, places, self.values[inside])

    def _at(self, y: np.ndarray, x: np.ndarray) -> Any:
        (height, width), count = self.shape, self.places.size
        if np.any((y < -height) | (y >= height)) or np.any((x < -width) | (x >= width)):
            raise IndexError(f"there is no such pixel in an image of {width}x{height}")
        asked = np.where(y < 0, y + height, y) * width + np.where(x < 0, x + width, x)
        place = np.searchsorted(self.places, asked)
        there = (place < count) & (np.append(self.places, -1)[place] == asked)
        found = self._elsewhere(~there)
        found[there] = self.values[place[there]]
        return found[()]

    def _elsewhere(self, away: np.ndarray) -> np.ndarray:
        """Return an array for what was asked, set where that is ``away`` from the pixels that are kept."""
        return np.full(away.shape, self.usual, self.dtype)


class Narrow(Instead):
    """An image of whole numbers, which are kept in fewer bytes than they are given back in.

    Parameters
    ----------
    kept : numpy.ndarray, shape (y, x), int16
    dtype : numpy type
    """

    def __init__(self, kept: np.ndarray, dtype: Any):
        self.shape, self.dtype, self.kept = (kept.shape[0], kept.shape[1]), np.dtype(dtype), kept

    def _image(self) -> np.ndarray:
        return self.kept.astype(self.dtype)

    def _of_columns(self, start: int, stop: int) -> "Narrow":
        return Narrow(self.kept[:, start:stop], self.dtype)

    def _at(self, y: np.ndarray, x: np.ndarray) -> Any:
        return self.kept[y, x].astype(self.dtype)


class AtPixels(Rare):
    """What is known of an image at some pixels alone: whoever asks for more has an error.

    Parameters
    ----------
    image : numpy.ndarray or Rare, shape (y, x)
    y, x : numpy.ndarray, shape (n,), int
        The pixels, by row and then by column.
    """

    def __init__(self, image: Any, y: np.ndarray, x: np.ndarray):
        height, width = image.shape
        super().__init__((height, width), None, (y * width + x).astype(np.int32), np.asarray(image[y, x]))

    def _image(self) -> np.ndarray:
        raise LookupError(f"of these {self.shape[1]}x{self.shape[0]} pixels {self.places.size} are known")

    def _of_columns(self, *_: int) -> "Rare":
        raise LookupError(f"of these {self.shape[1]}x{self.shape[0]} pixels {self.places.size} are known")

    def _elsewhere(self, away: np.ndarray) -> np.ndarray:
        if away.any():
            raise LookupError(f"{np.count_nonzero(away)} of {away.size} pixels are none of those that are known")
        return np.empty(away.shape, self.dtype)


class Gathered:
    """An image of which blocks of rows come in any order, from several threads.

    Parameters
    ----------
    shape : (int, int)
    dtype : numpy type
    usual : number, optional
        The value of nearly all pixels. Where it is that of too few, and without it, all are kept.
    most : int, optional
        No value is larger, or less than 0: whole numbers are kept in fewer bytes where that allows it.
    """

    def __init__(self, shape: tuple[int, int], dtype: Any, usual: float | None = None, most: float = np.inf):
        self._shape, self._dtype, self._lock = shape, np.dtype(dtype), threading.Lock()
        self._narrow = self._dtype == np.int32 and most <= np.iinfo(np.int16).max
        self._whole = np.empty(shape, np.int16 if self._narrow else dtype) if usual is None else None
        self._usual = self._dtype.type(0 if usual is None else usual)
        self._parts: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        size = self._dtype.itemsize
        self._left = shape[0] * shape[1] * size // (size + _PLACE)

    def rows(self, start: int, count: int) -> np.ndarray:
        """Return room for some rows, which are to be set and then given to :meth:`put`."""
        if self._whole is None or self._narrow:
            return np.empty((count, self._shape[1]), self._dtype)
        return self._whole[start : start + count]

    def put(self, start: int, rows: np.ndarray) -> None:
        """Take rows that were set."""
        whole = self._whole
        if whole is not None:
            # Room may have been made before all pixels were kept.
            if not np.shares_memory(rows, whole):
                whole[start : start + len(rows)] = rows
            return
        # Only NaN is not itself.
        others = rows != self._usual if self._usual == self._usual else rows == rows
        places = np.flatnonzero(others)
        values = rows.ravel()[places]
        places = (places + start * self._shape[1]).astype(np.int32)
        with self._lock:
            if self._whole is None:
                self._parts[start] = places, values
                self._left -= places.size
                if self._left < 0:
                    self._whole, self._parts = np.asarray(self._joined()), {}
            else:
                self._whole[start : start + len(rows)] = rows

    def image(self) -> Any:
        """Return the image when all rows are there: an array, or what stands for one."""
        if self._whole is None:
            return self._joined()
        return Narrow(self._whole, self._dtype) if self._narrow else self._whole

    def _joined(self) -> Rare:
        parts = [self._parts[start] for start in sorted(self._parts)]
        places, values = np.empty(0, np.int32), np.empty(0, self._dtype)
        if parts:
            places, values = (np.concatenate(each) for each in zip(*parts, strict=True))
        return Rare(self._shape, self._usual, places, values)


def stacked(images: Any) -> Any:
    """Return images, or what stands for them, one below the other.

    Parameters
    ----------
    images : sequence of numpy.ndarray or Instead
        Of one width.
    """
    if all(isinstance(image, Narrow) for image in images):
        return Narrow(np.concatenate([image.kept for image in images]), images[0].dtype)
    if not all(isinstance(image, Rare) and str(image.usual) == str(images[0].usual) for image in images):
        return np.concatenate([np.asarray(image) for image in images])
    width, height = images[0].shape[1], 0
    places = []
    for image in images:
        places.append((image.places + height * width).astype(np.int32))
        height += len(image)
    return Rare(
        (height, width), images[0].usual, np.concatenate(places), np.concatenate([image.values for image in images])
    )
