"""What the stages of a command take: each that ends adds a line to the file that ``DARKMASK_STAGES`` names.

A command is timed from outside, and that says nothing of what to make faster. Nobody who does not ask pays for this.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Stands in the environment, so that workers and the processes that they start add to the same file.
STAGES = "DARKMASK_STAGES"
_running = threading.local()
_watchers: list[Callable[[str], None]] = []


@dataclass
class _Running:
    """A stage that has not ended, and what those within it have taken."""

    name: str
    seconds: float = 0.0
    processor: float = 0.0
    # What other threads took for it.
    lent: float = 0.0


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Add a line when the block, or each call of the decorated function, ends.

    A stage within another of the same thread is called "outer: inner", and its time is not counted again. The processor
    time is that of the thread, with what other threads took for it (:func:`add_processor_time`): what works beside it
    for another stage counts there.

    Parameters
    ----------
    name : str
    """
    for tell in _watchers:
        tell(name)
    place = os.environ.get(STAGES)
    if not place:
        yield
        return
    running = _of_this_thread()
    this = _Running(f"{running[-1].name}: {name}" if running else name)
    running.append(this)
    begun, used = time.perf_counter(), time.thread_time()
    try:
        yield
    finally:
        seconds, processor = time.perf_counter() - begun, time.thread_time() - used + this.lent
        running.pop()
        if running:
            running[-1].seconds += seconds
            running[-1].processor += processor
            running[-1].lent += this.lent
        own = {"seconds": seconds - this.seconds, "processor": processor - this.processor}
        line = {"stage": this.name, **own, "process": os.getpid()}
        with open(place, "a", encoding="utf-8") as file:
            # In one piece, which other processes do not come between.
            file.write(json.dumps(line) + "\n")


def add_processor_time(seconds: float) -> None:
    """Count what other threads took for this one's stage.

    Parameters
    ----------
    seconds : float
        Processor time of these threads.
    """
    if running := _of_this_thread():
        running[-1].lent += seconds


def _of_this_thread() -> list[_Running]:
    stages: list[_Running] = _running.__dict__.setdefault("stages", [])
    return stages


@contextmanager
def watched(tell: Callable[[str], None]) -> Iterator[None]:
    """Tell somebody who waits of each stage of this process that begins while the block runs.

    Parameters
    ----------
    tell : callable
        Takes the name of the stage.
    """
    _watchers.append(tell)
    try:
        yield
    finally:
        _watchers.remove(tell)


def read_stages(path: Path) -> dict[str, tuple[float, float]]:
    """Return the seconds and the processor seconds of each stage, by name, in the order in which stages first ended.

    Parameters
    ----------
    path : Path
        A file that ``DARKMASK_STAGES`` named; one that does not exist counts as empty.
    """
    stages: dict[str, tuple[float, float]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        entry = json.loads(line)
        seconds, processor = stages.get(entry["stage"], (0.0, 0.0))
        stages[entry["stage"]] = seconds + entry["seconds"], processor + entry["processor"]
    return stages
