"""A connection to a scheduler whose workers were looked at: what cannot do the work is refused before it begins."""

import contextlib
import logging
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from darkmask.core.errors import ClusterError, CommandError, in_one_line

from .address import Where, host_of, is_loopback
from .opening import MEMORY, LocalWorkers, client_of, local_client, require_package
from .process import SeenElsewhere, SeenFile, described, look

# Seconds in which there is a worker: one that a batch system starts loads Python first.
WORKER_WITHIN = 60.0
# Seconds in which one of them declares the memory that is asked for.
DECLARES_WITHIN = 2.0
# Seconds between two looks whether there is a worker left: one that a batch system has ended says nothing.
WATCHED_EVERY = 30.0
# Seconds in which a scheduler that went away may come back, as a service that is started anew does.
COMES_BACK_WITHIN = 60.0


class Probe(NamedTuple):
    """What workers must see, see :func:`.process.look`; ``out`` is a folder that they write into."""

    files: tuple[SeenFile | SeenElsewhere, ...] = ()
    out: Path | None = None


@dataclass
class Cluster:
    """A connection to a scheduler whose workers were looked at.

    Attributes
    ----------
    where : Where
    client : distributed.Client
    probe : Probe
        What workers were last asked about, and are again when the connection was lost.
    had_workers : bool
        Whether there ever were any.
    """

    where: Where
    client: Any
    probe: Probe = field(default_factory=Probe)
    had_workers: bool = False

    @property
    def workers(self) -> dict[str, dict[str, Any]]:
        """What the scheduler says of each of its workers, by address."""
        told: dict[str, dict[str, Any]] = self.client.scheduler_info(n_workers=-1)["workers"]
        return told

    def look_at_workers(self, files: Sequence[SeenFile | SeenElsewhere], out: Path | None = None) -> None:
        """Refuse workers that have other code than this process, or do not see the same files.

        Parameters
        ----------
        files : sequence of SeenFile or SeenElsewhere
            What they have to read.
        out : Path, optional
            An existing folder that they have to write into.

        Raises
        ------
        CommandError
        """
        self.probe = Probe(tuple(files), out)
        _require_workers(self)
        _require_same_code(self)
        with _token(out) as token:
            folder = None if out is None else str(out)
            answers = _ask_all(self, look, list(self.probe.files), folder, token)
        for worker, answer in answers.items():
            if answer["trouble"]:
                raise CommandError(
                    f"--scheduler={self.where.given}: the worker {worker} {answer['trouble']}: start workers where the "
                    "same paths and addresses lead to the same files, and as a user who may use them."
                )

    def require_memory(self, need: float, what: str, *, declared: bool) -> None:
        """Refuse workers that have not the memory that a task takes.

        Parameters
        ----------
        need : float
            Bytes.
        what : str
            What a task is, for the message.
        declared : bool
            Whether it goes to those alone that declare it, so that one is enough: Dask lets a task wait for ever that
            asks for what no worker declares. Otherwise each must be allowed to take it.

        Raises
        ------
        CommandError
        """
        if not declared:
            # Of each, since any may get the task: one that may take less would be ended in the middle of it.
            for address, worker in self.workers.items():
                if 0 < (limit := worker["memory_limit"]) < need:
                    raise CommandError(
                        f"--scheduler={self.where.given}: {what} takes up to {need / 1e9:.2g} GB, and the worker "
                        f"{address} may take no more than {limit / 1e9:.2g} GB: start it with a larger --memory-limit, "
                        "or end it."
                    )
            return
        end = time.monotonic() + DECLARES_WITHIN
        while max(amounts := self._declared(), default=0) < need:
            # Others may be starting, and what nobody has declared yet may be told in a moment.
            if time.monotonic() <= end:
                time.sleep(0.1)
                continue
            found = f"the most that one declares are {max(amounts) / 1e9:.3g} GB" if amounts else "none declares any"
            raise CommandError(
                f"--scheduler={self.where.given}: {what} takes up to {need / 1e9:.2g} GB and waits for a worker that "
                f'declares so much of the resource {MEMORY}, and {found}: start workers with --resources "{MEMORY}='
                f'{_rounded_up(need)}".'
            )

    def _declared(self) -> list[float]:
        """Return how much memory workers declare, those that do."""
        return [one["resources"][MEMORY] for one in self.workers.values() if MEMORY in one["resources"]]

    def connect_again(self) -> None:
        """Connect to the scheduler once more after it went away, and look at its workers.

        Raises
        ------
        ClusterError
            When it does not come back in time, or is not what it was.
        """
        _close(self.client)
        end = time.monotonic() + COMES_BACK_WITHIN
        while True:
            try:
                self.client = client_of(self.where)
                self.look_at_workers(*self.probe)
                return
            except CommandError as error:
                _close(self.client)
                if self.where.address is None or time.monotonic() > end:
                    raise ClusterError(
                        f"The scheduler {self.where.given} went away while it was at work, and did not come back "
                        f"({error}) Start it again and give the same command: what was finished is kept."
                    ) from error
                time.sleep(0.5)


