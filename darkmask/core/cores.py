"""How many cores a process may use: all of its own, or its share of them beside other workers."""

import os

# Kept in the environment, so that what a worker starts shares its part and takes no more.
CORES = "DARKMASK_CORES"


def usable_cores() -> int:
    """Return how many cores this process may use: those it may run on, or its share by :func:`share_cores`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = os.environ.get(CORES, "")
    return max(1, min(cores, int(share))) if share.isdecimal() else cores


def share_cores(workers: int) -> None:
    """Let this process, and those that it starts, use its share of the cores.

    Parameters
    ----------
    workers : int
        Processes that work side by side, this one included.
    """
    os.environ[CORES] = str(max(1, usable_cores() // max(1, workers)))
