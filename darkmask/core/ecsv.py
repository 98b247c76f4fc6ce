"""Write tables as ECSV by columns: the same bytes as astropy's writer, which makes an object of each cell."""

import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .atomic import replacing

if TYPE_CHECKING:
    from astropy.table import Table

# Cells of anything else are quoted, or not, by rules that are astropy's.
_PLAIN = re.compile(r"[\w,.:|+-]+", re.ASCII)
# The shortest text that gives a float back has at most 24 characters.
_FLOAT_TEXT = "U32"
# So many rows are text at a time, cell by cell: a cell takes ten times the memory of what it says.
_ROWS_AT_ONCE = 4096


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
    write_ecsv_in_parts([table], path)


def write_ecsv_in_parts(tables: Iterable["Table"], path: Path) -> None:
    """Write a table of which never more than a part is there, as :func:`write_ecsv` writes the whole.

    Parameters
    ----------
    tables : iterable of astropy.table.Table
        Its rows in their order, one table at least; all with the same columns and meta data.
    path : Path

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for number, table in enumerate(tables):
            file.writelines(_lines(table, with_header=number == 0))


def ecsv_text(table: "Table") -> str:
    """Return a table as ECSV, equal to what astropy writes.

    Parameters
    ----------
    table : astropy.table.Table
    """
    return "".join(_lines(table, with_header=True))


def _lines(table: "Table", with_header: bool) -> Iterator[str]:
    """Yield a table line by line, with its header or without."""
    columns = list(table.itercols())
    quick = all(map(_is_plain, columns))
    if with_header or not quick:
        out = io.StringIO()
        (table[:0] if quick else table).write(out, format="ascii.ecsv")
        lines = out.getvalue().splitlines(keepends=True)
        # The names of the columns follow the comments.
        names = next(number for number, line in enumerate(lines) if not line.startswith("#"))
        yield from lines if with_header else lines[names + 1 :]
    for start in range(0, len(table) if quick else 0, _ROWS_AT_ONCE):
        cells = [_cells(np.asarray(column[start : start + _ROWS_AT_ONCE])) for column in columns]
        yield from (f"{row}\n" for row in map(" ".join, zip(*cells, strict=True)))


def _is_plain(column: Any) -> bool:
    """Return whether the cells of a column are what ``_cells`` tells; else astropy has to."""
    if getattr(column, "mask", None) is not None or column.ndim != 1:
        return False
    values = np.asarray(column)
    if values.dtype.kind == "U":
        # Few texts are many cells: names of categories, of flags and of detectors.
        return all(_PLAIN.fullmatch(text) for text in set(values.tolist()))
    return values.dtype.kind in "iub" or (values.dtype.kind == "f" and values.dtype.itemsize <= 8)


def _cells(values: np.ndarray) -> list[str]:
    """Return the text of each cell of some rows of a plain column."""
    cells: list[str]
    if values.dtype.kind == "f":
        # Texts of the scalars themselves, since a float32 as a float64 has digits that nobody measured.
        cells = values.astype(_FLOAT_TEXT).tolist()
        return cells
    cells = values.tolist()
    return cells if values.dtype.kind == "U" else list(map(str, cells))
