"""Do something with several things in threads, and count the processor time of these for the stage that waits."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .cores import usable_cores
from .stages import add_processor_time

Item = TypeVar("Item")
Made = TypeVar("Made")


def in_threads(work: Callable[[Item], Made], items: Sequence[Item], threads: int | None = None) -> list[Made]:
    """Return what is made of each of some items, in their order.

    Parameters
    ----------
    work : callable
        Takes an item, in any thread. What it raises ends the work.
    items : sequence
    threads : int, optional
        Number of threads at the most; by default one for each core that this process may use.
    """

    def timed(item: Item) -> tuple[Made, float]:
        used = time.thread_time()
        return work(item), time.thread_time() - used

    with ThreadPoolExecutor(max(1, min(threads or usable_cores(), len(items)))) as pool:
        done = list(pool.map(timed, items))
    add_processor_time(sum(seconds for _, seconds in done))
    return [made for made, _ in done]
