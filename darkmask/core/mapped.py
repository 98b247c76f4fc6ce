"""Arrays that are mapped files, and how many of their pages count as the memory of this process.

What was read of a mapped file stays in the system's cache, which costs nobody anything. Who is watched by the size of
its process, as a worker of Dask is, would be taken for one that needs the whole file, and ended.
"""

import mmap
import os
import threading
import time
import weakref
from pathlib import Path

import numpy as np

# Seconds between two looks: pages of a file that is in the cache arrive at some GB a second.
_EVERY = 0.1
# Mapped pages that are fewer than this share of a limit are no help to it.
_WORTH = 0.1

_maps: "weakref.WeakSet[mmap.mmap]" = weakref.WeakSet()
_watching = threading.Lock()


def mapped_array(path: Path, dtype: str, offset: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return an array in a file, of which nothing is read before somebody looks at it.

    Parameters
    ----------
    path : Path
    dtype : str
    offset : int
        Bytes before the array.
    shape : tuple of int

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or is shorter.
    """
    mapped = np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=shape)
    _maps.add(mapped._mmap)  # type: ignore[attr-defined]
    return mapped


def forget_pages() -> None:
    """Take the pages of all mapped arrays out of this process; they come back from the system's cache when needed."""
    for one in list(_maps):
        if not one.closed:
            one.madvise(mmap.MADV_DONTNEED)


def keep_resident_below(limit: int) -> None:
    """Forget mapped pages from now on whenever this process is larger than a limit, in a thread of its own.

    Without effect where the system does not tell how large that is, or when a limit was set before.

    Parameters
    ----------
    limit : int
        Bytes.
    """
    if resident() is None or not _watching.acquire(blocking=False):
        return

    def watch() -> None:
        while (found := resident()) is not None:
            whole, of_files = found
            if whole > limit and of_files > _WORTH * limit:
                forget_pages()
            time.sleep(_EVERY)

    threading.Thread(target=watch, name="mapped pages", daemon=True).start()


def resident() -> tuple[int, int] | None:
    """Return the bytes of this process that are in memory, and those of them that are pages of files (Linux)."""
    try:
        told = Path("/proc/self/statm").read_text(encoding="ascii").split()
        return int(told[1]) * _PAGE, int(told[2]) * _PAGE
    except (OSError, ValueError, IndexError):
        return None


_PAGE = os.sysconf("SC_PAGE_SIZE")
