"""Local copies of files that lie elsewhere: made when something reads them, and held to a size.

What a search depends on is named by the digest of its files (:mod:`darkmask.core.digests`), so that every byte of a
file passes once before anything is searched. It is kept while it passes: kernels, maps and other packages then read a
file as they read any.
"""

import fcntl
import hashlib
import json
import os
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from filelock import FileLock

from darkmask.core.atomic import replacing, storing, write_text
from darkmask.core.cache_folder import cache_root
from darkmask.core.errors import DeliveryError
from darkmask.core.stages import stage

from .address import as_address, folder_name, shown
from .room import make_room
from .server import Server, Version

# Ranges of one file that are asked for at a time, and bytes of each: 64 MiB are on their way, which at 50 ms from
# question to answer is more than a gigabyte a second.
IN_FLIGHT, PIECE = 16, 1 << 22
# All files together have as many ranges on their way as two of them.
_ON_THEIR_WAY = threading.BoundedSemaphore(2 * IN_FLIGHT)
FAMILY = "remote"
_SOURCE = "source.json"
_LOCK = threading.Lock()
_REMEDY = "make the folder writable, or set XDG_CACHE_HOME to another one"


def open_place(text: str) -> Path:
    """List a folder that lies elsewhere, and return the path by which it is known here.

    Parameters
    ----------
    text : str
        Its address, as it was typed.

    Returns
    -------
    Path
        Its last part is the name of the folder. What is listed stays what is meant below this path until the folder is
        listed again.

    Raises
    ------
    CommandError
        When the address cannot be used.
    DeliveryError
        When nothing can be read there.
    StorageError
        When the cache cannot be written.
    """
    address = as_address(text)
    files = Server(address).list_files()
    place = _root() / hashlib.sha256(address.encode()).hexdigest()[:16]
    listed = {name: [version.size, version.tag] for name, version in files.items()}
    with storing(place, _REMEDY):
        _keep(place)
        write_text(place / _SOURCE, json.dumps({"address": address, "files": listed}, indent=1) + "\n")
        folder = place / folder_name(address)
        folder.mkdir(exist_ok=True)
    return folder


def is_copy(path: Path | str) -> bool:
    """Return whether a path is that of something that lies elsewhere."""
    # The folder of all copies, and what holds those of one address, are folders of this machine.
    above = Path(os.path.abspath(path)).parents[1:]
    # Most have no such folder above them, and need no cache for that.
    return any(folder.name == FAMILY for folder in above) and _root() in above


def shown_place(path: Path | str) -> str:
    """Return where a path leads to, for people: an address for what lies elsewhere."""
    if not is_copy(path):
        return str(path)
    place, name = _parts(Path(path))
    address = _source(place)[0]
    return shown(f"{address}/{name}" if name else address)


def source_of(path: Path) -> tuple[str, str]:
    """Return the address of the folder that a file is of, and the path of the file there."""
    place, name = _parts(path)
    return _source(place)[0], name


def listed_files(folder: Path) -> list[Path]:
    """Return the paths of the files that were listed of a folder that lies elsewhere, sorted."""
    place, _ = _parts(folder)
    return sorted(folder / name for name in _source(place)[1])


def version_of(path: Path) -> Version:
    """Return the version of a file that was listed.

    Raises
    ------
    DeliveryError
        When it was not listed.
    """
    place, name = _parts(path)
    address, files = _source(place)
    if name not in files:
        raise DeliveryError(f"{shown(f'{address}/{name}')} is no longer listed: run again.")
    return files[name]


def stated(path: Path) -> tuple[int, int]:
    """Return size and date, in ns, by which a file that lies elsewhere is known: the date stands for its version."""
    version = version_of(path)
    number = int.from_bytes(hashlib.sha256(f"{version.size} {version.tag}".encode()).digest()[:4])
    # Even seconds until the year 2004: what every file system keeps.
    return version.size, number % 2**29 * 2 * 10**9


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
    with storing(path, _REMEDY):
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
    place, name = _parts(path)
    server = Server(_source(place)[0])
    make_room(_root(), version.size, shown(f"{server.address}/{name}"))
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
        before = pool.submit(_require_version, server, name, version)
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
        after = pool.submit(_require_version, server, name, version)
        for one in flushed:
            one.result()
        after.result()


def _require_version(server: Server, name: str, version: Version) -> None:
    if server.version(name) != version:
        raise DeliveryError(
            f"{shown(f'{server.address}/{name}')} has changed since it was listed: wait until the delivery has arrived "
            "and run again."
        )


def _is_there(path: Path, wanted: tuple[int, int]) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == wanted


def _parts(path: Path) -> tuple[Path, str]:
    """Return the place that holds a folder's copies, and the path of a file in that folder."""
    first, *rest = Path(os.path.abspath(path)).relative_to(_root()).parts
    return _root() / first, "/".join(rest[1:])


def _source(place: Path) -> tuple[str, dict[str, Version]]:
    """Return the address of a folder, and the files that were listed."""
    try:
        _keep(place)
        return _read_source(place / _SOURCE, (place / _SOURCE).stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DeliveryError(
            f"What was listed of a folder that lies elsewhere is gone from the cache ({place}): run again with its "
            "address."
        ) from error


@cache
def _read_source(path: Path, modified: int) -> tuple[str, dict[str, Version]]:  # noqa: ARG001
    said = json.loads(path.read_text(encoding="utf-8"))
    return said["address"], {name: Version(*version) for name, version in said["files"].items()}


@cache
def _keep(place: Path) -> None:
    """Keep the place from being removed with the cache as long as this process lives: whoever removes it locks it."""
    place.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(f"{place}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def _root() -> Path:
    # As every path is compared with it: XDG_CACHE_HOME may hold two points.
    return Path(os.path.abspath(cache_root() / FAMILY))
