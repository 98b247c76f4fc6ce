"""Choose where results are kept that are expensive to make: the user's cache folder, or a temporary one."""

import fcntl
import os
import stat
import sys
import tempfile
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path

from .errors import StorageError

# Tells processes that this one starts what it has chosen, so that all choose alike and one says so.
_CHOSEN = "DARKMASK_CACHE_INSTEAD"


def cache_root() -> Path:
    """Return the user's cache folder for this package (``XDG_CACHE_HOME`` is respected), or a temporary one.

    The other folder serves when the first cannot be made, written or locked: a job without a home, a read-only image,
    some network file systems. It lasts as long as the system keeps temporary files, and is told on standard error once.

    Raises
    ------
    StorageError
        When there is no temporary folder either.
    """
    return _choose(user_cache_path("darkmask"))[0]


def cache_notice() -> str | None:
    """Return the sentence that says why the user's cache folder is not the one in use; None when it is.

    Raises
    ------
    StorageError
        When there is no temporary folder either.
    """
    return _choose(user_cache_path("darkmask"))[1]


@cache
def _choose(wanted: Path) -> tuple[Path, str | None]:
    inherited = os.environ.get(_CHOSEN, "").split(os.pathsep)
    told = len(inherited) == 2 and inherited[0] == str(wanted)
    reason = _why_not(wanted)
    if reason is None:
        return wanted, None
    chosen = Path(inherited[1]) if told else _temporary(wanted, reason)
    notice = f"The cache folder {wanted} cannot be used ({reason}) and {chosen} is: set XDG_CACHE_HOME to one of yours."
    if not told:
        os.environ[_CHOSEN] = os.pathsep.join((str(wanted), str(chosen)))
        print(notice, file=sys.stderr)
    return chosen, notice


def _why_not(folder: Path) -> str | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            # Processes that make the same entry wait for one another by a lock, which not every file system has.
            fcntl.flock(file, fcntl.LOCK_EX)
            return None
    except OSError as error:
        return error.strerror or type(error).__name__


def _temporary(wanted: Path, reason: str) -> Path:
    """Return a folder that this user alone can write: numba runs the compiled code that lies in it."""
    try:
        place = Path(tempfile.gettempdir())
        # The same one for the user's next run, which then need not compile and simulate again.
        lasting = place / f"darkmask-{os.geteuid()}"
        lasting.mkdir(mode=0o700, exist_ok=True)
        found = lasting.lstat()
        own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
        if own and _why_not(lasting) is None:
            return lasting
        return Path(tempfile.mkdtemp(prefix="darkmask-"))
    except OSError as error:
        raise StorageError(
            f"Neither the cache folder {wanted} ({reason}) nor a temporary one ({error.strerror}) can be written: set "
            "XDG_CACHE_HOME to a folder of yours."
        ) from error
