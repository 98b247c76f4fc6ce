"""What some integrations of a set say of some of its pixels: maps of regular rows, and of pixels that are asked."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from .changes import ChangeMaps, ChangeRows
from .combine import CombinedMaps
from .stacks import CombinedRows


class Choice(NamedTuple):
    """Some of a set's integrations, and the pixels at which they are combined.

    Attributes
    ----------
    chosen : tuple of int
        Places among the integrations of the set, increasing.
    pixels : numpy.ndarray, shape (y, x), bool
        Asked besides the rows that tell what is usual.
    changes : bool
        Whether the maps of change are made. Of two integrations nothing tells which one changed: then they can be left
        out, and are 0 everywhere.
    """

    chosen: tuple[int, ...]
    pixels: np.ndarray
    changes: bool = True


@dataclass(frozen=True)
class SomeMaps:
    """What some integrations of a set say of some of its pixels.

    Attributes
    ----------
    shape : tuple of int
        Of the frame.
    every : int
        One row in so many is combined as a whole, from the first on.
    rows : CombinedMaps
        Of these rows.
    places : numpy.ndarray, shape (n,), int64
        Of the other pixels, in the flattened frame, increasing.
    pixels : CombinedMaps
        Of these, as one row.
    """

    shape: tuple[int, int]
    every: int
    rows: CombinedMaps
    places: np.ndarray
    pixels: CombinedMaps

    @cached_property
    def numbers(self) -> np.ndarray:
        """Number of each pixel of the frame in :meth:`values`, -1 where it was not combined; int32 (y, x)."""
        numbers: np.ndarray = np.full(self.shape, -1, np.int32)
        rows = self.rows.rate
        numbers[:: self.every] = np.arange(rows.size, dtype=np.int32).reshape(rows.shape)
        numbers.ravel()[self.places] = np.arange(rows.size, rows.size + self.places.size, dtype=np.int32)
        return numbers

    @cached_property
    def positions(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of ``places``."""
        y, x = np.divmod(self.places, self.shape[1])
        return y, x

    @cached_property
    def _known(self) -> dict[str, np.ndarray]:
        return {}

    def values(self, name: str) -> np.ndarray:
        """Return a map at all pixels that were combined, shape (n,), by its name.

        It is that of an attribute of :class:`.combine.CombinedMaps`, or of :class:`.changes.ChangeRows`.
        """
        if name not in self._known:
            self._known[name] = np.concatenate([_image(maps, name).ravel() for maps in (self.rows, self.pixels)])
        return self._known[name]

    def frames(self, where: np.ndarray, *names: str) -> CombinedMaps:
        """Return frames of some maps, 0 but for some pixels; other maps are 0 everywhere, and take no memory.

        Parameters
        ----------
        where : numpy.ndarray, shape (y, x), bool
            Pixels that were combined.
        names : str
            Of attributes of :class:`.combine.CombinedMaps`.
        """
        if self.every == 1:
            return self.rows
        places = np.flatnonzero(where)
        numbers = self.numbers.ravel()[places]

        def of(name: str) -> np.ndarray:
            image = _image(self.rows, name)
            if name not in names:
                return np.broadcast_to(image.dtype.type(0), self.shape)
            frame: np.ndarray = np.zeros(self.shape, image.dtype)
            frame.ravel()[places] = self.values(name)[numbers]
            return frame

        return with_images(self.rows, {name: of(name) for name in CombinedRows._fields}, None)


def with_images(maps: CombinedMaps, images: dict[str, np.ndarray], changes: ChangeMaps | None) -> CombinedMaps:
    """Return maps of the same integrations with other images, by the names of :class:`.stacks.CombinedRows`."""
    return CombinedMaps(
        maps.integrations, maps.groups, maps.read_variance, maps.agreement, **images, changes=changes
    )  # fmt: skip


def _image(maps: CombinedMaps, name: str) -> np.ndarray:
    image: np.ndarray = getattr(maps.changes.rows if name in ChangeRows._fields and maps.changes else maps, name)
    return image
