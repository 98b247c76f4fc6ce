"""Hold the copies of files that lie elsewhere to a size: the one goes first that was used longest ago."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from darkmask.core.atomic import remove_leftovers
from darkmask.core.cache_limit import limit
from darkmask.core.errors import StorageError

# The files of one detector of ten exposures of 2 x 108 groups are 20 GB; those of the next come while it is searched.
MOST = 64e9
# So many files are worth bringing at a time, whatever the number of cores: while one ends the next have begun.
_FILES = 8


def files_at_once(largest: int) -> int:
    """Return how many files are worth bringing at a time: what is still coming may not take all the room there is.

    Parameters
    ----------
    largest : int
        Bytes of the largest of them.
    """
    most = (limit() or MOST) / 2
    return max(1, min(_FILES, int(most // max(largest, 1))))


def make_room(root: Path, need: int, what: str) -> None:
    """Remove copies that nobody needs until another one fits.

    Parameters
    ----------
    root : Path
        The folder of all copies.
    need : int
        Bytes.
    what : str
        What is to come, for the sentence of an error.

    Raises
    ------
    StorageError
        When it does not fit.
    """
    most = limit() or MOST
    with FileLock(root / ".room.lock"):
        there = sorted(_files(root))
        taken = sum(size for _, size, _ in there)
        for _, size, path in there:
            if _fits(root, taken, need, most):
                break
            if _removed(path):
                taken -= size
        if not _fits(root, taken, need, most):
            raise StorageError(
                f"{what} takes {need / 1e9:.3g} GB, {taken / 1e9:.3g} GB of copies are in use, and all may take "
                f"{most / 1e9:.3g} GB of a disk with {shutil.disk_usage(root).free / 1e9:.3g} GB free: allow more with "
                "darkmask cache limit, or set XDG_CACHE_HOME to a folder with more room."
            )


def _fits(root: Path, taken: int, need: int, most: float) -> bool:
    return taken + need <= most and need < shutil.disk_usage(root).free


def _files(root: Path) -> Iterator[tuple[int, int, Path]]:
    """Yield when each copy was used, its size and its path; those still coming count."""
    for folder, _, names in os.walk(root):
        for name in names:
            with contextlib.suppress(OSError):
                path = Path(folder) / name
                status = path.stat()
                if ".fits" in name and not name.endswith(".lock"):
                    yield status.st_atime_ns, status.st_size, path


def _removed(path: Path) -> bool:
    """Remove a copy, unless somebody holds it or it is still coming."""
    if path.name.startswith("."):
        # What a killed process left of one goes; what is coming stays.
        remove_leftovers(path.parent, path.name)
        return not path.exists()
    with contextlib.suppress(OSError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
        return True
    return False
