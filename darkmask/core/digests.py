"""Digests of large input files, remembered as long as the files are what they were.

A delivery of one detector is 9 GB, and SHA-256 of it takes twice as long as its search. So an input is named by its
BLAKE3 digest, which is five times as fast, and a file that did not change is not read again.
"""

import contextlib
import hashlib
import os
import platform
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from .cache_folder import cache_root
from .errors import StorageError
from .remote import holding, is_copy, version_of
from .stages import stage

BLAKE3, SHA256 = "blake3", "sha256"
# By plain reads: a map of a file that somebody shortens meanwhile ends the process.
_PIECE = 1 << 20
# A file that was written less than this before it was hashed may change again without a new date: clocks of file
# systems tick in steps of up to 2 s (FAT; ext4 and NFS are finer).
_TICK_NS = 2_000_000_000
# So many bytes are hashed in a tenth of a second.
LONG_BYTES = 0.3e9
_asked: dict[tuple[bytes, str], threading.Lock] = {}
_guard = threading.Lock()
# Two processes that remember at the same time wait for one another, for so many seconds.
_PATIENCE = 10
_TABLE = """CREATE TABLE IF NOT EXISTS digests
(path BLOB, algorithm TEXT, status TEXT, digest TEXT, PRIMARY KEY (path, algorithm))"""


def remembered_digest(path: Path, algorithm: str = BLAKE3) -> str:
    """Return the digest of a file's bytes, in hexadecimal, without reading a file that has not changed since.

    It counts as unchanged when its path, device, inode, size and the times of its last change of content and of status
    are the same, on the same machine. Nobody can set the last of these back. A file too young to tell, or that changes
    while it is read, is not remembered. A memory that cannot be read or written is done without.

    Of a file that lies elsewhere the version that was listed takes the place of these: it is copied to be hashed, and
    not again as long as its server says that it is the same.

    Parameters
    ----------
    path : Path
    algorithm : str
        ``BLAKE3`` or ``SHA256``.

    Raises
    ------
    OSError
        When the file cannot be read.
    """
    name = os.fsencode(os.path.abspath(path))  # which a database takes whatever bytes it holds
    if is_copy(path):
        return _digest_of_copy(path, name, algorithm)
    with _one_at_a_time(name, algorithm), path.open("rb", buffering=0) as file:
        begun = time.time_ns()
        status = os.fstat(file.fileno())
        with _memory() as memory:
            if memory is not None and (known := _recall(memory, name, algorithm, _written(status))):
                return known
        with stage(algorithm):
            digest = _hash(file, algorithm)
        after = os.fstat(file.fileno())
        if not _too_young(status, begun) and _written(after) == _written(status):
            with _memory() as memory:
                if memory is not None:
                    _remember(memory, name, algorithm, _written(status), digest)
    return digest


def known_digest(path: Path, algorithm: str = BLAKE3) -> str | None:
    """Return the digest that is remembered of a file, see :func:`remembered_digest`; None where it would be read.

    Parameters
    ----------
    path : Path
    algorithm : str

    Raises
    ------
    OSError
        When there is no such file.
    """
    with _memory() as memory:
        name = os.fsencode(os.path.abspath(path))
        return _recall(memory, name, algorithm, _status_of(path)) if memory is not None else None


def settled_status(path: Path) -> str | None:
    """Return a text that is another one when a file has changed, as far as :func:`remembered_digest` would know.

    Returns
    -------
    str or None
        None for a file that is too young to tell.

    Raises
    ------
    OSError
        When there is no such file.
    """
    known = _known_by(path)
    return known and known[0]


def _known_by(path: Path) -> tuple[str, str] | None:
    """Return what tells this machine that a file has not changed, and what tells it to all that share its file system.

    Of what lies elsewhere both are the version that was listed. None stands for a file that is too young to tell.
    """
    if is_copy(path):
        version = _status_of(path)
        return version, version
    status = path.stat()
    return None if _too_young(status, time.time_ns()) else (_written(status), _of_file(status))


def _status_of(path: Path) -> str:
    if is_copy(path):
        version = version_of(path)
        return f"{version.size} {version.tag}"
    return _written(path.stat())


def identity_of(path: Path) -> str | None:
    """Return a text by which every machine that has a file from one file system knows its content.

    Inode, size and the times of its last change of content and of status; of what lies elsewhere the version that was
    listed. A copy on another disk has another one, whatever its date.

    Returns
    -------
    str or None
        None for a file that is too young to tell.

    Raises
    ------
    OSError
        When there is no such file.
    """
    known = _known_by(path)
    return known and known[1]