@contextlib.contextmanager
def connected(where: Where, local: LocalWorkers) -> Iterator[Cluster]:
    """Give a connection to a scheduler.

    Parameters
    ----------
    where : Where
    local : LocalWorkers
        Workers to start where the scheduler is this machine's own.

    Raises
    ------
    CommandError
        When nobody answers, or whoever answers cannot be used.
    """
    require_package()
    from distributed.versions import VersionMismatchWarning

    # What goes wrong is said in one sentence; Dask's own lines would come before it and after.
    for name in ("distributed", *(one for one in logging.root.manager.loggerDict if one.startswith("distributed."))):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    # Nor its table of versions: those that matter are compared below.
    warnings.filterwarnings("ignore", category=VersionMismatchWarning)
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(local_client(local)) if where.address is None else client_of(where)
        cluster = Cluster(where, client)
        stack.callback(lambda: _close(cluster.client))
        stack.enter_context(_watched(cluster))
        yield cluster


@contextlib.contextmanager
def _watched(cluster: Cluster) -> Iterator[None]:
    """Say on standard error when no worker is left, for as long as the block runs: Dask would wait without a word."""
    over = threading.Event()

    def watch() -> None:
        told = False
        while not over.wait(WATCHED_EVERY):
            with contextlib.suppress(Exception):  # the connection is lost, and somebody else notices
                alone = cluster.had_workers and not cluster.workers
                if alone and not told:
                    said = f"--scheduler={cluster.where.given} has no worker left: start some, and the work goes on."
                    print(said, file=sys.stderr, flush=True)
                told = alone

    thread = threading.Thread(target=watch, name="workers", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=1)


def _require_workers(cluster: Cluster) -> None:
    given = f"--scheduler={cluster.where.given}"
    try:
        cluster.client.wait_for_workers(1, timeout=WORKER_WITHIN)
        info = cluster.client.scheduler_info(n_workers=-1)
    except TimeoutError as error:
        raise CommandError(
            f"{given}: the scheduler answers and has no worker, nor got one within {WORKER_WITHIN:.0f} s: start some "
            "with `dask worker` (docs/cluster.md)."
        ) from error
    except Exception as error:  # it went away
        raise CommandError(
            f"{given}: the scheduler went away ({in_one_line(error).rstrip('.')}): try again."
        ) from error
    cluster.had_workers = True
    if not cluster.where.is_encrypted:
        # One that listens on all interfaces says that of the network.
        for address in (info["address"], *info["workers"]):
            if address.startswith("tcp:") and not is_loopback(host_of(address)):
                raise CommandError(
                    f"{given}: {address} can be reached over the network without encryption, and Dask runs whatever "
                    "code arrives: start it with --host 127.0.0.1, or with certificates (docs/cluster.md)."
                )
    for address, worker in info["workers"].items():
        if worker["nthreads"] != 1:
            raise CommandError(
                f"{given}: the worker {address} would do {worker['nthreads']} tasks in one process, and each takes a "
                f"process: start workers with --nthreads 1, and as many as there are cores with --nworkers."
            )


def _require_same_code(cluster: Cluster) -> None:
    own = described()
    asked = {
        "the scheduler": lambda: {"": cluster.client.run_on_scheduler(look)},
        "the worker": lambda: _ask_all(cluster, look),
    }
    for what, ask in asked.items():
        for name, answer in ask().items():
            who = f"{what} {name}".rstrip()
            other = answer["is"]
            for part in own | other:
                if own.get(part) != other.get(part):
                    raise CommandError(
                        f"--scheduler={cluster.where.given}: {who} has {_shown(part, other)} and this process has "
                        f"{_shown(part, own)}: install the same there and here."
                    )


def _shown(part: str, of: dict[str, str]) -> str:
    if part not in of:
        return f"no {part}"
    # Of a digest the beginning tells as much.
    return f"another state of our code ({of[part][:8]})" if part == "our code" else f"{part} {of[part]}"


def _ask_all(cluster: Cluster, function: Any, *arguments: Any) -> dict[str, dict[str, Any]]:
    try:
        answers = cluster.client.run(function, *arguments, on_error="return")
    except Exception as error:
        raise _cannot_answer(cluster, "a process", error) from error
    for worker, answer in answers.items():
        if isinstance(answer, BaseException):
            raise _cannot_answer(cluster, f"the worker {worker}", answer) from answer
    return dict(answers)


def _cannot_answer(cluster: Cluster, who: str, error: BaseException) -> CommandError:
    given = f"--scheduler={cluster.where.given}"
    said = in_one_line(Exception(error)).rstrip(".")
    # An error that does not fit through is told as the text of another.
    missing = ("ModuleNotFoundError", "ImportError", "AttributeError")
    if isinstance(error, ImportError | AttributeError) or said.startswith(missing):
        return CommandError(
            f"{given}: {who} has no such darkmask as this one ({said}): install the same version there."
        )
    return CommandError(
        f"{given}: {who} cannot be asked what it has ({type(error).__name__}: {said}): look at its log."
    )


@contextlib.contextmanager
def _token(out: Path | None) -> Iterator[str]:
    """Put a file into a folder for as long as others look for it."""
    if out is None:
        yield ""
        return
    import tempfile

    with tempfile.NamedTemporaryFile(prefix=".part-probe-", dir=out) as file:
        yield Path(file.name).name


def _close(client: Any) -> None:
    # What a scheduler that is gone answers matters to nobody.
    with contextlib.suppress(Exception):
        client.close(timeout=2)


def _rounded_up(need: float) -> str:
    return f"{int(need / 1e8 + 1) / 10:g}e9"
