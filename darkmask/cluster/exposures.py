"""Process raw exposures on the workers of a scheduler."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from darkmask.acquire.prepare.task import Performed, Task, failed
from darkmask.core.atomic import sha256_text
from darkmask.core.errors import ClusterError, DeliveryError
from darkmask.core.remote import is_copy, listing_of, place_of
from darkmask.pipeline.worker import WorkerError, pipeline

from .address import Where
from .connection import connected
from .graph import Job, ended
from .opening import MEMORY, LocalWorkers
from .places import seen_elsewhere
from .process import SeenElsewhere, SeenFile, seen


def make_exposure(data: dict[str, Any]) -> dict[str, str]:
    """Process one exposure in the pipeline's process of this worker, and return what became of it.

    The steps hold Python's lock for minutes, in which a worker that ran them itself would be taken for dead.

    Parameters
    ----------
    data : dict
        A task as plain values, and under ``listing`` what was listed of raw darks that lie elsewhere.
    """
    if listing := data.get("listing"):
        data = {**data, "path": str(place_of(listing) / data["record"]["path"])}
    try:
        answer: dict[str, str] = pipeline().ask({"module": "darkmask.acquire.prepare.task", "task": data})
    except WorkerError as error:
        return failed(Task.from_json(data), error)._asdict()
    return answer


def perform_at(where: Where, tasks: Sequence[Task], jobs: int) -> Iterator[Performed]:
    """Process exposures on the workers of a scheduler; see :func:`darkmask.acquire.prepare.run.prepare`.

    Parameters
    ----------
    where : Where
    tasks : sequence of Task
        All of one output folder, which exists.
    jobs : int
        Workers to start where the scheduler is this machine's own.

    Yields
    ------
    Performed
        As each exposure ends.

    Raises
    ------
    CommandError
        Before anything is done, when the workers cannot do it.
    ClusterError
        When the scheduler went away, or workers die of it.
    """
    import json

    need = max(task.memory for task in tasks)
    # What takes longest first, so that all end at about the same time.
    tasks = sorted(tasks, key=lambda task: -task.memory)
    with connected(where, LocalWorkers(jobs, need)) as cluster:
        cluster.look_at_workers(_files_of(tasks), tasks[0].out)
        cluster.require_memory(need, "one exposure", declared=True)
        plain = [{**task.to_json(), "listing": listing_of(task.path)} for task in tasks]
        for _, end in ended(
            cluster,
            [
                Job(
                    f"exposure-{sha256_text(json.dumps(data, sort_keys=True))}",
                    make_exposure,
                    (data,),
                    resources={MEMORY: task.memory},
                    about=task.record.path,
                )
                for task, data in zip(tasks, plain, strict=True)
            ],
        ):
            try:
                yield Performed(**end.value())
            except ClusterError as error:
                yield Performed(error=str(error))


def _files_of(tasks: Sequence[Task]) -> list[SeenFile | SeenElsewhere]:
    paths: dict[Path, None] = {}
    for task in tasks:
        paths |= dict.fromkeys([task.path, *filter(None, task.references.values())])
    # One for all that lie elsewhere.
    there = [seen_elsewhere(task.path) for task in tasks[:1] if is_copy(task.path)]
    try:
        return [*there, *(seen(path) for path in paths if not is_copy(path))]
    except OSError as error:
        raise DeliveryError(f"{error.filename} can no longer be read ({error.strerror}): run again.") from error
