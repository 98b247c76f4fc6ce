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
    if _is_there(path, wanted):
        # What is used is not the first to go.
        os.utime(path, ns=(time.time_ns(), wanted[1]))
        return path
    with storing(path, REMEDY):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Of two who want one file, one waits.
        with FileLock(path.with_name(f".{path.name}.lock")):
            if not _is_there(path, wanted):
                _copy(path, version_of(path), wanted[1])
    return path


class Held:
    """A copy that is not removed as long as this object lives."""

    def __init__(self, descriptor: int):
        weakref.finalize(self, os.close, descriptor)


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
            found = Held(descriptor)
            with _LOCK:
                found = _IN_USE.setdefault(key, found)
        else:
            os.close(descriptor)
    return found


@contextmanager
def holding(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """Bring files, and keep their copies until the block ends.

    Parameters
    ----------
    paths : iterable of Path
        Of anything, as for :func:`brought`.

    Yields
    ------
    list of Path
        The same paths.
    """
    there = list(paths)
    needed = [held(path) for path in there]
    yield there
    del needed


def _copy(path: Path, version: Version, modified: int) -> None:
    address, name = source_of(path)
    server = Server(address)
    make_room(root(), version.size, shown(f"{server.address}/{name}"))
    with stage("copy"), replacing(path) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY)
        try:
            # From now on it counts with its whole size.
            os.truncate(descriptor, version.size)
            _fill(descriptor, server, name, version)
        finally:
            os.close(descriptor)
        os.utime(temporary, ns=(time.time_ns(), modified))


def _fill(descriptor: int, server: Server, name: str, version: Version) -> None:
    """Write all bytes of a version of a file, some ranges at a time."""

    def piece(start: int) -> None:
        with _ON_THEIR_WAY:
            content = server.read(name, start, min(start + PIECE, version.size))
            written = 0
            while written < len(content):
                written += os.pwrite(descriptor, memoryview(content)[written:], start + written)

    flushing, flushed = ThreadPoolExecutor(1, thread_name_prefix="flush"), []
    with flushing, ThreadPoolExecutor(IN_FLIGHT + 1, thread_name_prefix="copy") as pool:
        # Nobody waits for this answer: it comes while the first ranges do.
        before = pool.submit(require_version, server, name, version)
        try:
            for number, _ in enumerate(pool.map(piece, range(0, version.size, PIECE)), 1):
                if number % IN_FLIGHT == 0:
                    # The disk works while the network does, and has little left to do at the end.
                    flushed.append(flushing.submit(os.fdatasync, descriptor))
        except Exception:
            # Of a file that has become another one, ranges may not come at all.
            before.result()
            raise
        before.result()
        # Pieces of two versions would make a file that nobody ever had.
        after = pool.submit(require_version, server, name, version)
        for one in flushed:
            one.result()
        after.result()


def _is_there(path: Path, wanted: tuple[int, int]) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == wanted
