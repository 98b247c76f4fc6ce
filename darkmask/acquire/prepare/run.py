"""Make a delivery of ``_uncal`` files: several exposures at a time, each whole or not at all, resumable."""

import errno
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from darkmask.core.atomic import sha256_file
from darkmask.core.cores import one_thread, usable_cores
from darkmask.core.digests import SHA256, remembered_digest
from darkmask.core.errors import DeliveryError
from darkmask.core.memory import at_once, available_memory
from darkmask.core.progress import progress_bar
from darkmask.core.remote import brought, held, is_copy
from darkmask.delivery.index import DeliveryIndex
from darkmask.delivery.records import FileRecord
from darkmask.pipeline.offline import stay_offline
from darkmask.pipeline.steps import set_aside_garbage, silence_logs

from .exposures import find_exposures, root_of
from .record import PREFIX, Recipe, is_finished, record_path, write_record
from .references import NOT_APPLICABLE, GivenReferences, ask_crds
from .steps import PrepareSettings, make_products

# Bytes for each pixel and group at the peak of the ramp fit, and bytes for the imports, measured on 2048 x 2048
# exposures with jwst 3.0.0.
BYTES_PER_SAMPLE, BYTES_FIXED = 32, 0.6e9
_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


@dataclass(frozen=True)
class Task:
    """One exposure to process.

    Attributes
    ----------
    path : Path
        The ``_uncal`` file.
    record : FileRecord
    references : dict of str to Path or None
    recipe : Recipe
        Everything that the products depend on except the exposure itself.
    out : Path
    """

    path: Path
    record: FileRecord
    references: dict[str, Path | None]
    recipe: Recipe
    out: Path


def prepare(
    raw: DeliveryIndex,
    out: Path,
    given: GivenReferences,
    settings: PrepareSettings,
    *,
    jobs: int | None = None,
    memory: float | None = None,
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
    samples = [_samples(record) for record in records]
    need = BYTES_FIXED + BYTES_PER_SAMPLE * max(samples)
    limit = f"{available_memory() / 1e9:.1f} GB are free" if memory is None else f"{memory / 1e9:.1f} GB are allowed"
    fitting = at_once(need, jobs or min(len(tasks), usable_cores()), memory, "one exposure")
    jobs = jobs if jobs and memory is None else fitting
    yield (
        f"{len(tasks)} exposures of up to {max(samples) / 1e6:.0f} million pixels times groups: {jobs} at a time take "
        f"up to {jobs * need / 1e9:.1f} GB of memory, and {limit}."
    )
    yield from _run(tasks, out, jobs, progress)


def _samples(record: FileRecord) -> int:
    integrations, groups, rows, columns = record.shape
    return integrations * groups * rows * columns


def _tasks(
    folder: Path, out: Path, records: Sequence[FileRecord], given: GivenReferences, settings: PrepareSettings
) -> Iterator[Task]:
    digests: dict[Path, str] = {}
    for record in records:
        path = folder / record.path
        chosen, missing = given.choose(record)
        context = NOT_APPLICABLE
        if missing:
            found, context = ask_crds(brought(path), missing)
            chosen |= found
        for reference in filter(None, chosen.values()):
            if reference not in digests:
                digests[reference] = sha256_file(reference)
        described = {
            kind: {"name": reference.name, "sha256": digests[reference]} if reference else NOT_APPLICABLE
            for kind, reference in sorted(chosen.items())
        }
        yield Task(path, record, chosen, Recipe.of(settings, described, context), out)


def _run(tasks: list[Task], out: Path, jobs: int, progress: bool) -> Iterator[str]:
    from filelock import FileLock, Timeout

    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / ".prepare.lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise DeliveryError(f"Another prepare is writing into {out}: wait for it, or give another folder.") from None
    except OSError as error:
        raise DeliveryError(f"{out} cannot be written ({error.strerror}): give another folder.") from error
    try:
        for left in out.glob(f"{PREFIX}*"):  # a run that was killed left these
            shutil.rmtree(left, ignore_errors=True)
        yield from _run_locked(tasks, out, jobs, progress)
    finally:
        lock.release()
        (out / ".prepare.lock").unlink(missing_ok=True)


def _run_locked(tasks: list[Task], out: Path, jobs: int, progress: bool) -> Iterator[str]:
    failed: list[str] = []
    # Workers are spawned, not forked: the parent may run threads, and its CRDS configuration must stay its own.
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_start_worker)
    with pool, progress_bar("exposures", len(tasks), progress) as advance:
        try:
            futures = {pool.submit(perform, task): task for task in tasks}
            for future in as_completed(futures):
                advance()
                line, error = _outcome(future, futures[future])
                if error:
                    failed.append(error)
                else:
                    yield line
        except BrokenProcessPool as error:
            raise DeliveryError(
                f"a process died while exposures were processed into {out}, for want of memory perhaps: run the same "
                "command again with --jobs 1; what is finished is kept."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)
    if failed:
        more = f" (and {len(failed) - 1} more failed)" if len(failed) > 1 else ""
        raise DeliveryError(failed[0] + more)


def _outcome(future: Future, task: Task) -> tuple[str, str]:
    """Return the line to print, or the sentence of a failure."""
    try:
        return future.result(), ""
    except BrokenProcessPool:
        raise
    except Exception as error:  # every error that a step raises for bad data means the same to the user
        if isinstance(error, OSError) and error.errno in _CANNOT_WRITE:
            return (
                "",
                f"the products of {task.record.path} cannot be written ({error.strerror}): make room, and run again.",
            )
        reason = " ".join(str(error).split())[:200].rstrip(".")
        return "", (
            f"the pipeline's steps failed on {task.record.path} ({type(error).__name__}: {reason}): transfer the file "
            "again, or look at its reference files."
        )


def _start_worker() -> None:
    one_thread()
    # The parent answers an interruption: work that has begun is finished, and nothing new begins.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # All reference files are already chosen, so workers need neither a server nor a cache.
    stay_offline()


def perform(task: Task) -> str:
    """Process one exposure in a worker, unless it is already done, and return a line that says what was done."""
    root = root_of(task.path)
    recorded = record_path(task.out, root)
    # The raw file of an exposure that is finished need not come again.
    digest = remembered_digest(task.path, SHA256) if is_copy(task.path) else sha256_file(task.path)
    recipe = task.recipe.for_input(task.path.name, digest)
    if is_finished(recorded, recipe, task.out):
        return f"{root}: finished before"
    needed = held(task.path)
    silence_logs()
    set_aside_garbage()
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=task.out) as temporary:
        made = make_products(
            task.path,
            task.record,
            task.references,
            task.recipe.settings,
            Path(temporary),
            context=task.recipe.context,
        )
        outputs = {path.name: sha256_file(path) for path in made}
        # Old and new products must never lie side by side under one record, nor form one triplet.
        recorded.unlink(missing_ok=True)
        for product in ("jump", "fitopt", "rate", "rateints"):
            (task.out / f"{root}_{product}.fits").unlink(missing_ok=True)
        for path in made:
            os.replace(path, task.out / path.name)
    del needed
    write_record(recorded, recipe, outputs)
    return f"{root}: made {', '.join(sorted(name.removeprefix(root) for name in outputs))}"
