"""Read pixels that somebody flags by hand: an ECSV or CSV table, whose flags are added to the masks of a run.

The table has one row for each pixel, with the columns ``detector``, ``x`` and ``y`` (counted from 0, in the full frame)
and ``mnemonics`` (names of DQ flags, separated by spaces, ``|`` or commas). Other columns are for its readers. In CSV,
which a spreadsheet writes, lines that begin with ``#`` are comments.
"""

import re
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from darkmask.core.atomic import sha256_file
from darkmask.core.detectors import DETECTORS, Geometry
from darkmask.core.errors import ParameterError
from darkmask.core.flags import MASK_MNEMONICS, bits_of
from darkmask.delivery.tables import read_table

COLUMNS = ("detector", "x", "y", "mnemonics")
# The flags that a reference pixel, which sees no light, may have.
_OF_THE_BORDER = {"REFERENCE_PIXEL", "BAD_REF_PIXEL", "DO_NOT_USE"}
# DQ-DO_NOT_USE refuses a mask that has these without DO_NOT_USE.
_NEVER_ALONE = {"HOT", "RC", "TELEGRAPH", "DEAD"}
# A row has some 40 bytes, and nobody flags 100,000 pixels of each detector by hand.
_LARGEST = 50_000_000


@dataclass(frozen=True)
class ManualFlags:
    """The pixels of a table.

    Attributes
    ----------
    name : str
        Name of the file.
    sha256 : str
        Digest of the file.
    pixels : tuple of (str, int, int, int)
        Detector, x, y and the DQ value to add.
    """

    name: str
    sha256: str
    pixels: tuple[tuple[str, int, int, int], ...]

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> "ManualFlags":
        return cls(data["name"], data["sha256"], tuple(tuple(pixel) for pixel in data["pixels"]))

    def of(self, detector: str) -> tuple[tuple[int, int, int], ...]:
        """Return x, y and DQ value of each pixel of a detector, in the same order whatever that of the rows."""
        return tuple(sorted((x, y, bits) for name, x, y, bits in self.pixels if name == detector))


def add_manual_flags(dq: np.ndarray, pixels: tuple[tuple[int, int, int], ...]) -> None:
    """Set the flags of pixels, in place.

    Parameters
    ----------
    dq : numpy.ndarray, shape (y, x), uint32
    pixels : tuple of (int, int, int)
        x, y and DQ value.
    """
    for x, y, bits in pixels:
        dq[y, x] |= np.uint32(bits)


def read_manual_flags(path: Path, geometry: Geometry) -> ManualFlags:
    """Read a table of pixels.

    Parameters
    ----------
    path : Path
    geometry : Geometry
        Geometry of the frames in which the pixels lie.

    Raises
    ------
    ParameterError
        When the file is not such a table, a row has no meaning, or has the pixel of another row; the message names the
        first such row, counted from 1.
    """
    rows = _rows(path)
    border = geometry.reference_pixels()
    pixels: list[tuple[str, int, int, int]] = []
    first: dict[tuple[str, int, int], int] = {}
    for number, row in enumerate(rows, start=1):
        wrong = _problem(row, border)
        if not wrong and (earlier := first.setdefault((row["detector"], row["x"], row["y"]), number)) != number:
            # Which of them was meant, or for which pixel, nobody can tell.
            wrong = f"has the pixel of row {earlier}, x {row['x']}, y {row['y']}, again: give all its flags in one row"
        if wrong:
            raise ParameterError(f"Row {number} of {path} {wrong}.")
        pixels.append((row["detector"], row["x"], row["y"], bits_of(row["mnemonics"])))
    return ManualFlags(path.name, sha256_file(path), tuple(pixels))


def _rows(path: Path) -> list[dict]:
    read = partial(
        read_table,
        path,
        COLUMNS,
        largest=_LARGEST,
        absent="give the table of the pixels flagged by hand (ECSV or CSV)",
        too_large=", which no list made by hand has: give another",
    )
    # CSV by its name, and else ECSV, which any name may have.
    if path.suffix.lower() == ".csv":
        remedy = f"its first line is {','.join(COLUMNS)}, and commas part its values"
        table = read(unreadable=remedy, kind="a CSV", read=_read_csv)
    else:
        table = read(unreadable="write it with astropy.table, or give a .csv file")
    for name in ("x", "y"):
        if table[name].dtype.kind not in "iu" or np.ma.is_masked(table[name]):
            raise ParameterError(f"{path} has a column {name} that is not of whole numbers: pixels count from 0.")
    table = table.filled("")
    return [
        {
            "detector": str(row["detector"]).strip().upper(),
            "x": int(row["x"]),
            "y": int(row["y"]),
            "mnemonics": tuple(filter(None, re.split(r"[,\s|]+", str(row["mnemonics"]).upper()))),
        }
        for row in table
    ]


def _read_csv(path: Path) -> Any:
    from astropy.table import Table

    # Spreadsheets begin a file with a byte-order mark.
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return Table.read([*lines, ""], format="ascii.csv", comment="#", guess=False, fast_reader=False)


def _problem(row: dict, border: np.ndarray) -> str:
    """Return what is wrong with a row, as a predicate; empty when nothing is."""
    names, x, y = row["mnemonics"], row["x"], row["y"]
    if row["detector"] not in DETECTORS:
        return f"has the detector {row['detector']!r}, which NIRCam has not: use one of {', '.join(DETECTORS)}"
    if not (0 <= x < border.shape[1] and 0 <= y < border.shape[0]):
        return f"has x {x}, y {y}, which lies outside a frame of {border.shape[1]}x{border.shape[0]} pixels from 0 on"
    strangers = [name for name in names if name not in MASK_MNEMONICS]
    if strangers or not names:
        said = ", ".join(strangers) or "none"
        return f"has {said} among its mnemonics, which a mask cannot hold: use some of {', '.join(MASK_MNEMONICS)}"
    if "REFERENCE_PIXEL" in names and not border[y, x]:
        return f"calls x {x}, y {y} a REFERENCE_PIXEL, which lies inside the border: correct it"
    if border[y, x] and not set(names) <= _OF_THE_BORDER:
        return f"calls x {x}, y {y} {', '.join(names)}, which is a reference pixel: use BAD_REF_PIXEL"
    alone = sorted(_NEVER_ALONE & set(names))
    if alone and "DO_NOT_USE" not in names:
        return f"calls x {x}, y {y} {', '.join(alone)} without DO_NOT_USE: add it, or the pipeline uses the pixel"
    return ""
