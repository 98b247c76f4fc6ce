"""Connect to a Dask scheduler, or start one with workers on this machine, and refuse what cannot do the work."""

import contextlib
import logging
import queue
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from darkmask.core.atomic import temporary_folder
from darkmask.core.cores import CORES, usable_cores
from darkmask.core.errors import ClusterError, CommandError, in_one_line

from .address import Where, host_of, is_loopback
from .process import SeenFile, described, look

# The resource that a worker declares, in bytes: Dask's own documentation spells it so.
MEMORY = "MEMORY"
# Seconds for an answer. A scheduler answers in milliseconds; a worker that a batch system starts loads Python first.
ANSWERS_WITHIN, WORKER_WITHIN = 10.0, 60.0
# Seconds between two looks whether there is a worker left: one that a batch system has ended says nothing.
WATCHED_EVERY = 30.0
# Seconds in which a scheduler that went away may come back, as a service that is started anew does.
COMES_BACK_WITHIN = 60.0


class LocalWorkers(NamedTuple):
    """Workers that this process starts: how many, and the memory that each may take, bytes."""

    number: int
    memory: float


class Probe(NamedTuple):
    """What workers must see, see :func:`.process.look`; ``out`` is a folder that they write into."""

    files: tuple[SeenFile, ...] = ()
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
    """

    where: Where
    client: Any
    probe: Probe = field(default_factory=Probe)

    @property
    def workers(self) -> dict[str, dict[str, Any]]:
        """What the scheduler says of each of its workers, by address."""
        told: dict[str, dict[str, Any]] = self.client.scheduler_info(n_workers=-1)["workers"]
        return told

    def look_at_workers(self, files: Sequence[SeenFile], out: Path | None = None) -> None:
        """Refuse workers that have other code than this process, or do not see the same files.

        Parameters
        ----------
        files : sequence of SeenFile
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
                    "same paths lead to the same files, and as a user who may use them."
                )

    def require_memory(self, need: float, what: str, *, declared: bool) -> None:
        """Refuse workers of which none has the memory that a task takes.

        Parameters
        ----------
        need : float
            Bytes.
        what : str
            What a task is, for the message.
        declared : bool
            Whether workers must declare it: Dask lets a task wait for ever that asks for what no worker declares.

        Raises
        ------
        CommandError
        """
        workers = self.workers.values()
        if not declared:
            limits = [worker["memory_limit"] for worker in workers]
            if not any(limit == 0 or limit >= need for limit in limits):
                raise CommandError(
                    f"--scheduler={self.where.given}: {what} takes up to {need / 1e9:.2g} GB, and no worker may take "
                    f"more than {max(limits) / 1e9:.2g} GB: start workers with a larger --memory-limit."
                )
            return
        amounts = [worker["resources"][MEMORY] for worker in workers if MEMORY in worker["resources"]]
        if any(amount >= need for amount in amounts):
            return
        found = f"the most that one declares are {max(amounts) / 1e9:.3g} GB" if amounts else "none declares any"
        raise CommandError(
            f"--scheduler={self.where.given}: {what} takes up to {need / 1e9:.2g} GB and waits for a worker that "
            f'declares so much of the resource {MEMORY}, and {found}: start workers with --resources "{MEMORY}='
            f'{_rounded_up(need)}".'
        )

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
                self.client = _client(self.where)
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
    _require_package()
    # What goes wrong is said in one sentence; Dask's own lines would come before it and after.
    logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(_local(local)) if where.address is None else _client(where)
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
                alone = not cluster.workers
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


@contextlib.contextmanager
def _local(local: LocalWorkers) -> Iterator[Any]:
    from distributed import Client, LocalCluster, Security

    with temporary_folder("dask") as scratch:
        started = LocalCluster(
            n_workers=local.number,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            # Whoever has an account on this machine can reach the port, and Dask runs what arrives.
            security=Security.temporary(),
            # No pages for a browser; by itself it would take a port that another run may have.
            dashboard_address=None,
            worker_dashboard_address=None,
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            silence_logs=logging.CRITICAL + 1,
            # The budget decides how many there are; Dask would end those that go beyond a share of the machine.
            memory_limit=0,
            resources={MEMORY: local.memory},
            local_directory=str(scratch),
            env={CORES: str(max(1, usable_cores() // local.number))},
        )
        with started:
            yield Client(started, set_as_default=False)


def _client(where: Where) -> Any:
    from distributed import Client, Security

    security = Security()
    if where.is_encrypted:
        told = security.get_connection_args("client").get("ssl_context")
        if told is None:
            raise CommandError(
                f"--scheduler={where.given} is encrypted and no certificates are configured: name them in Dask's "
                "settings distributed.comm.tls.ca-file, client.cert and client.key (docs/cluster.md)."
            )
    answers: queue.Queue[Any] = queue.Queue()

    def ask() -> None:
        try:
            answers.put(Client(where.address, timeout=ANSWERS_WITHIN, security=security, set_as_default=False))
        except Exception as error:  # a port of something else, another version, a refused certificate: each its own
            answers.put(error)

    # In a thread of its own: Dask waits for ever for the first words of whatever took the connection.
    threading.Thread(target=ask, name="scheduler", daemon=True).start()
    try:
        answer = answers.get(timeout=2 * ANSWERS_WITHIN)
    except queue.Empty:
        answer = TimeoutError("something takes connections there and says nothing")
    if isinstance(answer, Exception):
        raise CommandError(
            f"--scheduler={where.given}: no scheduler of Dask answers at {where.address} within {ANSWERS_WITHIN:.0f} s "
            f"({in_one_line(answer).rstrip('.')}): start one there, or correct the address."
        ) from answer
    return answer


def _require_package() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise CommandError(
            "--scheduler needs Dask's scheduler, which is not installed: pip install 'darkmask[cluster]'."
        ) from error


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
