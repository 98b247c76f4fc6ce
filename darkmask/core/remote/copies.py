"""Local copies of files that lie elsewhere: made when something reads them, and held to a size.

What a search depends on is named by the digest of its files (:mod:`darkmask.core.digests`), so that every byte of a
file passes once before anything is searched. It is kept while it passes: kernels, maps and other packages then read a
file as they read any.
"""

import fcntl
import os
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from darkmask.core.atomic import replacing, storing
from darkmask.core.stages import stage

from .address import shown
from .flushed import flush, not_yet_flushed
from .places import REMEDY, is_copy, require_version, root, source_of, stated, version_of
from .room import make_room
from .server import Server, Version

# Ranges of one file that are asked for at a time, and bytes of each: 64 MiB are on their way, which at 50 ms from
# question to answer is more than a gigabyte a second.
IN_FLIGHT, PIECE = 16, 1 << 22
# All files together have as many ranges on their way as two of them.
_ON_THEIR_WAY = threading.BoundedSemaphore(2 * IN_FLIGHT)
_LOCK = threading.Lock()


def brought(path: Path) -> Path:
    """Return a path after making sure that its file lies on this disk.

    Parameters
    ----------
    path : Path
        Of anything; what does not lie elsewhere is returned as it is.

    Raises
    ------
    DeliveryError
        When the file does not come, or changed since it was listed.
    StorageError
        When there is no room for it.
    """
    if not is_copy(path):
        return path
    wanted = stated(path)
    if (date := _date_of(path, wanted)) is not None:
        # What is used is not the first to go.
        os.utime(path, ns=(time.time_ns(), date))
        return path
    with storing(path, REMEDY):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Of two who want one file, one waits.
        with FileLock(path.with_name(f".{path.name}.lock")):
            if _date_of(path, wanted) is None:
                _copy(path, version_of(path), wanted[1])
    return path


class Held:
    """A copy that is not removed as long as this object lives.

    Parameters
    ----------
    path : Path
    descriptor : int
        Of the copy, locked; this object closes it.
    wanted : (int, int)
        Size and date of a copy that lies on the disk.
    """

    def __init__(self, path: Path, descriptor: int, wanted: tuple[int, int]):
        weakref.finalize(self, os.close, descriptor)
        self._path, self._flushed = path, flush(path, descriptor, wanted)

    def require_flushed(self) -> None:
        """Wait until the copy lies on the disk, which it does while it is read.

        Raises
        ------
        StorageError
            When the disk did not take it: what was read of it may be something else.
        """
        if self._flushed is not None:
            with storing(self._path, REMEDY):
                self._flushed.result()


# One for each copy that is in use: a set of a hundred exposures would need the descriptors of the whole process.
_IN_USE: weakref.WeakValueDictionary[tuple[Path, tuple[int, int], int], Held] = weakref.WeakValueDictionary()


def held(path: Path) -> Held | None:
    """Bring a file, and keep its copy from being removed as long as somebody needs it.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Held or None
        The copy stays until this goes; None for what does not lie elsewhere.
    """
    if not is_copy(path):
        return None
    # A lock is shared with a child that was forked, and ends with either: each process has its own.
    key = path, stated(path), os.getpid()
    with _LOCK:
        found = _IN_USE.get(key)
    while found is None:
        brought(path)
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:  # room was made for another one just then
            continue
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if os.path.exists(path) and os.path.samestat(os.fstat(descriptor), os.stat(path)):
            try:
                made = Held(path, descriptor, key[1])
            except FileNotFoundError:  # likewise; the descriptor is closed with what was made of it
                continue
            with _LOCK:
                found = _IN_USE.setdefault(key, made)
        else:
            os.close(descriptor)
    return found


@contextmanager
def holding(paths: Iterable[Path], *, flushed: bool = True) -> Iterator[list[Path]]:
    """Bring files, and keep their copies until the block ends.

    Parameters
    ----------
    paths : iterable of Path
        Of anything, as for :func:`brought`.
    flushed : bool
        Whether the copies lie on the disk when the block has ended. Who reads them at once need not wait.

    Yields
    ------
    list of Path
        The same paths.

    Raises
    ------
    StorageError
        When the disk does not take a copy.
    """
    there = list(paths)
    needed = [held(path) for path in there]
    yield there
    for one in filter(None, needed if flushed else ()):
        one.require_flushed()
    del needed


def _copy(path: Path, version: Version, modified: int) -> None:
    address, name = source_of(path)
    server = Server(address)
    make_room(root(), version.size, shown(f"{server.address}/{name}"))
    date = not_yet_flushed(version.size, modified)
    with stage("copy"), replacing(path, flushed=date == modified) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY)
        try:
            # From now on it counts with its whole size.
            os.truncate(descriptor, version.size)
            _fill(descriptor, server, name, version)
        finally:
            os.close(descriptor)
        os.utime(temporary, ns=(time.time_ns(), date))


def _fill(descriptor: int, server: Server, name: str, version: Version) -> None:
    """Write all bytes of a version of a file, some ranges at a time."""

    def piece(start: int) -> None:
        with _ON_THEIR_WAY:
            content = server.read(name, start, min(start + PIECE, version.size))
            written = 0
            while written < len(content):
                written += os.pwrite(descriptor, memoryview(content)[written:], start + written)

    with ThreadPoolExecutor(IN_FLIGHT + 1, thread_name_prefix="copy") as pool:
        # Nobody waits for this answer: it comes while the first ranges do.
        before = pool.submit(require_version, server, name, version)
        try:
            for _ in pool.map(piece, range(0, version.size, PIECE)):
                pass
        except Exception:
            # Of a file that has become another one, ranges may not come at all.
            before.result()
            raise
        before.result()
        # Pieces of two versions would make a file that nobody ever had.
        require_version(server, name, version)


def _date_of(path: Path, wanted: tuple[int, int]) -> int | None:
    """Return the date of a copy that is there, of the two that it may have; None for one that is not."""
    try:
        status = path.stat()
    except OSError:
        return None
    there = status.st_size == wanted[0] and status.st_mtime_ns in (wanted[1], not_yet_flushed(*wanted))
    return status.st_mtime_ns if there else None
