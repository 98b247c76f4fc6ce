"""The file of some rows of one integration that is kept: how it is written, and whether it is whole."""

import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from blake3 import blake3

from .packing import N_DENSE, Packed, pack_rows
from .scratch import Maps

# When more pixels than this share have maps of their own, the file would be larger than what it saves.
MOST_OWN = 0.5
HEADER, DIGEST = 3 * 8, 32
_whole: set["Known"] = set()


class NewFile:
    """A file that is being written, by blocks of rows in any order and from several threads.

    Parameters
    ----------
    path : Path
    shape : (int, int)
        Rows and columns of the file.
    first : int
        Number of its first row in the frame.
    """

    def __init__(self, path: Path, shape: tuple[int, int], first: int):
        self.path, self._shape, self._first = path, shape, first
        self._own: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        self._most = MOST_OWN * shape[0] * shape[1]
        self._lock = threading.Lock()
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        self._given_up = False

    def keep(self, start: int, maps: Maps, packed: Packed, groups: int) -> None:
        if self._given_up:
            return
        rows, (height, width) = len(maps.measured), self._shape
        numbers = np.empty(rows, np.int64)
        count = pack_rows(maps, groups, numbers, packed)
        with self._lock:
            self._own[start] = numbers, packed.values[:count].copy(), packed.counts[:count].copy()
            self._most -= count
        begin = HEADER + 8 * (height + 1) + 4 * N_DENSE * width * (start - self._first)
        try:
            written = os.pwrite(self._descriptor, packed.dense[:rows].data, begin)
            self._given_up |= self._most < 0 or written != packed.dense[:rows].nbytes
        except OSError:
            self._given_up = True

    def finish(self) -> bool:
        """Write what stands around the rows, and return whether the file is whole."""
        if self._given_up:
            return False
        numbers, values, counts = (np.concatenate(parts) for parts in zip(*self._ordered(), strict=True))
        begins = np.concatenate([[0], np.cumsum(numbers)])
        os.pwrite(self._descriptor, np.array([*self._shape, len(values)], np.int64).tobytes() + begins.tobytes(), 0)
        with os.fdopen(os.dup(self._descriptor), "r+b") as file:
            file.seek(0, os.SEEK_END)
            file.write(values.tobytes() + counts.tobytes())
            file.flush()
            file.write(_digest(self.path, file.tell()))
        return True

    def _ordered(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        return (self._own[start] for start in sorted(self._own))

    def close(self) -> None:
        os.close(self._descriptor)


class Known(NamedTuple):
    """A file as it was when it was known to be whole: its place, inode, size and the date of its content."""

    path: Path
    inode: int
    size: int
    written: int

    @classmethod
    def of(cls, path: Path, status: os.stat_result) -> "Known":
        """Return what a file is known by."""
        return cls(path, status.st_ino, status.st_size, status.st_mtime_ns)


def is_whole(path: Path, status: os.stat_result) -> bool:
    """Return whether a file ends with the digest of what stands before; read once, and never where it was written."""
    known = Known.of(path, status)
    if known not in _whole:
        size = status.st_size - DIGEST
        with path.open("rb") as file:
            file.seek(max(size, 0))
            if size < HEADER or file.read() != _digest(path, size):
                return False
        _whole.add(known)
    return True


def known_whole() -> frozenset[Known]:
    """Return the files that this process wrote or found whole, for another that works for it."""
    return frozenset(_whole)


def take_known_whole(files: Iterable[Known]) -> None:
    """Take the word of another process for files that it wrote or found whole."""
    _whole.update(files)


def _digest(path: Path, size: int) -> bytes:
    """Return the digest of the first bytes of a file."""
    hasher, left = blake3(), size
    with path.open("rb", buffering=0) as file:
        while left and (piece := file.read(min(left, 1 << 20))):
            hasher.update(piece)
            left -= len(piece)
    return hasher.digest()
