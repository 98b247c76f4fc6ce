"""What a process of a cluster says of itself: its code, its packages, and what it sees of our files.

It is asked in workers and in the scheduler before work begins, so that it imports little, and answers in plain values.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from darkmask.build.cached import deciding_versions
from darkmask.core.cores import CORES
from darkmask.core.errors import DarkmaskError
from darkmask.core.mapped import keep_resident_below
from darkmask.core.provenance import source_digest
from darkmask.core.remote import place_of, require_listed
from darkmask.core.version import __version__

# Of the memory that a worker may take, mapped pages of files are forgotten from this share on, less what may arrive
# between two looks; but from half of it in a small worker.
_OF_LIMIT, _ARRIVES = 0.75, 1e9


class SeenFile(NamedTuple):
    """A file as the process that asks sees it: absolute path, bytes, and time of the last change in nanoseconds."""

    path: str
    size: int
    modified: int


class SeenElsewhere(NamedTuple):
    """A file that lies elsewhere: what was listed of its folder, and its path there."""

    listing: Mapping[str, Any]
    name: str


def seen(path: Path) -> SeenFile:
    """Return a file as this process sees it."""
    status = path.stat()
    return SeenFile(os.path.abspath(path), status.st_size, status.st_mtime_ns)


def described() -> dict[str, str]:
    """Return what must be the same in every process that works together, by its name."""
    from importlib.metadata import version

    python = ".".join(map(str, sys.version_info[:2]))
    dask = {name: version(name) for name in ("dask", "distributed")}
    return {
        "darkmask": __version__,
        "Python": python,
        **dask,
        **deciding_versions(),
        "our code": source_digest("cluster"),
    }


def settle_in() -> None:
    """Make this process a worker of ours, at the beginning of each task: Dask starts workers anew without a word."""
    # It works on one task at a time, with the cores that whoever started it allows.
    os.environ.setdefault(CORES, "1")
    from distributed import get_worker

    try:
        limit = get_worker().memory_manager.memory_limit
    except (ValueError, AttributeError):  # the scheduler, or whoever does a task without one
        return
    if limit:
        # Dask counts pages of files, pauses a worker at 0.8 of its limit, and ends it at 0.95.
        keep_resident_below(int(max(limit * _OF_LIMIT - _ARRIVES, limit / 2)))


def look(files: Sequence[SeenFile | SeenElsewhere] = (), out: str | None = None, token: str = "") -> dict:
    """Describe this process, and say what keeps it from working on some files.

    Parameters
    ----------
    files : sequence of SeenFile or SeenElsewhere
        What has to be read.
    out : str or None
        A folder that has to be written.
    token : str
        Name of a file that whoever asks has put into ``out``.

    Returns
    -------
    dict
        ``is``: :func:`described`; ``trouble``: the end of a sentence of which the process is the subject, or nothing.
    """
    settle_in()
    return {"is": described(), "trouble": _trouble(files, out, token)}


def _trouble(files: Sequence[SeenFile | SeenElsewhere], out: str | None, token: str) -> str:
    for file in files:
        if isinstance(file, SeenElsewhere):
            try:
                require_listed(place_of(file.listing) / file.name)
            except DarkmaskError as error:
                return f"cannot read what lies elsewhere ({str(error).rstrip('.')})"
            continue
        try:
            status = os.stat(file.path)
            if not os.access(file.path, os.R_OK):
                return f"may not read {file.path}"
        except OSError as error:
            return f"cannot see {file.path} ({error.strerror})"
        if (status.st_size, status.st_mtime_ns) != (file.size, file.modified):
            return f"sees another {file.path}, of another size or date"
    if out is not None:
        if not os.path.exists(os.path.join(out, token)):
            return f"does not see the folder {out} that is here"
        if not os.access(out, os.W_OK | os.X_OK):
            return f"may not write into {out}"
    return ""
