"""Let the disk take a copy while it is read, and know whether it did.

To wait for the disk before anybody reads takes longer than the network does. A copy that lies on the disk has a date
that stands for its version. Until then it has one that stands for its version and for this start of the machine too: a
machine that fails may lose what its disk had not taken, and knows the date no more when it is up again.
"""

import contextlib
import hashlib
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

# Copies that the disk takes at a time.
_AT_ONCE = 4


def not_yet_flushed(size: int, date: int) -> int:
    """Return the date of a copy that may not lie on the disk yet, ns; that of one that does where nobody can tell.

    Parameters
    ----------
    size, date : int
        Those of a copy that does.
    """
    if (started := _start_of_machine()) is None:
        return date
    number = int.from_bytes(hashlib.sha256(f"{size} {date} {started}".encode()).digest()[:4])
    # Even seconds after the year 2004, where no version has its date.
    return (2**30 + number % 2**29 * 2) * 10**9


def flush(path: Path, descriptor: int, wanted: tuple[int, int]) -> "Future[None] | None":
    """Have the disk take a copy, in a thread of its own, unless it did before.

    Parameters
    ----------
    path : Path
    descriptor : int
        Of the copy.
    wanted : (int, int)
        Size and date of a copy that lies on the disk.

    Returns
    -------
    Future or None
        Raises an OSError when the disk did not take it; the copy is gone then.
    """
    if os.fstat(descriptor).st_mtime_ns == wanted[1]:
        return None
    # Opened anew, and not the same descriptor twice, whose lock would keep the copy as long as this takes.
    again = os.open(path, os.O_RDONLY)
    if not os.path.samestat(os.fstat(again), os.fstat(descriptor)):  # room was made, and another one came
        os.close(again)
        again = os.dup(descriptor)
    return _threads(os.getpid()).submit(_flush, path, again, wanted[1])


def _flush(path: Path, descriptor: int, date: int) -> None:
    try:
        os.fdatasync(descriptor)
        os.utime(descriptor, ns=(time.time_ns(), date))
    except OSError:
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                path.unlink()
        raise
    finally:
        os.close(descriptor)


@cache
def _threads(process: int) -> ThreadPoolExecutor:  # noqa: ARG001
    # A process that was forked has no threads of its parent's.
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="flush")


@cache
def _start_of_machine() -> str | None:
    """Return what differs between two starts of this machine; None where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
