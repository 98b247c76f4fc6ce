"""Read a table that somebody made by hand or took from an archive, and refuse in one sentence what is none."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from darkmask.core.errors import ParameterError, in_one_line


def read_ecsv(path: Path) -> Any:
    """Return the table of an ECSV file, an astropy.table.Table."""
    from astropy.table import Table

    return Table.read(path, format="ascii.ecsv")


def read_table(
    path: Path,
    columns: Sequence[str],
    *,
    largest: int,
    absent: str,
    too_large: str,
    unreadable: str,
    kind: str = "an ECSV",
    read: Callable[[Path], Any] = read_ecsv,
) -> Any:
    """Read a table and look whether it has the columns that are needed.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        Names of the columns that it must have.
    largest : int
        Bytes; a larger file is not opened.
    absent, too_large, unreadable : str
        What to do when there is no file, when it is too large (with the sign before it), and when it cannot be read:
        the ends of sentences.
    kind : str
        What is read, with its article.
    read : callable
        Reads a table of this kind; its warnings count as errors.

    Returns
    -------
    astropy.table.Table

    Raises
    ------
    ParameterError
        When the file is not such a table.
    """
    if not path.is_file():
        raise ParameterError(f"{path} is no file: {absent}.")
    if path.stat().st_size > largest:
        raise ParameterError(f"{path} has more than {largest >> 20} MB{too_large}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            table = read(path)
    except Exception as error:  # astropy and its YAML reader raise a dozen types
        raise ParameterError(f"{path} cannot be read as {kind} table ({in_one_line(error)}): {unreadable}.") from error
    missing = [name for name in columns if name not in table.colnames]
    if missing:
        needed = (" and " if len(columns) == 2 else ", ").join(columns)
        raise ParameterError(f"{path} has no column {', '.join(missing)}: it needs {needed}.")
    return table
