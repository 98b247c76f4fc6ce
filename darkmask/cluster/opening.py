"""Open a connection to a scheduler, or start one with workers on this machine."""

import contextlib
import logging
import queue
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from darkmask.core.atomic import temporary_folder
from darkmask.core.cores import CORES, usable_cores
from darkmask.core.errors import CommandError, in_one_line

from .address import Where

# The resource that a worker declares, in bytes: Dask's own documentation spells it so.
MEMORY = "MEMORY"
# Seconds for an answer; a scheduler answers in milliseconds.
ANSWERS_WITHIN = 10.0


class LocalWorkers(NamedTuple):
    """Workers that this process starts: how many, and the memory that each may take, bytes."""

    number: int
    memory: float


def require_package() -> None:
    """Raise `CommandError` where Dask's scheduler is not installed."""
    try:
        import distributed  # noqa: F401
    except ValueError as error:  # it reads its settings when it is imported
        raise CommandError(
            f"Dask's settings cannot be read ({in_one_line(error).rstrip('.')}): correct them."
        ) from error
    except ImportError as error:
        raise CommandError(
            "--scheduler needs Dask's scheduler, which is not installed: pip install 'darkmask[cluster]'."
        ) from error


@contextlib.contextmanager
def local_client(local: LocalWorkers) -> Iterator[Any]:
    """Give a client of a scheduler and workers of this machine, which end with the block."""
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


def client_of(where: Where) -> Any:
    """Return a client of a scheduler that answers; raises `CommandError` where none does."""
    from distributed import Client, Security

    security = Security()
    if security.require_encryption and not where.is_encrypted:
        raise CommandError(
            f"--scheduler={where.given} leads to {where.address}, without encryption, which Dask's settings "
            "distributed.comm.require-encryption ask for: start the scheduler with --protocol tls, and give "
            "tls://HOST:PORT (docs/cluster.md)."
        )
    if where.is_encrypted:
        try:
            told = security.get_connection_args("client").get("ssl_context")
        except (OSError, ValueError) as error:  # a file that is not there, or holds no certificate
            raise CommandError(
                f"--scheduler={where.given} is encrypted, and the certificates that Dask's settings "
                f"distributed.comm.tls name cannot be read ({in_one_line(error).rstrip('.')}): correct ca-file, "
                "client.cert and client.key (docs/cluster.md)."
            ) from error
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
    within = 2 * ANSWERS_WITHIN
    try:
        answer = answers.get(timeout=within)
        within = ANSWERS_WITHIN
    except queue.Empty:
        answer = TimeoutError("something takes connections there and says nothing")
    if isinstance(answer, Exception):
        said = in_one_line(answer).rstrip(".")
        if "TLS certificate" in said:
            raise CommandError(
                f"--scheduler={where.given}: {where.address} and this process do not take each other's certificates "
                f"({said}): give both the same ca-file, and a certificate that has not expired (docs/cluster.md)."
            ) from answer
        raise CommandError(
            f"--scheduler={where.given}: no scheduler of Dask answers at {where.address} within {within:.0f} s "
            f"({said}): start one there, or correct the address."
        ) from answer
    return answer
