"""Hand a graph of tasks to a scheduler and give back what comes of each, also when the scheduler goes away meanwhile.

A lost connection loses no work: each task left what it made in the cache of its worker.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from darkmask.core.errors import ClusterError, DarkmaskError

from .connection import Cluster

# So often a connection that is lost before anything was done is opened anew.
_ATTEMPTS = 3


@dataclass(frozen=True)
class Job:
    """A task of the graph.

    Attributes
    ----------
    key : str
        Names what comes of it, whoever asks: two clients that ask for one key get what is made once.
    function : callable
        A function of a module of ours.
    arguments : tuple
    after : tuple of str
        Keys of jobs whose results are handed over behind the arguments.
    data : object
        A further argument, behind those, that is large and sent by itself; None for none.
    resources : mapping of str to float
    workers : tuple of str
        The addresses of those that are to do it, as long as they are there and have nothing else to do.
    priority : float
        Of what can be done the task that has more of it is done first.
    about : str
        What it does, for a message.
    """

    key: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    after: tuple[str, ...] = ()
    data: Any = None
    resources: Mapping[str, float] = field(default_factory=dict)
    workers: tuple[str, ...] = ()
    priority: float = 0.0
    about: str = "a task"


class Ended:
    """What came of a job."""

    def __init__(self, value: Any = None, error: BaseException | None = None):
        self._value, self._error = value, error

    def value(self) -> Any:
        """Return the result; raises what the job raised."""
        if self._error is not None:
            raise self._error
        return self._value


def ended(cluster: Cluster, jobs: Sequence[Job] | Iterator[Job]) -> Iterator[tuple[Job, Ended]]:
    """Do all jobs, and yield each as it ends.

    Parameters
    ----------
    cluster : Cluster
    jobs : iterable of Job
        Each is handed over when it comes, so that workers begin before the last is known. One comes after those that
        it waits for.

    Yields
    ------
    tuple of Job and Ended
        In the order in which they end.

    Raises
    ------
    ClusterError
        When the scheduler went away and did not come back.
    """
    known: dict[str, Job] = {}
    futures: dict[str, Any] = {}
    for job in jobs:
        known[job.key] = job
        futures[job.key] = _submitted(cluster, job, futures)
    left = {key: job.about for key, job in known.items()}
    fruitless = 0
    while left:
        for key, end in _as_they_end(cluster, futures, left):
            if end is None:
                break
            del left[key]
            fruitless = 0
            yield known[key], end
            # What nobody waits for need not stay in a worker's memory.
            if not any(key in known[other].after for other in left):
                futures.pop(key, None)
        else:
            return
        fruitless += 1
        if fruitless > _ATTEMPTS:
            raise ClusterError(
                f"The connection to {cluster.where.given} was lost {fruitless} times with nothing done between: look "
                "at the scheduler's log, and give the same command; what was finished is kept."
            )
        cluster.connect_again()
        # Results that others wait for may be gone with the scheduler: whoever made them has them in its cache.
        needed = {before for key in left for before in known[key].after}
        futures = {}
        for key in known:
            if key in left or key in needed:
                futures[key] = _submitted(cluster, known[key], futures)


def _submitted(cluster: Cluster, job: Job, futures: Mapping[str, Any]) -> Any:
    """Return the future of a job; None where the scheduler is gone, which is found when its end is waited for."""
    before = [futures.get(key) for key in job.after]
    if any(future is None for future in before):
        return None
    try:
        sent = cluster.client.scatter([job.data], hash=False) if job.data is not None else []
        return cluster.client.submit(
            job.function,
            *job.arguments,
            *before,
            *sent,
            key=job.key,
            resources=dict(job.resources) or None,
            workers=list(job.workers) or None,
            allow_other_workers=bool(job.workers),
            priority=job.priority,
            retries=0,
        )
    except Exception:  # whatever Dask raises where a connection is closing
        return None


def _as_they_end(
    cluster: Cluster, futures: Mapping[str, Any], left: Mapping[str, str]
) -> Iterator[tuple[str, Ended | None]]:
    """Yield the keys that are left and what came of each; None in its place when the connection was lost."""
    from distributed import as_completed

    waited = {key: futures[key] for key in left}
    if any(future is None for future in waited.values()):
        yield next(iter(left)), None
        return
    for future in as_completed(list(waited.values()), loop=cluster.client.loop):
        yield future.key, _end_of(future, left[future.key])


def _end_of(future: Any, about: str) -> Ended | None:
    from distributed import KilledWorker

    try:
        return Ended(future.result())
    except DarkmaskError as error:
        return Ended(error=error)
    except KilledWorker as error:
        said = f"{error.allowed_failures + 1} workers died of {about} one after the other, for want of memory perhaps"
        return Ended(error=ClusterError(f"{said}: look at their logs, and start workers with more memory."))
    except Exception as error:
        # A task that failed has its own error; anything else is a connection that was lost on the way.
        return Ended(error=error) if future.status == "error" else None
