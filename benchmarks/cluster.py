"""What a second worker gains: `search` or `pytest checks/` of some detectors, and `prepare` of eight exposures.

    PYTHONPATH=. python benchmarks/cluster.py [--what search|checks|prepare] [--detectors N] [--frame N] [--groups N]
        [--delivery DIR] [--workers 1,2,2,1,4]

Workers are started by hand as docs/cluster.md says, as on machines of their own: one thread and one core each, packages
loaded (but with `--cold`), a cache of their own with nothing in it but compiled kernels, and a session of their own,
since Linux shares a busy machine among sessions. Files are in the system's cache.

"Wall" is the clock of the whole command (`darkmask search`, `pytest checks/` or `prepare`) from its beginning to its
end. "Tasks" is the clock of the scheduler from the beginning of the first task to the end of the last, what tasks wait
for included, and "idle" the share of that time in which workers compute nothing. Processor time is of everything,
workers and what they start included; "busiest" is the processor time of the worker that did most of a search or of what
checks ask for, with its pipeline's process: what a machine would take that others keep from nothing.

The numbers of workers come in the order given, forth and back, since a machine is rarely as busy as a minute ago. All
ratios are within one run of this benchmark: of means, of the least of each, and of each run to its neighbour.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from deliveries import read_once, resize, simulate, under_other_names
from timed import ROOT, Taken, checks, criteria_file, judged, run

from darkmask.cluster.process import look
from darkmask.core.cache_folder import cache_root
from darkmask.core.stages import read_stages

DETECTORS = ("NRCB1", "NRCB2", "NRCB3", "NRCB4")
EXPOSURES = 8


@dataclass
class Did:
    """What a scheduler's workers did: processor seconds, and seconds from the first task's beginning to the last end.

    ``idle`` is the share of that time in which workers computed nothing, ``busiest`` the processor seconds of the one
    that did most, with what it started.
    """

    processor: float = 0.0
    tasks: float = 0.0
    idle: float = 0.0
    busiest: float = 0.0


def spent() -> float:
    """Return the processor seconds of a process and of those that it has started."""
    import psutil

    own = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in (own, *own.children(recursive=True)))


@contextmanager
def workers(folder: Path, number: int, stages: Path, cold: bool = False) -> Iterator[tuple[Path, Did]]:
    """Start a scheduler and workers, and give the scheduler's file and, at the end, what they did."""
    file, did, started = folder / "scheduler.json", Did(), []
    told = ["--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard"]
    commands = [["scheduler", "--port", "0"]]
    ready = [] if cold else ["--preload", "darkmask.cluster.ready"]
    commands += [["worker", "--nthreads", "1", "--no-nanny", "--resources", "MEMORY=16e9", *ready]] * number
    for i, command in enumerate(commands):
        own = {"XDG_CACHE_HOME": str(folder / f"cache{i}"), "DARKMASK_STAGES": str(stages), "PYTHONPATH": str(ROOT)}
        own["DASK_TEMPORARY_DIRECTORY"] = str(folder / f"scratch{i}")
        with (folder / f"{i}.log").open("wb") as log:
            words = [sys.executable, "-m", "dask", *command, *told]
            started.append(
                subprocess.Popen(words, env={**os.environ, **own}, stdout=log, stderr=log, start_new_session=True)
            )
        while not file.is_file():
            time.sleep(0.1)
    from distributed import Client, get_task_stream

    try:
        with Client(scheduler_file=str(file), set_as_default=False) as client:
            client.wait_for_workers(number)
            # What a process takes to begin with is not what a second one gains.
            client.run(look)
            before = client.run(spent)
            with get_task_stream(client) as stream:
                yield file, did
            after = client.run(spent)
            did.busiest = max(after[one] - before[one] for one in before)
        steps = [one for task in stream.data for one in task["startstops"]]
        did.tasks = max(one["stop"] for one in steps) - min(one["start"] for one in steps)
        computed = sum(one["stop"] - one["start"] for one in steps if one["action"] == "compute")
        did.idle = 1 - computed / (number * did.tasks)
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGINT)
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = 0
            did.processor += usage.ru_utime + usage.ru_stime


