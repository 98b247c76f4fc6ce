"""Make the masks of several detectors on the workers of a scheduler."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from darkmask.build.cached import MASKS, build_cached, mask_key
from darkmask.build.products import BuiltMask
from darkmask.build.request import BuildRequest
from darkmask.build.side_by_side import bytes_of_search
from darkmask.core.cache_content import find_entry, keep_content, read_content
from darkmask.core.errors import DarkmaskError, DeliveryError
from darkmask.core.progress import progress_bar

from .connection import Cluster
from .graph import Ended, Job, ended
from .process import SeenFile, seen


def make_mask(request: BuildRequest, keep: bool, key: str) -> dict[str, bytes]:
    """Make the mask of a detector in a worker, or take it from its cache, and return the content of the entry.

    Parameters
    ----------
    request : BuildRequest
    keep : bool
        See :func:`darkmask.build.cached.build_cached`.
    key : str
        The key of the entry in the cache of whoever asks.

    Raises
    ------
    DarkmaskError
        When the detector cannot be searched, or the worker reads other bytes than whoever asks.
    """
    return read_content(made_here(request, keep, key).folder)


def made_here(request: BuildRequest, keep: bool, key: str) -> BuiltMask:
    """Return the mask of a detector from the cache of this worker, made now where it is not there; see `make_mask`."""
    built = build_cached(request, keep)
    if built.folder.name != key:
        raise DeliveryError(
            f"A worker reads other bytes of {request.detector} in {request.index.folder} than this process does: let "
            "the same paths lead to the same files."
        )
    return built


def job_of(request: BuildRequest, keep: bool, key: str) -> Job:
    """Return the task that makes a mask; its key is that of the cache."""
    # A mask whose maps are kept has the same bytes, and what it leaves in the worker's cache has not.
    named = f"{MASKS}-kept-{key}" if keep else f"{MASKS}-{key}"
    return Job(named, make_mask, (request, keep, key), about=f"the search of {request.detector}")


def files_of(requests: Sequence[BuildRequest]) -> list[SeenFile]:
    """Return what the masks of some detectors are made from, each file once."""
    paths: dict[Path, None] = {}
    for request in requests:
        paths |= dict.fromkeys(request.input_files().values())
    try:
        return [seen(path) for path in paths]
    except OSError as error:
        raise DeliveryError(f"{error.filename} can no longer be read ({error.strerror}): run again.") from error


def build_on(
    cluster: Cluster, requests: Sequence[BuildRequest], *, progress: bool = False
) -> Iterator[tuple[BuildRequest, BuiltMask]]:
    """Make, or take from the cache, the masks of several detectors, as `build_side_by_side` does in one machine.

    Parameters
    ----------
    cluster : Cluster
    requests : sequence of BuildRequest
    progress : bool
        Whether to say on standard error how far it is.

    Yields
    ------
    tuple of BuildRequest and BuiltMask
        In the order of ``requests``, each as soon as it and those before it are there. Nothing about the workers
        changes a byte.

    Raises
    ------
    CommandError
        Before anything is done, when the workers cannot do it.
    DarkmaskError
        When a detector cannot be searched: those before it have been yielded.
    """
    if not requests:
        return
    cluster.look_at_workers(files_of(requests))
    cluster.require_memory(max(map(bytes_of_search, requests)), "the search of one detector", declared=False)
    sizes = [sum(path.stat().st_size for path in request.input_files().values()) for request in requests]
    keys: dict[str, tuple[int, str]] = {}
    came: dict[int, Ended] = {}

    def jobs() -> Iterator[Job]:
        for i, request in enumerate(requests):
            try:
                key = mask_key(request)
            except DarkmaskError as error:
                came[i] = Ended(error=error)
                continue
            if entry := find_entry(MASKS, key):
                came[i] = Ended(entry)
            else:
                job = job_of(request, False, key)
                keys[job.key] = i, key
                yield job

    with progress_bar("searching", sum(sizes), progress, counts_bytes=True) as bar:
        ends = ended(cluster, jobs())
        for i, request in enumerate(requests):
            while i not in came:
                # Kept as soon as it is there, whatever becomes of those before it.
                job, end = next(ends, (None, None))
                if job is not None and end is not None:
                    number, key = keys[job.key]
                    came[number] = _kept(key, end)
                    bar(sizes[number])
                bar.about(", ".join(each.detector for n, each in enumerate(requests) if n not in came))
            yield request, BuiltMask.read(came[i].value())


def _kept(key: str, end: Ended) -> Ended:
    """Put what a worker made into the cache, and return where."""
    try:
        return Ended(keep_content(MASKS, key, end.value()))
    except Exception as error:  # told when it is this detector's turn
        return Ended(error=error)
