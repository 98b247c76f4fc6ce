"""How many cores a process may use: all of its own, or its share of them when other workers run beside it."""

import os

# The number stands in the environment, so that the processes that a worker starts keep to the worker's share.
CORES = "DARKMASK_CORES"


def usable_cores() -> int:
    """Return how many cores this process may use: those it may run on, or its share set by :func:`share_cores`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = os.environ.get(CORES, "")
    return max(1, min(cores, int(share))) if share.isdecimal() else cores


def share_cores(workers: int) -> None:
    """Set the share of the cores that this process, and those that it starts, may use.

    Parameters
    ----------
    workers : int
        Processes that work side by side, this one included.
    """
    os.environ[CORES] = str(max(1, usable_cores() // max(1, workers)))


def one_thread() -> None:
    """Let linear algebra that is loaded from here on use one thread: each process beside others has a core."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
