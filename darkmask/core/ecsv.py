"""Write tables as ECSV by columns: the same bytes as astropy's writer, which makes an object of each cell."""

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .atomic import write_text

if TYPE_CHECKING:
    from astropy.table import Table

# Cells of anything else are quoted, or not, by rules that are astropy's.
_PLAIN = re.compile(r"[\w,.:|+-]+", re.ASCII)
# The shortest text that gives a float back has at most 24 characters.
_FLOAT_TEXT = "U32"


def write_ecsv(table: "Table", path: Path) -> None:
    """Write a table under its final name, by one rename.

    Parameters
    ----------
    table : astropy.table.Table
        Columns of any kind; those of plain text and of plain numbers, one to a cell, are quick.
    path : Path

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    write_text(path, ecsv_text(table))


def ecsv_text(table: "Table") -> str:
    """Return a table as ECSV, equal to what astropy writes.

    Parameters
    ----------
    table : astropy.table.Table
    """
    columns = [_cells(column) for column in table.itercols()]
    known = [cells for cells in columns if cells is not None]
    quick = len(known) == len(columns)
    out = io.StringIO()
    (table[:0] if quick else table).write(out, format="ascii.ecsv")
    rows = map(" ".join, zip(*known, strict=True)) if quick else ()
    return out.getvalue() + "".join(f"{row}\n" for row in rows)


def _cells(column: Any) -> list[str] | None:
    """Return the text of each cell of a column, or None where astropy has to tell it."""
    if getattr(column, "mask", None) is not None or column.ndim != 1:
        return None
    values = np.asarray(column)
    cells: list[str]
    if values.dtype.kind == "f" and values.dtype.itemsize <= 8:
        # Texts of the scalars themselves, since a float32 as a float64 has digits that nobody measured.
        cells = values.astype(_FLOAT_TEXT).tolist()
        return cells
    if values.dtype.kind in "iub":
        return list(map(str, values.tolist()))
    if values.dtype.kind == "U":
        cells = values.tolist()
        # Few texts are many cells: names of categories, of flags and of detectors.
        return cells if all(map(_PLAIN.fullmatch, set(cells))) else None
    return None