def take_digest(path: Path, digest: str, identity: str, algorithm: str = BLAKE3) -> None:
    """Remember the digest that another process took of a file, if it is the same file here.

    Parameters
    ----------
    path : Path
    digest : str
    identity : str
        What :func:`identity_of` gave there, before the digest was taken and after.
    algorithm : str

    Raises
    ------
    OSError
        When there is no such file.
    """
    known = _known_by(path)
    if known is None or known[1] != identity:
        return
    with _memory() as memory:
        if memory is not None:
            _remember(memory, os.fsencode(os.path.abspath(path)), algorithm, known[0], digest)


def take_long(paths: Iterable[Path]) -> bool:
    """Return whether the digests of some files are worth taking beside other work, because they are not remembered.

    What cannot be looked at takes no time: whoever reads it tells what is wrong.
    """
    left = 0.0
    for path in paths:
        with contextlib.suppress(OSError):
            left += 0 if known_digest(path) else path.stat().st_size
    return left >= LONG_BYTES


@contextlib.contextmanager
def _one_at_a_time(name: bytes, algorithm: str) -> Iterator[None]:
    """Let a second thread that asks for a digest wait for the first one, and find it remembered."""
    with _guard:
        lock = _asked.setdefault((name, algorithm), threading.Lock())
    with lock:
        yield


def _digest_of_copy(path: Path, name: bytes, algorithm: str) -> str:
    status = _status_of(path)
    with _memory() as memory:
        if memory is not None and (known := _recall(memory, name, algorithm, status)):
            return known
    with holding([path], flushed=False), path.open("rb", buffering=0) as file, stage(algorithm):
        digest = _hash(file, algorithm)
    with _memory() as memory:
        if memory is not None:
            _remember(memory, name, algorithm, status, digest)
    return digest


def _hash(file: BinaryIO, algorithm: str) -> str:
    hasher = _hasher(algorithm)
    piece = memoryview(bytearray(_PIECE))
    while count := file.readinto(piece):  # type: ignore[attr-defined]
        hasher.update(piece[:count])
    digest: str = hasher.hexdigest()
    return digest


def _hasher(algorithm: str) -> Any:
    if algorithm == SHA256:
        return hashlib.sha256()
    from blake3 import blake3

    return blake3()


def _written(status: os.stat_result) -> str:
    """Return what must be equal for a file to count as the same."""
    return f"{platform.node()} {status.st_dev} {_of_file(status)}"


def _of_file(status: os.stat_result) -> str:
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _too_young(status: os.stat_result, now: int) -> bool:
    """Return whether a file was written so shortly before that it may change again without a new date."""
    return max(status.st_mtime_ns, status.st_ctime_ns) + _TICK_NS >= now


@contextlib.contextmanager
def _memory() -> Iterator[sqlite3.Connection | None]:
    """Open what is remembered, or give None."""
    try:
        place = _place()
        place.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(place, timeout=_PATIENCE, isolation_level=None)
    except (OSError, StorageError, sqlite3.Error):
        yield None
        return
    try:
        yield connection
    finally:
        connection.close()


def _place() -> Path:
    return cache_root() / "digests.sqlite"


def _recall(memory: sqlite3.Connection, name: bytes, algorithm: str, status: str) -> str | None:
    with contextlib.suppress(sqlite3.Error):
        found = memory.execute(
            "SELECT digest FROM digests WHERE path = ? AND algorithm = ? AND status = ?", (name, algorithm, status)
        ).fetchone()
        return str(found[0]) if found else None
    return None


def _remember(memory: sqlite3.Connection, name: bytes, algorithm: str, status: str, digest: str) -> None:
    try:
        # To wait for the disk takes longer than to hash a small file, two or three times each. A machine that fails
        # meanwhile may lose what was remembered; a digest is taken from a record that holds the status of its file.
        memory.execute("PRAGMA synchronous = OFF")
        memory.execute(_TABLE)
        memory.execute("INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?)", (name, algorithm, status, digest))
    except sqlite3.OperationalError:  # no room, or another process takes too long
        return
    except sqlite3.DatabaseError:  # what lies there is damaged
        with contextlib.suppress(OSError):
            _place().unlink()
