"""The files of a report folder that a reviewer signs, and the digests that identify them."""

import os
import stat
from pathlib import Path

from filelock import FileLock

from darkmask.core.atomic import sha256_file

PAGE, FILE = "report.html", "results.json"
RECORD = "signoff.json"
# What reviewers remarked on checks before somebody signs; a part of what is signed.
REMARKS = "remarks.json"
# This folder holds what an earlier run left; the report does not include it.
EARLIER = "earlier"
# These folders hold what a run makes besides its report.
MADE = ("masks", "catalogues", "injections")


def lock_of(folder: Path) -> FileLock:
    """Return the lock that a run, or a reviewer who signs, holds while it writes into a report folder.

    A folder has one, whatever links lead to it.
    """
    folder = folder.resolve()
    return FileLock(folder.parent / f".{folder.name}.lock")


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a report, except the record of its sign-off and what earlier runs left.

    Returns
    -------
    dict of str to str
        Digests by path relative to the folder, sorted. A path that is not a regular file has its kind instead of a
        digest. Names that begin with a dot are left out: no part of a report has one, and file managers leave such
        files behind.
    """
    found = {}
    for place, folders, names in os.walk(folder):
        top = Path(place) == folder
        folders[:] = sorted(name for name in folders if not (name.startswith(".") or (top and name == EARLIER)))
        for name in [*names, *(name for name in folders if os.path.islink(os.path.join(place, name)))]:
            path = Path(place, name)
            relative = path.relative_to(folder).as_posix()
            if not name.startswith(".") and relative != RECORD:
                found[relative] = sha256_file(path) if stat.S_ISREG(path.lstat().st_mode) else "no regular file"
    return dict(sorted(found.items()))
