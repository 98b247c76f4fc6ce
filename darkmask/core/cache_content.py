"""Carry an entry of the cache from one machine to another: its files as bytes, by name, each with its digest."""

import json
from collections.abc import Mapping
from pathlib import Path

from .atomic import sha256_bytes
from .cache import LIST, cached, is_whole
from .cache_folder import cache_root
from .errors import StorageError


def find_entry(kind: str, key: str) -> Path | None:
    """Return the folder of an entry that is there and whole; None where it has to be made.

    Parameters
    ----------
    kind, key : str
        See :func:`darkmask.core.cache.cached`.
    """
    entry = cache_root() / kind / key
    return entry if is_whole(entry) else None


def read_content(entry: Path) -> dict[str, bytes]:
    """Return the bytes of every file of an entry by its name, the list of their digests included."""
    return {path.relative_to(entry).as_posix(): path.read_bytes() for path in entry.rglob("*") if path.is_file()}


def keep_content(kind: str, key: str, content: Mapping[str, bytes]) -> Path:
    """Put an entry that was made elsewhere into this cache, unless it is there already, and return its folder.

    Parameters
    ----------
    kind, key : str
        See :func:`darkmask.core.cache.cached`.
    content : mapping of str to bytes
        What :func:`read_content` gave.

    Raises
    ------
    StorageError
        When the cache cannot be written, or the bytes are not those that were made.
    """
    files = {name: data for name, data in content.items() if name != LIST}
    if json.loads(content.get(LIST, b"null")) != {name: sha256_bytes(data) for name, data in files.items()}:
        raise StorageError(f"What arrived of {kind} {key} is not what was made: run again; nothing of it was kept.")

    def write(out: Path) -> None:
        for name, data in files.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(data)

    return cached(kind, key, write)
