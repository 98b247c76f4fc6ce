"""Keep the maps of each integration on disk, so that its ramps are read once however often integrations are combined.

Halves of a set, and all exposures but one, are combined from what is kept; a delivery that grows by an exposure costs
that exposure. A file holds one integration (:mod:`.packing`), and its name is the digest of all that it depends on: the
bytes of the exposure's files, the number of the integration in it, what a measurement knows of the readout, and the
code. It ends with the digest of what stands before: a file that is not whole is measured again, never used.

Who measures some rows alone, and does not know the digests of all files, keeps these rows under a name by which files
are known that did not change (:func:`darkmask.core.digests.settled_status`). Who measures all rows then reads those.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from darkmask.core.atomic import sha256_text, working_folder
from darkmask.core.cache_folder import cache_root
from darkmask.core.digests import known_digest, remembered_digest, settled_status, take_long
from darkmask.core.errors import StorageError
from darkmask.core.provenance import source_digest
from darkmask.delivery import OpenExposure

from .kept_file import HEADER, Known, NewFile, is_whole, take_known_whole
from .packing import N_DENSE, N_VALUES, KeptPlaces, Packed
from .pixel import Readout
from .scratch import Maps

# An integration of a full frame takes 70 MB and a detector of ten 0.7 GB; the files made first go when all take more.
KEPT_BYTES = 8_000_000_000
# So much of the file system is left free.
LEFT_FREE = 2_000_000_000
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
    rows : (int, int)
        The first row that is measured, and the one behind the last.

    Attributes
    ----------
    places : KeptPlaces
        What lies where; set only inside the context.
    """

    places: KeptPlaces

    def __init__(
        self,
        planes: Sequence[tuple[OpenExposure, int]],
        folder: Path,
        readout: Readout,
        shape: tuple[int, int],
        rows: tuple[int, int],
    ):
        self._planes, self._folder, self._readout, self._shape = planes, folder, readout, shape
        self._rows, self._some = rows, rows != (0, shape[0])
        # Without the digest of an exposure that nobody knows yet, which is taken while its ramps are measured.
        self._names: dict[int, str] = {}
        # Beginnings of names of files of some rows.
        self._settled: dict[int, str] = {}
        self._stack = contextlib.ExitStack()
        self._new: dict[int, NewFile] = {}

    def __enter__(self) -> "KeptMaps":
        size, (height, width) = len(self._planes), self._shape
        self.places = nothing_kept(size)
        with contextlib.suppress(OSError, StorageError), contextlib.ExitStack() as stack:
            root = kept_folder()
            root.mkdir(parents=True, exist_ok=True)
            self._settled = self._settled_names()
            self._names = self._names_of(exposure for exposure in self._exposures() if not self._is_new(exposure))
            places = nothing_kept(size, height + 1)
            missing = [i for i in range(size) if not self._open_whole(root, i, stack, places)]
            for i in missing:
                self._open_some(root, i, stack, places)
            if self._some:
                missing = [i for i in missing if i in self._settled and places.files[i, 0] < 0]
            # Without room the integrations are measured each time.
            if missing and shutil.disk_usage(root).free - LEFT_FREE > len(missing) * 4 * N_DENSE * height * width:
                temporary = stack.enter_context(working_folder(root, "new"))
                shape = self._rows[1] - self._rows[0], width
                self._new = {i: NewFile(temporary / str(i), shape, self._rows[0]) for i in missing}
                for new in self._new.values():
                    stack.callback(new.close)
            self.places, self._stack = places, stack.pop_all()
        return self

    def __exit__(self, kind, *_) -> None:
        with self._stack:
            if kind is None and self._new:
                with contextlib.suppress(OSError, StorageError):
                    if self._some:
                        again, of = self._settled_names(), "{}.{}-{}" + _SUFFIX
                        names = {i: of.format(name, *self._rows) for i, name in again.items()
                                 if name == self._settled.get(i)}  # fmt: skip
                    else:
                        names = self._names | self._names_of(filter(self._is_unnamed, self._exposures()))
                    for i, new in self._new.items():
                        if i in names and new.finish():
                            os.replace(new.path, path := kept_folder() / names[i])
                            take_known_whole([Known.of(path, path.stat())])
                            self._remove_some(i)
                    _prune(kept_folder())

    def _exposures(self) -> Iterable[OpenExposure]:
        return dict.fromkeys(opened for opened, _ in self._planes)

    def _is_new(self, opened: OpenExposure) -> bool:
        """Return whether nobody has hashed an exposure: then nothing of it is kept, but for that of a copy of it."""
        paths = [self._folder / record.path for record in opened.exposure.files]
        # Where some rows are measured, others hash their share of the files too.
        return any(known_digest(path) is None for path in paths) if self._some else take_long(paths)

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

    def _settled_names(self) -> dict[int, str]:
        """Return the beginnings of names of files of some rows, of exposures whose files are old enough to tell."""
        code, names = source_digest("search"), {}
        for opened in self._exposures():
            status = [settled_status(self._folder / record.path) for record in opened.exposure.files]
            for i, (one, number) in enumerate(self._planes):
                if one is opened and None not in status:
                    names[i] = sha256_text(json.dumps([status, number, self._readout, code]))
        return names

    def _open_whole(self, root: Path, i: int, stack: contextlib.ExitStack, places: KeptPlaces) -> bool:
        """Open the file of all rows of an integration if there is one, and set where its parts lie."""
        return i in self._names and self._open(root / self._names[i], i, (0, self._shape[0]), stack, places)

    def _open_some(self, root: Path, i: int, stack: contextlib.ExitStack, places: KeptPlaces) -> None:
        """Open a file of some rows of an integration if there is one."""
        if i not in self._settled:
            return
        which = "{}-{}".format(*self._rows) if self._some else "*"
        for path in sorted(root.glob(f"{self._settled[i]}.{which}{_SUFFIX}")):
            begin, end = (int(row) for row in path.name.split(".")[1].split("-"))
            if self._open(path, i, (begin, end), stack, places):
                return

    def _remove_some(self, i: int) -> None:
        """Remove the files of some rows of an integration that is there as a whole."""
        if not self._some and i in self._settled:
            for path in kept_folder().glob(f"{self._settled[i]}.*{_SUFFIX}"):
                path.unlink(missing_ok=True)

    def _open(self, path: Path, i: int, rows: tuple[int, int], stack: contextlib.ExitStack, places: KeptPlaces) -> bool:
        """Open a file of an integration if it is whole, and set where its parts lie."""
        try:
            descriptor = stack.enter_context(path.open("rb", buffering=0)).fileno()
            status = os.fstat(descriptor)
            if not is_whole(path, status):
                path.unlink(missing_ok=True)
                return False
        except OSError:
            return False
        height, width, own = (int(number) for number in np.frombuffer(os.pread(descriptor, HEADER, 0), np.int64))
        if (height, width) != (rows[1] - rows[0], self._shape[1]):
            return False
        begin = HEADER + 8 * (height + 1)
        values = begin + 4 * N_DENSE * height * width
        places.begins[i, : height + 1] = np.frombuffer(os.pread(descriptor, 8 * (height + 1), HEADER), np.int64)
        places.rows[i] = rows
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


def nothing_kept(integrations: int, begins: int = 1) -> KeptPlaces:
    """Return the places of integrations of which none is kept."""
    return KeptPlaces(
        np.full((integrations, 4), -1, np.int64),
        np.zeros((integrations, begins), np.int64),
        np.zeros((integrations, 2), np.int64),
    )


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