def rows(what: str, numbers: list[int], measure: Callable[[int], dict[str, float]]) -> None:
    """Print a line for each number of workers, and all ratios to one worker."""
    runs: list[tuple[int, dict[str, float]]] = []
    for number in numbers:
        runs.append((number, measure(number)))
        if len(runs) == 1:
            print(f"\n| {what}, workers | " + " | ".join(runs[0][1]) + " |\n" + "|---" * (1 + len(runs[0][1])) + "|")
        print(f"| {number} | " + " | ".join(f"{value:.2f}" for value in runs[-1][1].values()) + " |", flush=True)
    for number in sorted(set(numbers) - {1}):
        for name in runs[0][1]:
            if name == "idle":
                continue
            one, several = ([took[name] for n, took in runs if n == which] for which in (1, number))
            if not one:
                continue
            beside = [
                (first, second) if n == 1 else (second, first)
                for (n, first), (m, second) in pairwise((n, took[name]) for n, took in runs)
                if {n, m} == {1, number}
            ]
            ratios = (
                f"{statistics.mean(one) / statistics.mean(several):.2f} (means), {min(one) / min(several):.2f} (least)"
            )
            each = ", ".join(f"{alone / together:.2f}" for alone, together in beside)
            print(f"{what}, {number} workers to one, {name}: {ratios}, {each} (neighbours)", flush=True)


def columns(taken: Taken, did: Did) -> dict[str, float]:
    """Return what is printed of a run, by name."""
    processor = taken.processor + did.processor
    return {"wall s": taken.wall, "tasks s": did.tasks, "idle": did.idle, "processor s": processor}


def make_darks(folder: Path, frame: int, groups: int, detectors: int) -> Path:
    """Make the darks of some detectors, all of the same ramps."""
    source, resized = simulate(folder, frame, 20), folder / "resized"
    resize(source, resized, 5, 2, groups)
    delivery = under_other_names(resized, folder / "darks", DETECTORS[:detectors])
    shutil.rmtree(resized)
    shutil.rmtree(source)
    return delivery


def print_stages(whose: str, stages: dict[str, tuple[float, float]]) -> None:
    """Print what stages took that took something."""
    print(f"\n| stage of {whose} | seconds | processor |\n|---|---|---|")
    for name, (seconds, processor) in sorted(stages.items(), key=lambda item: -item[1][1]):
        if processor >= 0.1:
            print(f"| {name} | {seconds:.1f} | {processor:.1f} |", flush=True)


def measure_search(folder: Path, delivery: Path, frame: int, numbers: list[int], alone: bool, cold: bool) -> None:
    """Print what the search of some detectors takes."""
    read_once(delivery)
    print(f"{sum(path.stat().st_size for path in delivery.iterdir()) / 1e9:.2f} GB of darks", flush=True)
    stages: dict[str, tuple[float, float]] = {}

    def one(number: int) -> dict[str, float]:
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            out = Path(temporary)
            with workers(out, number, out / "stages", cold) as (file, did):
                words = ["search", str(delivery), str(out / "out"), "--frame", str(frame), f"--scheduler={file}"]
                taken = run([sys.executable, "-m", "darkmask", *words], folder, out / "cache")
            stages.clear()
            stages.update(read_stages(out / "stages"))
            return columns(taken, did) | {"busiest, processor s": did.busiest}

    one(1)
    rows("search", numbers, one)
    print_stages("the workers, last run", stages)
    python = [sys.executable, "-m", "darkmask", "search", str(delivery)]
    if not alone:
        return
    print("\n| without a scheduler | wall s | processor s |\n|---|---|---|")
    for cores in (1, 2):
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            command = ["env", f"DARKMASK_CORES={cores}", *python, f"{temporary}/out", "--frame", str(frame)]
            taken = run(command, folder, Path(temporary) / "cache")
        print(f"| {cores} cores | {taken.wall:.1f} | {taken.processor:.1f} |", flush=True)


