"""Keep the maps of each integration on disk, so that its ramps are read once however often integrations are combined.

Halves of a set, and all exposures but one, are combined from what is kept; a delivery that grows by an exposure costs
that exposure. A file holds one integration (:mod:`.packing`), and its name is the digest of all that it depends on: the
bytes of the exposure's files, the number of the integration in it, what a measurement knows of the readout, and the
code. It ends with the digest of what stands before: a file that is not whole is measured again, never used.
"""

import contextlib
import json
import os
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from blake3 import blake3

from darkmask.core.atomic import sha256_text, working_folder
from darkmask.core.cache_folder import cache_root
from darkmask.core.digests import remembered_digest, take_long
from darkmask.core.errors import StorageError
from darkmask.core.provenance import source_digest
from darkmask.delivery import OpenExposure

from .packing import N_DENSE, N_VALUES, KeptPlaces, Packed, pack_rows
from .pixel import Readout
from .scratch import Maps

# An integration of a full frame takes 70 MB and a detector of ten 0.7 GB; the files made first go when all take more.
KEPT_BYTES = 8_000_000_000
# So much of the file system is left free.
LEFT_FREE = 2_000_000_000
# When more pixels than this share have maps of their own, the file would be larger than what it saves.
MOST_OWN = 0.5
_HEADER, _DIGEST = 3 * 8, 32
_SUFFIX = ".maps"


def kept_folder() -> Path:
    """Return the folder of the kept maps.

    Raises
    ------
    StorageError
        When there is no cache folder.
    """
    return cache_root() / "integrations"


class KeptMaps:
    """The kept maps of the chosen integrations of a set: a context manager.

    Whatever goes wrong with a file that is kept, the integration is measured as if nothing had been.

    Parameters
    ----------
    planes : sequence of (OpenExposure, int)
        The integrations.
    folder : Path
        The delivery's folder.
    readout : Readout
    shape : tuple of int
        Rows and columns of the frame.

    Attributes
    ----------
    places : KeptPlaces
        What lies where; set only inside the context.
    """

    places: KeptPlaces

    def __init__(
        self, planes: Sequence[tuple[OpenExposure, int]], folder: Path, readout: Readout, shape: tuple[int, int]
    ):
        self._planes, self._folder, self._readout, self._shape = planes, folder, readout, shape
        # Without the digest of an exposure that nobody knows yet, which is taken while its ramps are measured.
        self._names: dict[int, str] = {}
        self._stack = contextlib.ExitStack()
        self._new: dict[int, _NewFile] = {}

    def __enter__(self) -> "KeptMaps":
        size, (height, width) = len(self._planes), self._shape
        self.places = nothing_kept(size)
        with contextlib.suppress(OSError, StorageError), contextlib.ExitStack() as stack:
            root = kept_folder()
            root.mkdir(parents=True, exist_ok=True)
            self._names = self._names_of(exposure for exposure in self._exposures() if not self._is_new(exposure))
            places = KeptPlaces(nothing_kept(size).files, np.zeros((size, height + 1), np.int64))
            missing = [i for i in range(size) if not self._open(root, i, stack, places)]
            # Without room the integrations are measured each time.
            if missing and shutil.disk_usage(root).free - LEFT_FREE > len(missing) * 4 * N_DENSE * height * width:
                temporary = stack.enter_context(working_folder(root, "new"))
                self._new = {i: _NewFile(temporary / str(i), self._shape) for i in missing}
                for new in self._new.values():
                    stack.callback(new.close)
            self.places, self._stack = places, stack.pop_all()
        return self

    def __exit__(self, kind, *_) -> None:
        with self._stack:
            if kind is None and self._new:
                with contextlib.suppress(OSError, StorageError):
                    names = self._names | self._names_of(filter(self._is_unnamed, self._exposures()))
                    for i, new in self._new.items():
                        if new.finish():
                            os.replace(new.path, kept_folder() / names[i])
                    _prune(kept_folder())

    def _exposures(self) -> Iterable[OpenExposure]:
        return dict.fromkeys(opened for opened, _ in self._planes)

    def _is_new(self, opened: OpenExposure) -> bool:
        """Return whether nobody has hashed an exposure: then nothing of it is kept, but for that of a copy of it."""
        return take_long(self._folder / record.path for record in opened.exposure.files)

    def _is_unnamed(self, opened: OpenExposure) -> bool:
        return any(one is opened and i not in self._names for i, (one, _) in enumerate(self._planes))

    def _names_of(self, chosen: Iterable[OpenExposure]) -> dict[int, str]:
        """Return the names of the files of some exposures' integrations: digests of all that their maps depend on."""
        code, names = source_digest("search"), {}
        for opened in chosen:
            digests = [remembered_digest(self._folder / record.path) for record in opened.exposure.files]
            for i, (one, number) in enumerate(self._planes):
                if one is opened:
                    names[i] = sha256_text(json.dumps([digests, number, self._readout, code])) + _SUFFIX
        return names

    def _open(self, root: Path, i: int, stack: contextlib.ExitStack, places: KeptPlaces) -> bool:
        """Open the file of an integration if it is whole, and set where its parts lie."""
        if i not in self._names:
            return False
        path = root / self._names[i]
        try:
            descriptor = stack.enter_context(path.open("rb", buffering=0)).fileno()
            status = os.fstat(descriptor)
            if not _is_whole(path, status.st_ino, status.st_size, status.st_mtime_ns):
                path.unlink(missing_ok=True)
                return False
        except OSError:
            return False
        height, width, own = (int(number) for number in np.frombuffer(os.pread(descriptor, _HEADER, 0), np.int64))
        if (height, width) != self._shape:
            return False
        begin = _HEADER + 8 * (height + 1)
        values = begin + 4 * N_DENSE * height * width
        places.begins[i] = np.frombuffer(os.pread(descriptor, 8 * (height + 1), _HEADER), np.int64)
        places.files[i] = descriptor, begin, values, values + 4 * N_VALUES * own
        return True

    def keep(self, start: int, stacks: Maps, packed: Packed, groups: int) -> None:
        """Keep some rows of the integrations that were not.

        Parameters
        ----------
        start : int
            First row.
        stacks : Maps
            Shapes (integration, row, N_MEASURED, x) and (integration, row, N_COUNTED, x).
        packed : Packed
            Room of this thread.
        groups : int
            NGROUPS.
        """
        for i, new in self._new.items():
            new.keep(start, Maps(stacks.measured[i], stacks.counted[i]), packed, groups)


