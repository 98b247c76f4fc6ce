"""Look into the cache, empty it, and hold it to a size.

Each family of entries keeps its newest ones anyway (:mod:`darkmask.core.cache`). A limit is for all of them together:
the oldest entries go first, whatever their family. Compiled kernels and what is remembered of input files are small,
and stay.
"""

import contextlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from .atomic import storing, write_text
from .cache_folder import cache_root
from .errors import ParameterError

_LIMIT = "limit.json"
_REMEDY = "make the folder writable, or set XDG_CACHE_HOME to another one"
# Not made of entries, and made again only at a cost that has nothing to do with their size.
_STAYING = ("kernels",)
_GIGABYTE = 1e9


@dataclass(frozen=True)
class Entry:
    """An entry of the cache: its place, when it was last used (seconds since 1970), and its bytes."""

    place: Path
    used: float
    size: int

    @property
    def family(self) -> str:
        return self.place.parent.name


def entries() -> list[Entry]:
    """Return the entries of every family, the one first that was used longest ago."""
    found = []
    for family in sorted(cache_root().iterdir()):
        if family.is_dir() and not family.name.startswith("."):
            found += [entry for place in family.iterdir() if (entry := _entry(place))]
    return sorted(found, key=lambda entry: (entry.used, entry.place))


def clear(families: Sequence[str] = ()) -> Iterator[Entry]:
    """Remove entries, of some families or of all, but those that somebody is making just now.

    Parameters
    ----------
    families : sequence of str
        Names as :func:`entries` gives them; all but compiled kernels by default.

    Yields
    ------
    Entry
        Each one that is gone.

    Raises
    ------
    ParameterError
        When there is no such family.
    """
    there = {entry.family for entry in entries()}
    if unknown := sorted(set(families) - there):
        known = ", ".join(sorted(there)) or "none"
        raise ParameterError(f"The cache {cache_root()} holds no {unknown[0]!r}: name one of its families ({known}).")
    for entry in entries():
        if entry.family in (families or there - set(_STAYING)) and _remove(entry):
            yield entry


def limit() -> float | None:
    """Return the bytes that all entries together may take; None when nobody has set a limit."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return float(json.loads((cache_root() / _LIMIT).read_text(encoding="utf-8"))["bytes"])
    return None


def set_limit(gigabytes: float | None) -> None:
    """Hold the cache to a size from now on, or to none.

    Parameters
    ----------
    gigabytes : float or None

    Raises
    ------
    ParameterError
        When it is no positive number.
    StorageError
        When the cache cannot be written.
    """
    place = cache_root() / _LIMIT
    with storing(place, _REMEDY):
        if gigabytes is None:
            place.unlink(missing_ok=True)
            return
        if not 0 < gigabytes < float("inf"):
            raise ParameterError(f"A cache of {gigabytes:g} GB can hold nothing: give a number above 0, or none.")
        write_text(place, json.dumps({"bytes": gigabytes * _GIGABYTE}))
    hold_limit()


def hold_limit(newest: Path | None = None) -> None:
    """Remove the oldest entries until the rest is within the limit.

    Parameters
    ----------
    newest : Path, optional
        An entry that stays, however large: whoever made it is about to read it.
    """
    most = limit()
    if most is None:
        return
    there = [entry for entry in entries() if entry.family not in _STAYING]
    excess = sum(entry.size for entry in there) - most
    for entry in there:
        if excess <= 0:
            return
        if entry.place != newest and _remove(entry):
            excess -= entry.size


def _entry(place: Path) -> Entry | None:
    """Return what is known of an entry; None for what is none, or has just gone."""
    with contextlib.suppress(OSError):
        if place.is_dir() and not place.name.startswith("."):
            size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
            return Entry(place, place.stat().st_mtime, size)
    return None


def _remove(entry: Entry) -> bool:
    lock = FileLock(entry.place.with_name(f"{entry.place.name}.lock"))
    try:
        with lock.acquire(timeout=0):
            shutil.rmtree(entry.place, ignore_errors=True)
    except (Timeout, OSError):
        return False
    return not entry.place.exists()
