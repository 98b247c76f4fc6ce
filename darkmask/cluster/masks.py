"""Make the masks of several detectors on the workers of a scheduler."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from darkmask.build.cached import MASKS, mask_key, remembered_inputs
from darkmask.build.products import BuiltMask
from darkmask.build.request import BuildRequest
from darkmask.build.side_by_side import WORTH_A_PROCESS, bytes_of_search
from darkmask.core.atomic import sha256_text
from darkmask.core.cache_content import find_entry, keep_content
from darkmask.core.errors import DarkmaskError, DeliveryError
from darkmask.core.progress import progress_bar
from darkmask.core.remote import is_copy, shown_place, stated

from .connection import Cluster
from .graph import Ended, Job, ended
from .made import Made, make_block, make_mask, make_of_blocks, require_same
from .places import Sent, seen_elsewhere
from .process import SeenElsewhere, SeenFile, seen
from .told import take

# Bytes of the maps of all rows, for each pixel: who puts them together has them twice for a while.
_PARTS_PER_PIXEL = 100
# What measuring the ramps of a file takes, where hashing it takes 1 (processor time of a full frame).
_MEASURED_TO_HASHED = 1.7


def job_of(request: BuildRequest, keep: bool) -> Job:
    """Return the task that makes a mask, named by all that it depends on, with the dates of files for their bytes."""
    return Job(_named(request, keep), make_mask, (Sent.of(request), keep), about=f"the search of {request.detector}")


def _named(request: BuildRequest, keep: bool) -> str:
    # A mask whose maps are kept has the same bytes, and what it leaves in the worker's cache has not.
    return f"{MASKS}-kept-{_as_seen(request)}" if keep else f"{MASKS}-{_as_seen(request)}"


def shares_of(detectors: int, workers: int) -> list[int]:
    """Return how many workers work on each of some detectors, in the order in which they are searched.

    The last ones are shared where some workers would have nothing to do otherwise.
    """
    rest = detectors % max(workers, 1)
    return [1] * (detectors - rest) + [workers // rest] * rest if rest else [1] * detectors


def bytes_in_a_worker(request: BuildRequest, workers: int) -> float:
    """Return what the search of a detector that so many workers share takes in one of them at its peak, bytes."""
    return bytes_of_search(request) + (_PARTS_PER_PIXEL * request.geometry.frame**2 if workers > 1 else 0)


def jobs_of(request: BuildRequest, workers: int, keep: bool = False, at: Sequence[str] = ()) -> list[Job]:
    """Return the tasks that make a mask on several workers, the one that gives it last.

    Parameters
    ----------
    request : BuildRequest
    workers : int
        How many there are for this detector. Those of others than our own engine take whole files.
    keep : bool
        See :func:`make_mask` and :func:`make_block`.
    at : sequence of str
        The addresses of as many workers, where these are to do it; others do as long as they are busy or gone.
    """
    exposures = request.exposures("FULL")
    number = min(workers, exposures[0].jump.shape[2]) if exposures and request.engine == "native" else 1
    # Of what lies elsewhere each of them would copy all files.
    if number < 2 or request.input_bytes() < WORTH_A_PROCESS or is_copy(request.index.folder):
        return [replace(job_of(request, keep), workers=tuple(at[:1]))]
    height, named = exposures[0].jump.shape[2], f"{_named(request, keep)}-{number}"
    shares, edges = _shares(request, number, height)
    jobs = [
        Job(
            f"{named}-{i}",
            make_block,
            (Sent.of(request), names, (edges[i], edges[i + 1]), keep),
            workers=tuple(at[i : i + 1]),
            about=f"rows {edges[i]} to {edges[i + 1] - 1} of {request.detector}",
        )
        for i, names in enumerate(shares)
    ]
    whole = Job(
        named,
        make_of_blocks,
        (Sent.of(request), number - 1),
        after=tuple(job.key for job in jobs),
        workers=tuple(at[:1]),
        about=f"the search of {request.detector}",
    )
    return [*jobs, whole]


def _shares(request: BuildRequest, number: int, height: int) -> tuple[list[list[str]], list[int]]:
    """Return the names of all inputs in so many lists, and the rows between which each of as many is to measure.

    Files are whole, so that some lists have more bytes: these get fewer rows.
    """
    sizes = {name: _seen(path).size for name, path in request.input_files().items()}
    shares: list[list[str]] = [[] for _ in range(number)]
    held = [0] * number
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        least = held.index(min(held))
        shares[least].append(name)
        held[least] += sizes[name]
    each = sum(sizes.values()) * (1 + _MEASURED_TO_HASHED) / number
    rows = [max(each - bytes_hashed, 0) for bytes_hashed in held]
    edges = [0]
    # Each has one row at least, however much it hashes.
    for i in range(1, number):
        fair = round(height * sum(rows[:i]) / max(sum(rows), 1))
        edges.append(min(max(fair, edges[-1] + 1), height - number + i))
    return shares, [*edges, height]


def _as_seen(request: BuildRequest) -> str:
    """Return a digest of a request and of its files as they are seen: whoever asks the same sees the same."""
    return sha256_text(mask_key(request, {name: str(_seen(path)) for name, path in request.input_files().items()}))


def files_of(requests: Sequence[BuildRequest]) -> list[SeenFile | SeenElsewhere]:
    """Return what the masks of some detectors are made from, each file once; one for all that lie elsewhere."""
    paths = dict.fromkeys(path for request in requests for path in request.input_files().values())
    elsewhere = next((path for path in paths if is_copy(path)), None)
    there = [] if elsewhere is None else [seen_elsewhere(elsewhere)]
    return [*there, *(_seen(path) for path in paths if not is_copy(path))]


def _seen(path: Path) -> SeenFile:
    try:
        # Of what lies elsewhere the date stands for its version.
        return SeenFile(shown_place(path), *stated(path)) if is_copy(path) else seen(path)
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
    sizes = [request.input_bytes() for request in requests]
    came = {i: end for i, request in enumerate(requests) if (end := _there(request)) is not None}
    missing = [i for i in range(len(requests)) if i not in came]
    # What takes longest first, so that all end at about the same time.
    missing.sort(key=lambda i: -sizes[i])
    shares = dict(zip(missing, shares_of(len(missing), len(cluster.workers)), strict=True))
    need = max(bytes_in_a_worker(each, shares.get(i, 1)) for i, each in enumerate(requests))
    cluster.require_memory(need, "the search of one detector", declared=False)
    numbers: dict[str, int] = {}

    def jobs() -> Iterator[Job]:
        for i in missing:
            try:
                several = jobs_of(requests[i], shares[i])
            except DarkmaskError as error:
                came[i] = Ended(error=error)
                continue
            numbers[several[-1].key] = i
            yield from several

    with progress_bar("searching", sum(sizes), progress, counts_bytes=True) as bar:
        ends = ended(cluster, jobs())
        for i, request in enumerate(requests):
            while i not in came:
                # Kept as soon as it is there, whatever becomes of those before it.
                job, end = next(ends, (None, None))
                if job is not None and end is not None and job.key in numbers:
                    number = numbers[job.key]
                    came[number] = _kept(requests[number], end)
                    bar(sizes[number])
                bar.about(", ".join(each.detector for n, each in enumerate(requests) if n not in came))
            yield request, BuiltMask.read(came[i].value())


def at_hand(request: BuildRequest) -> Path | None:
    """Return the entry of a mask that is in the cache, as far as that can be told without reading any input.

    Raises
    ------
    DarkmaskError
        When there is nothing to search, or what was listed is gone.
    """
    inputs = remembered_inputs(request)
    return None if inputs is None else find_entry(MASKS, mask_key(request, inputs))


def _there(request: BuildRequest) -> Ended | None:
    try:
        entry = at_hand(request)
    except DarkmaskError as error:
        return Ended(error=error)
    return None if entry is None else Ended(entry)


def keep_made(request: BuildRequest, made: Made) -> Path:
    """Put a mask that a worker made into the cache, with the digests of its inputs, and return where.

    Its bytes were read by workers alone; as long as the files are what they were, it is found again.

    Parameters
    ----------
    request : BuildRequest
    made : Made

    Raises
    ------
    DeliveryError
        When the worker read other bytes than this process did.
    StorageError
        When the cache cannot be written, or what came is not what was made.
    """
    # Whatever a worker says: the key is that of this request, and of the bytes that the mask names.
    require_same(request, mask_key(request, json.loads(made.content["summary.json"])["inputs"]), made.key)
    if (inputs := remembered_inputs(request)) is not None:
        require_same(request, mask_key(request, inputs), made.key)
    entry = keep_content(MASKS, made.key, made.content)
    take(request, made.known)
    return entry


def _kept(request: BuildRequest, end: Ended) -> Ended:
    try:
        return Ended(keep_made(request, end.value()))
    except Exception as error:  # told when it is this detector's turn
        return Ended(error=error)
