"""Make a delivery of ``_uncal`` files: several exposures at a time, each whole or not at all, resumable."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from darkmask.core.atomic import remove_leftovers, sha256_file
from darkmask.core.cores import one_thread, usable_cores
from darkmask.core.errors import DeliveryError
from darkmask.core.memory import at_once, available_memory
from darkmask.core.progress import progress_bar
from darkmask.delivery.index import DeliveryIndex
from darkmask.delivery.records import FileRecord
from darkmask.pipeline.offline import stay_offline

from .exposures import find_exposures
from .record import PREFIX, Recipe
from .references import NOT_APPLICABLE, GivenReferences, ask_crds
from .steps import PrepareSettings
from .task import Performed, Task, performed

# Processes some exposures, so many at a time where it is this machine that does it, and yields each as it ends.
Perform = Callable[[Sequence[Task], int], Iterator[Performed]]


class Elsewhere(NamedTuple):
    """Processes exposures in place of processes that this one starts; ``place`` names other machines than this."""

    perform: Perform
    place: str = ""


def prepare(
    raw: DeliveryIndex,
    out: Path,
    given: GivenReferences,
    settings: PrepareSettings,
    *,
    jobs: int | None = None,
    memory: float | None = None,
    elsewhere: Elsewhere | None = None,
    progress: bool = True,
) -> Iterator[str]:
    """Make the triplets of every dark in a folder.

    Parameters
    ----------
    raw : DeliveryIndex
        Of the folder of ``_uncal`` files, which is never written to.
    out : Path
        Folder for the triplets, and for a record of each exposure in ``out/prepared``. An exposure whose record has the
        SHA-256 of its input and the same parameters is not processed again.
    given : GivenReferences
        References given by hand; CRDS is asked for all others.
    settings : PrepareSettings
    jobs : int, optional
        Exposures processed at a time, or fewer where ``memory`` holds fewer; by default as many as cores and memory
        allow.
    memory : float, optional
        Bytes that all of them together may take; by default what is free, which ``jobs`` may exceed.
    elsewhere : Elsewhere, optional
        What processes exposures in place of processes that this one starts.
    progress : bool
        Whether to show a bar on standard error.

    Yields
    ------
    str
        Before the start, what is left out and what the work will take; then a line for each exposure.

    Raises
    ------
    DarkmaskError
        Before anything is written, when an exposure cannot be used, is not a dark or lacks a reference file. After all
        others are done, when a step failed on an exposure.
    """
    folder, out = Path(raw.folder), Path(os.path.abspath(out))
    if out.resolve().is_relative_to(folder.resolve()):
        raise DeliveryError(f"{out} lies inside {folder}, which is never written to: give a folder beside it.")
    records = find_exposures(raw)
    settings = replace(settings, refpix="refpix" not in given.skipped)
    for kind in sorted(given.skipped):
        yield f"{kind} is {NOT_APPLICABLE}: the {kind} step is left out."
    tasks = list(_tasks(folder, out, records, given, settings))
    need, largest = max(task.memory for task in tasks), max(task.samples for task in tasks)
    of = f"{len(tasks)} exposures of up to {largest / 1e6:.0f} million pixels times groups"
    if elsewhere and elsewhere.place:
        yield f"{of}: each takes up to {need / 1e9:.1f} GB of memory of a worker of {elsewhere.place}."
    else:
        limit = (
            f"{available_memory() / 1e9:.1f} GB are free" if memory is None else f"{memory / 1e9:.1f} GB are allowed"
        )
        fitting = at_once(need, jobs or min(len(tasks), usable_cores()), memory, "one exposure")
        jobs = jobs if jobs and memory is None else fitting
        yield f"{of}: {jobs} at a time take up to {jobs * need / 1e9:.1f} GB of memory, and {limit}."
    yield from _run(tasks, out, jobs or 1, elsewhere.perform if elsewhere else _in_processes, progress)


def _tasks(
    folder: Path, out: Path, records: Sequence[FileRecord], given: GivenReferences, settings: PrepareSettings
) -> Iterator[Task]:
    digests: dict[Path, str] = {}
    for record in records:
        path = folder / record.path
        chosen, missing = given.choose(record)
        context = NOT_APPLICABLE
        if missing:
            found, context = ask_crds(path, missing)
            chosen |= found
        for reference in filter(None, chosen.values()):
            if reference not in digests:
                digests[reference] = sha256_file(reference)
        described = {
            kind: {"name": reference.name, "sha256": digests[reference]} if reference else NOT_APPLICABLE
            for kind, reference in sorted(chosen.items())
        }
        yield Task(path, record, chosen, Recipe.of(settings, described, context), out)


def _run(tasks: list[Task], out: Path, jobs: int, perform: Perform, progress: bool) -> Iterator[str]:
    from filelock import FileLock, Timeout

    there = out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / ".prepare.lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise DeliveryError(f"Another prepare is writing into {out}: wait for it, or give another folder.") from None
    except OSError as error:
        raise DeliveryError(f"{out} cannot be written ({error.strerror}): give another folder.") from error
    try:
        # A run that was killed left these; what a worker of it still writes is locked, and stays.
        remove_leftovers(out, f"{PREFIX}*")
        failed: list[str] = []
        with progress_bar("exposures", len(tasks), progress) as advance:
            for line, failure in perform(tasks, jobs):
                advance()
                if failure:
                    failed.append(failure)
                else:
                    yield line
        if failed:
            more = f" (and {len(failed) - 1} more failed)" if len(failed) > 1 else ""
            raise DeliveryError(failed[0] + more)
    finally:
        lock.release()
        (out / ".prepare.lock").unlink(missing_ok=True)
        if not there:
            with suppress(OSError):  # nothing came of it, and nothing is left
                out.rmdir()


def _in_processes(tasks: Sequence[Task], jobs: int) -> Iterator[Performed]:
    # Workers are spawned, not forked: the parent may run threads, and its CRDS configuration must stay its own.
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_start_worker)
    with pool:
        try:
            for future in as_completed([pool.submit(performed, task) for task in tasks]):
                yield future.result()
        except BrokenProcessPool as error:
            raise DeliveryError(
                f"a process died while exposures were processed into {tasks[0].out}, for want of memory perhaps: run "
                "the same command again with --jobs 1; what is finished is kept."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    one_thread()
    # The parent answers an interruption: work that has begun is finished, and nothing new begins.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # All reference files are already chosen, so workers need neither a server nor a cache.
    stay_offline()
