"""What each process of a command takes, from outside, and the stages that it went through.

Whoever asks what to make faster needs both: stages say nothing of what loads, and a command nothing of who did it.
"""

import json
import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
# What the processes of a run of checks are known by.
_KNOWN = {
    "darkmask.pipeline.server": "the pipeline",
    "multiprocessing.spawn": "on the idle core",
    "exec(eval(sys.stdin": "a worker of pytest",
}


@dataclass
class Process:
    """A process: what it is, when it was first and last seen (s), its processor time (s), and its stages.

    ``stages`` holds wall and processor seconds of each by name.
    """

    name: str
    first: float
    last: float
    processor: float
    stages: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def rest(self) -> float:
        """Processor seconds in no stage: what loads, the checks themselves, the report."""
        return self.processor - sum(used for _, used in self.stages.values())


def look(pid: int, now: float, seen: dict[int, Process]) -> None:
    """Look at a process and all that it started; ``seen`` holds them by number."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
        numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        processor = (int(numbers[11]) + int(numbers[12])) / _TICKS
        known = next((name for part, name in _KNOWN.items() if part in command), None)
        # The first is what was typed; a process has no command while it begins, and when it ends.
        found = seen.setdefault(pid, Process("" if seen else "the command", now, now, 0.0))
        found.name = known or found.name or command[:60]
        found.last, found.processor = now, processor
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                look(int(child), now, seen)
    except OSError:  # the process has just ended
        pass


def with_stages(seen: dict[int, Process], path: Path) -> list[Process]:
    """Return processes by the time at which they began, with the stages that a file of ``DARKMASK_STAGES`` names."""
    stages: dict[int, dict[str, tuple[float, float]]] = defaultdict(dict)
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        entry = json.loads(line)
        of = stages[entry["process"]]
        seconds, processor = of.get(entry["stage"], (0.0, 0.0))
        of[entry["stage"]] = seconds + entry["seconds"], processor + entry["processor"]
    for pid, process in seen.items():
        process.stages = stages[pid]
    return sorted(seen.values(), key=lambda process: process.first)


def print_profile(processes: list[Process]) -> None:
    """Print a table of processes and their stages, the longest first."""
    print("| process, and its stages | seconds | processor |\n|---|---|---|")
    for process in processes:
        if process.processor < 0.05:
            continue
        print(f"| **{process.name}** | {process.last - process.first:.1f} | **{process.processor:.1f}** |")
        for name, (seconds, processor) in sorted(process.stages.items(), key=lambda item: -item[1][1]):
            if processor >= 0.05 or seconds >= 0.2:
                print(f"| {name} | {seconds:.1f} | {processor:.1f} |")
        print(f"| in no stage | | {process.rest:.1f} |")
    print(flush=True)