def measure_checks(
    folder: Path, delivery: Path, frame: int, numbers: list[int], detectors: int, alone: bool, warm: bool
) -> None:
    """Print what it takes to judge some detectors, with what workers make before the first check."""
    read_once(delivery)
    criteria, names = criteria_file(folder, frame), DETECTORS[:detectors]
    stages: dict[str, tuple[float, float]] = {}

    def one(number: int) -> dict[str, float]:
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            out = Path(temporary)
            with workers(out, number, out / "stages") as (file, did):
                words = [word for word in checks(delivery, names, out / "reports", criteria) if word not in ("-n", "2")]
                command = [*words, f"--scheduler={file}"]
                taken = judged(command, out / "reports", detectors, folder, out / "cache")
            stages.clear()
            stages.update(read_stages(out / "stages"))
            return columns(taken, did) | {"busiest, processor s": did.busiest, "command, processor s": taken.processor}

    if not warm:
        one(1)
    rows("checks", numbers, one)
    print_stages("the workers, last run", stages)
    if not alone:
        return
    for cores in (1, 2):
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            out = Path(temporary)
            words = [word for word in checks(delivery, names, out / "reports", criteria) if word not in ("-n", "2")]
            command = ["env", f"DARKMASK_CORES={cores}", "taskset", "-c", f"0-{cores - 1}", *words]
            taken = judged(command, out / "reports", detectors, folder, out / "cache")
        print(f"\n{cores} cores without a scheduler: {taken.wall:.1f} s, {taken.processor:.1f} s of processor time")
        print_stages(f"the command, {cores} cores", taken.stages)


def measure_prepare(folder: Path, frame: int, numbers: list[int]) -> None:
    """Print what it takes to prepare some exposures."""
    from darkmask.simulate import SimulationSpec, simulate_delivery

    raw = folder / "raw"
    spec = SimulationSpec(
        seed=11,
        frame=frame,
        detectors=DETECTORS[:1],
        subarrays=(),
        exposures=EXPOSURES,
        integrations=1,
        groups=20,
        raw=True,
    )
    simulate_delivery(raw, spec, progress=False)
    read_once(raw)
    print(f"\n{sum(path.stat().st_size for path in raw.glob('*.fits')) / 1e9:.2f} GB of raw darks", flush=True)
    command = [sys.executable, "-m", "darkmask", "prepare", str(raw)]
    options = [f"--references={raw}.references", f"--frame={frame}"]

    def one(number: int) -> dict[str, float]:
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            out = Path(temporary)
            with workers(out, number, out / "stages") as (file, did):
                words = [*command, f"{out}/out", *options, f"--scheduler={file}"]
                taken = run(words, folder, out / "cache")
            return columns(taken, did)

    rows("prepare", numbers, one)
    print("\n| without a scheduler, jobs | wall s | processor s |\n|---|---|---|")
    for number in sorted({1, 2}.intersection(numbers)):
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            taken = run([*command, f"{temporary}/out", *options, f"--jobs={number}"], folder, Path(temporary) / "cache")
        print(f"| {number} | {taken.wall:.1f} | {taken.processor:.1f} |", flush=True)


def main() -> None:
    """Measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--frame", type=int, default=1024)
    parser.add_argument("--groups", type=int, default=40)
    parser.add_argument("--detectors", type=int, default=4, choices=(1, 2, 3, 4))
    parser.add_argument("--delivery", type=Path, help="darks that were made before, which stay")
    parser.add_argument("--cold", action="store_true", help="workers of a search load packages with their first task")
    parser.add_argument("--alone", action="store_true", help="without a scheduler too, on one core and on two")
    parser.add_argument("--warm", action="store_true", help="kernels are compiled, and files in the system's cache")
    parser.add_argument("--workers", default="1,2,2,1,4")
    parser.add_argument("--what", choices=("search", "checks", "prepare"), action="append")
    chosen = parser.parse_args()
    numbers = [int(number) for number in chosen.workers.split(",")]
    # Each run has a new cache, but for the kernels, which a first one compiles.
    os.environ["NUMBA_CACHE_DIR"] = os.environ.get("NUMBA_CACHE_DIR", str(cache_root()))
    with tempfile.TemporaryDirectory(prefix="darkmask-bench-") as temporary:
        folder = Path(temporary)
        what = chosen.what or ["search", "prepare"]
        if {"search", "checks"}.intersection(what):
            delivery = chosen.delivery or make_darks(folder, chosen.frame, chosen.groups, chosen.detectors)
            if "search" in what:
                alone = chosen.alone or not chosen.delivery
                measure_search(folder, delivery, chosen.frame, numbers, alone, chosen.cold)
            if "checks" in what:
                measure_checks(folder, delivery, chosen.frame, numbers, chosen.detectors, chosen.alone, chosen.warm)
            if not chosen.delivery:
                shutil.rmtree(delivery)
        if "prepare" in what:
            measure_prepare(folder, chosen.frame, numbers)


if __name__ == "__main__":
    main()
