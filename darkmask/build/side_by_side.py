"""Make the masks of several detectors side by side, as many at a time as cores and memory allow."""

import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context

from darkmask.core.cores import one_thread, share_cores, usable_cores
from darkmask.core.errors import SearchError
from darkmask.core.memory import at_once
from darkmask.core.progress import Shown, progress_bar
from darkmask.core.stages import watched

from .cached import build_cached
from .products import BuiltMask
from .request import BuildRequest

# Peaks of anonymous memory of whole processes at 2048 x 2048 (benchmarks/README.md), imports included: 0.60 GB of
# `flight`, and up to 0.92 of `official`, by the pixels that it calls noisy; bytes for each pixel, and bytes that are
# there at any size.
_BYTES_FIXED, _BYTES_PER_PIXEL = 0.2e9, 180
# The published package reads all ramps' flags: 3.0 GB for 1.0e9 pixels times groups, 4.2 GB for 2.5e9.
_PUBLISHED_FIXED, _PUBLISHED_PER_SAMPLE = 2.2e9, 0.8

# A process takes some 1.5 s to begin with, as long as so many bytes of darks take to hash and to search.
WORTH_A_PROCESS = 0.3e9


def bytes_of_search(request: BuildRequest) -> float:
    """Return what the search of a detector takes at its peak, bytes."""
    taken = _BYTES_FIXED + _BYTES_PER_PIXEL * request.geometry.frame**2
    if request.engine != "jwst_reffiles":
        return taken
    samples = sum(exposure.integrations * exposure.jump.ngroups for exposure in request.exposures("FULL"))
    return taken + _PUBLISHED_FIXED + _PUBLISHED_PER_SAMPLE * samples * request.geometry.frame**2


def build_side_by_side(
    requests: Sequence[BuildRequest], budget: float | None = None, *, progress: bool = False
) -> Iterator[tuple[BuildRequest, BuiltMask]]:
    """Make, or take from the cache, the masks of several detectors.

    Parameters
    ----------
    requests : sequence of BuildRequest
    budget : float, optional
        Bytes of memory that all of them together may take; what is free by default.
    progress : bool
        Whether to say on standard error how far it is.

    Yields
    ------
    tuple of BuildRequest and BuiltMask
        In the order of ``requests``, each as soon as it and those before it are there. Neither the number of processes
        nor their order changes a byte.

    Raises
    ------
    CommandError
        Before anything is done, when one search takes more than the budget.
    DarkmaskError
        When a detector cannot be searched: those before it have been yielded.
    """
    if not requests:
        return
    sizes = [request.input_bytes() for request in requests]
    need = max(map(bytes_of_search, requests))
    most = min(len(requests), usable_cores(), max(1, int(sum(sizes) // WORTH_A_PROCESS)))
    jobs = at_once(need, most, budget, "the search of one detector")
    with progress_bar("searching", sum(sizes), progress, counts_bytes=True) as bar:
        if jobs == 1:
            for request, size in zip(requests, sizes, strict=True):
                with watched(partial(_about, bar, request.detector)):
                    built = build_cached(request)
                bar(size)
                yield request, built
            return
        # Spawned, not forked: this process runs threads.
        pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_start_worker, initargs=(jobs,))
        with pool:
            futures = [pool.submit(build_cached, request) for request in requests]
            for future, size in zip(futures, sizes, strict=True):
                future.add_done_callback(partial(_done, bar, size))
            try:
                for request, future in zip(requests, futures, strict=True):
                    # They are begun in their order.
                    left = [r.detector for r, f in zip(requests, futures, strict=True) if not f.done()]
                    bar.about(", ".join(left[:jobs]))
                    yield request, future.result()
            except BrokenProcessPool as error:
                raise SearchError(
                    "a process died while detectors were searched side by side, for want of memory perhaps: give "
                    f"--memory={need / 1e9:.2g}, which searches one at a time."
                ) from error
            finally:
                pool.shutdown(cancel_futures=True)


def _about(bar: Shown, detector: str, stage: str) -> None:
    bar.about(f"{detector}, {stage}")


def _done(bar: Shown, size: int, _future: Future) -> None:
    bar(size)


def _start_worker(workers: int) -> None:
    one_thread()
    # The parent answers an interruption.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    share_cores(workers)
