"""The pixels of two reports: which became bad or good, and which are bad in another way."""

from dataclasses import dataclass, replace

import numpy as np

from darkmask.core.errors import DarkmaskError
from darkmask.core.flags import names_in, pixel_flags
from darkmask.masks.file import read_mask
from darkmask.masks.kinds import read_categories

from .opened import DifferenceError, OpenedReport

# What a person reads, of many thousands that two deliveries may differ in.
_KEPT = 1000
FULL = "FULL"
CATEGORIES, FLAGS = "categories of the search", "flags of the mask"


@dataclass(frozen=True)
class PixelDifference:
    """The pixels of a detector's full frame, or of a subarray of it, that differ.

    Attributes
    ----------
    detector, subarray : str
    compared : str
        What was compared: ``CATEGORIES`` or ``FLAGS``.
    gained, lost, changed : int
        Pixels that are bad in the second alone, in the first alone, and in both in another way.
    first : tuple of (int, int, str, str)
        x, y (from 0 in the set's own image), and the kinds in each report, by row and then by column.
    problem : str
        Why they were not compared; empty when they were.
    """

    detector: str
    subarray: str
    compared: str
    gained: int = 0
    lost: int = 0
    changed: int = 0
    first: tuple[tuple[int, int, str, str], ...] = ()
    problem: str = ""

    @property
    def differs(self) -> bool:
        """Whether a pixel differs, or nobody can tell."""
        return bool(self.problem or self.gained or self.lost or self.changed)


def pixel_differences(a: OpenedReport, b: OpenedReport, detector: str) -> list[PixelDifference]:
    """Compare one detector: categories of full frame and subarrays where a report has them, and masks.

    Parameters
    ----------
    a, b : OpenedReport
    detector : str
    """
    found = []
    searched = sorted({*a.searched(detector), *b.searched(detector)}, key=lambda name: (name != FULL, name))
    for subarray, compared in (*((name, CATEGORIES) for name in searched), (FULL, FLAGS)):
        try:
            if compared == FLAGS:
                images = _flags(a, detector), _flags(b, detector)
            else:
                images = _categories(a, detector, subarray), _categories(b, detector, subarray)
            found.append(_compared(PixelDifference(detector, subarray, compared), *images))
        except DarkmaskError as error:
            found.append(PixelDifference(detector, subarray, compared, problem=str(error).rstrip(".")))
    return found


@dataclass(frozen=True, eq=False)
class _Kinds:
    """An image of bits, and the name of each."""

    image: np.ndarray
    bits: dict[str, int]

    def in_bits_of(self, names: list[str]) -> np.ndarray:
        same = np.zeros(self.image.shape, np.uint64)
        for place, name in enumerate(names):
            same |= ((self.image & self.bits.get(name, 0)) != 0).astype(np.uint64) << np.uint64(place)
        return same

    def at(self, y: int, x: int) -> str:
        return ", ".join(names_in(int(self.image[y, x]), self.bits))


def _flags(report: OpenedReport, detector: str) -> _Kinds:
    return _Kinds(read_mask(report.mask(detector)).decoded, dict(pixel_flags()))


def _categories(report: OpenedReport, detector: str, subarray: str) -> _Kinds:
    if report.manifest and subarray not in report.searched(detector):
        raise DifferenceError(f"{report.folder} has none: its masks were given to it, or nobody searched this set")
    return _Kinds(*read_categories(report.categories(detector, subarray)))


def _compared(of: PixelDifference, a: _Kinds, b: _Kinds) -> PixelDifference:
    """Return what differs between two images of one set."""
    if a.image.shape != b.image.shape:
        sizes = " and ".join(f"{kinds.image.shape[1]}x{kinds.image.shape[0]}" for kinds in (a, b))
        raise DifferenceError(f"its frames have {sizes} pixels")
    names = list(dict.fromkeys((*a.bits, *b.bits)))
    was, is_now = a.in_bits_of(names), b.in_bits_of(names)
    differs = was != is_now
    rows, columns = np.nonzero(differs)
    first = [(int(x), int(y), a.at(y, x), b.at(y, x)) for y, x in zip(rows[:_KEPT], columns[:_KEPT], strict=True)]
    gained, lost = differs & (was == 0), differs & (is_now == 0)
    both = differs & ~gained & ~lost
    return replace(of, gained=int(gained.sum()), lost=int(lost.sum()), changed=int(both.sum()), first=tuple(first))