def nothing_kept(integrations: int) -> KeptPlaces:
    """Return the places of integrations of which none is kept."""
    return KeptPlaces(np.full((integrations, 4), -1, np.int64), np.zeros((integrations, 1), np.int64))


class _NewFile:
    """A file that is being written, by blocks of rows in any order and from several threads."""

    def __init__(self, path: Path, shape: tuple[int, int]):
        self.path, self._shape = path, shape
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
        begin = _HEADER + 8 * (height + 1) + 4 * N_DENSE * width * start
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


@lru_cache(maxsize=4096)
def _is_whole(path: Path, *_status: int) -> bool:
    """Return whether a file ends with the digest of what stands before; asked once by a process."""
    size = path.stat().st_size - _DIGEST
    with path.open("rb") as file:
        file.seek(max(size, 0))
        return size >= _HEADER and file.read() == _digest(path, size)


def _digest(path: Path, size: int) -> bytes:
    """Return the digest of the first bytes of a file."""
    hasher, left = blake3(), size
    with path.open("rb", buffering=0) as file:
        while left and (piece := file.read(min(left, 1 << 20))):
            hasher.update(piece)
            left -= len(piece)
    return hasher.digest()


def _prune(root: Path) -> None:
    """Remove the files that were made first, until the others may stay."""
    kept = []
    for path in root.glob(f"*{_SUFFIX}"):
        # Another process may prune at the same time.
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            kept.append((status.st_mtime_ns, status.st_size, path))
    total = sum(size for _, size, _ in kept)
    for _, size, path in sorted(kept):
        if total <= KEPT_BYTES:
            return
        path.unlink(missing_ok=True)
        total -= size
