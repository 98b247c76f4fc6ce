"""An on-disk cache of results that are expensive to make, shared by processes and by runs.

An entry is a folder named by a digest of everything that its content depends on. It appears by one rename and lists the
SHA-256 of its files. It is made again when the files are not exactly those.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from .atomic import sha256_file, sha256_text, storing, working_folder, write_text
from .cache_folder import cache_root
from .cache_limit import hold_limit

# Names the files of an entry, each with its SHA-256.
LIST = "contents.json"
_ANSWER = "answer.json"
# These hold ten detectors of four deliveries; the oldest go first.
KEPT_ENTRIES = 40


def cached(kind: str, key: str, make: Callable[[Path], None], keep: int = KEPT_ENTRIES) -> Path:
    """Return the folder of an entry, which ``make`` fills when there is none.

    Parameters
    ----------
    kind : str
        A family of entries.
    key : str
        Digest of all that the content depends on.
    make : callable
        Fills an empty folder that it is given; what it raises passes through and leaves no entry.
    keep : int
        Entries of this family that are kept; the oldest go first.

    Raises
    ------
    StorageError
        When the cache cannot be written.
    """
    root = cache_root() / kind
    entry = root / key
    with storing(f"The cache {root}", "free some space, or set XDG_CACHE_HOME to another folder"):
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f"{key}.lock"):
            if is_whole(entry):
                os.utime(entry)
                return entry
            _remove(entry)
            with working_folder(root, key) as temporary:
                make(temporary)
                sums = {p.relative_to(temporary).as_posix(): sha256_file(p) for p in _files(temporary)}
                write_text(temporary / LIST, json.dumps(sums, indent=1))
                temporary.chmod(0o755)
                os.replace(temporary, entry)
    _prune(root, entry, keep)
    hold_limit(entry)
    return entry


def cached_answer(kind: str, depends: object, make: Callable[[], object], keep: int = KEPT_ENTRIES) -> Any:
    """Return an answer that JSON can hold, which ``make`` gives when none is kept.

    Parameters
    ----------
    kind : str
        A family of entries.
    depends : object
        All that the answer depends on, see :func:`key_of`.
    make : callable
        Gives the answer; what it raises passes through and leaves no entry.
    keep : int
        Entries of this family that are kept; the oldest go first.

    Returns
    -------
    object
        The answer as JSON gives it back: a tuple has become a list.

    Raises
    ------
    StorageError
        When the cache cannot be written.
    """

    def write(out: Path) -> None:
        write_text(out / _ANSWER, json.dumps(make(), allow_nan=False))

    return json.loads((cached(kind, key_of(depends), write, keep) / _ANSWER).read_text(encoding="utf-8"))


def key_of(depends: object) -> str:
    """Return the digest of what an entry depends on: anything that JSON can hold, dicts in any order."""
    return sha256_text(json.dumps(depends, sort_keys=True))


def is_whole(entry: Path) -> bool:
    """Return whether an entry holds exactly the files that it lists, byte for byte."""
    try:
        sums = json.loads((entry / LIST).read_text(encoding="utf-8"))
        there = {path.relative_to(entry).as_posix() for path in _files(entry)} - {LIST}
        return there == set(sums) and all(sha256_file(entry / name) == digest for name, digest in sums.items())
    except (OSError, ValueError, AttributeError, TypeError):
        return False


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _remove(entry: Path) -> None:
    if entry.is_dir():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink(missing_ok=True)


def _prune(root: Path, newest: Path, keep: int) -> None:
    entries = []
    for path in root.iterdir():
        # Another process may prune at the same time.
        with contextlib.suppress(FileNotFoundError):
            if path.is_dir() and not path.name.startswith("."):
                entries.append((path.stat().st_mtime, path))
    for _, entry in sorted(entries)[:-keep]:
        if entry != newest:
            shutil.rmtree(entry, ignore_errors=True)
