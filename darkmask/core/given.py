"""Paths that a command was given: there, of the right kind, and each for one thing, before anything is written."""

import os
import re
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path

from .errors import CommandError
from .remote import is_address, open_place

# What a path makes of an address.
_LIKE_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def folder(holds: str) -> Callable[[str], Path]:
    """Return the function that makes the path of an existing folder of its text.

    Parameters
    ----------
    holds : str
        What the folder holds, e.g. "the darks", for the sentence of an error.

    Returns
    -------
    callable
        Raises :class:`CommandError` when there is no such folder.
    """

    def checked(text: str) -> Path:
        path = _local(text, f"the folder that holds {holds}")
        require_folder(path, f"the folder that holds {holds}")
        return path

    return checked


def file(what: str) -> Callable[[str], Path]:
    """Return the function that makes the path of an existing file of its text, as :func:`folder` does."""

    def checked(text: str) -> Path:
        path = _local(text, what)
        _require_there(path, what)
        if not path.is_file():
            raise CommandError(f"{path} is no file: give {what}.")
        return path

    return checked


def file_or_folder(what: str) -> Callable[[str], Path]:
    """Return the function that makes the path of a file or folder that exists of its text, as :func:`folder` does."""

    def checked(text: str) -> Path:
        path = _local(text, what)
        _require_there(path, what)
        return path

    return checked


def folder_or_address(holds: str) -> Callable[[str], Path]:
    """Return the function that makes a path of the text of a folder, or of the address of one that lies elsewhere.

    It raises what :func:`folder` does, and a `DeliveryError` where nothing can be read at the address.
    """
    here = folder(holds)

    def checked(text: str) -> Path:
        return open_place(text) if is_address(text) else here(text)

    return checked


def require_folder(path: Path, what: str) -> None:
    """Refuse a path that is no folder.

    Parameters
    ----------
    path : Path
    what : str
        What to give instead, e.g. "the folder that holds the darks".

    Raises
    ------
    CommandError
    """
    _require_there(path, what)
    if not path.is_dir():
        raise CommandError(f"{path} is a file: give {what}.")


def require_apart(given: Mapping[str, Path | None], *, inputs: int | None = None) -> None:
    """Refuse a path that is given for two things, and an output that is an address or lies inside an input.

    Parameters
    ----------
    given : mapping of str to Path or None
        By the name of the argument: inputs first, then outputs. None counts as not given.
    inputs : int, optional
        How many of them are inputs; all by default.

    Raises
    ------
    CommandError
    """
    names = list(given)
    for name in names[inputs or len(names) :]:
        if _LIKE_ADDRESS.match(str(given[name])):
            raise CommandError(f"{name} is an address, and results stay on this machine: give a folder.")
    read = set(names[:inputs])
    for (one, first), (other, second) in combinations(((n, p) for n, p in given.items() if p is not None), 2):
        if _same(first, second):
            raise CommandError(f"{first} is given twice, as {one} and as {other}: give two different paths.")
        if (
            one in read
            and other not in read
            and Path(os.path.realpath(first)) in Path(os.path.realpath(second)).parents
        ):
            raise CommandError(
                f"{second} ({other}) lies inside {first} ({one}), which is never written to: give a folder beside it."
            )


def _local(text: str, what: str) -> Path:
    """Return the path that a text is; one that is an address may hold a password, and is not shown."""
    if is_address(text):
        raise CommandError(f"An address was given where a path on this machine is needed: give {what}.")
    return Path(text)


def _require_there(path: Path, what: str) -> None:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise CommandError(f"{path} does not exist: give {what}.") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise CommandError(f"{str(path)[:200]} cannot be looked at ({why}): give {what}.") from None


def _same(first: Path, second: Path) -> bool:
    try:
        return os.path.samefile(first, second)
    except OSError:  # one is yet to be made
        return os.path.realpath(first) == os.path.realpath(second)
