"""A rectangle of a detector's full frame: what an exposure reads, and where a subarray lies."""

from typing import NamedTuple

import numpy as np


class Window(NamedTuple):
    """A part of the full frame, in pixels in DMS (science) orientation.

    Attributes
    ----------
    xstart, ystart : int
        First column and row, counted from 1: SUBSTRT1 and SUBSTRT2.
    xsize, ysize : int
        Columns and rows: SUBSIZE1 and SUBSIZE2.
    """

    xstart: int
    ystart: int
    xsize: int
    ysize: int

    def __str__(self) -> str:
        return f"SUBSTRT {self.xstart},{self.ystart} and SUBSIZE {self.xsize}x{self.ysize}"

    @classmethod
    def of_frame(cls, frame: int) -> "Window":
        """Return the window of a whole frame with so many pixels along each side."""
        return cls(1, 1, frame, frame)

    @property
    def shape(self) -> tuple[int, int]:
        """The shape (rows, columns)."""
        return self.ysize, self.xsize

    @property
    def slices(self) -> tuple[slice, slice]:
        """The rows and columns of this window in an image of the full frame."""
        row, column = self.ystart - 1, self.xstart - 1
        return slice(row, row + self.ysize), slice(column, column + self.xsize)

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Return this part of an image of the full frame, as a view."""
        return image[self.slices]

    def covers(self, other: "Window") -> bool:
        """Return whether every pixel of another window also lies in this one."""
        return (
            self.xstart <= other.xstart
            and self.ystart <= other.ystart
            and other.xstart + other.xsize <= self.xstart + self.xsize
            and other.ystart + other.ysize <= self.ystart + self.ysize
        )
