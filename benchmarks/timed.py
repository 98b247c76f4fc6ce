"""Run whole commands and say what they took, from outside: what the tables of benchmarks are made of."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from memory import anonymous
from processes import Process, look, with_stages

from darkmask.core.stages import STAGES, read_stages

ROOT = Path(__file__).resolve().parent.parent
SEARCH = {"flight": [], "official": ["--search", "official"]}


@dataclass(frozen=True)
class Taken:
    """What a command took: wall and processor seconds, MB of anonymous memory, and stages and processes."""

    wall: float
    processor: float
    megabytes: float
    stages: dict[str, tuple[float, float]]
    processes: list[Process]


def run(command: list[str], cwd: Path, cache: Path, codes: tuple[int, ...] = (0,)) -> Taken:
    """Run a command to its end, and say what it took."""
    with tempfile.TemporaryDirectory() as temporary:
        stages = Path(temporary) / "stages"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cache), STAGES: str(stages)}
        log = Path(temporary) / "log"
        with log.open("wb") as out:
            begun = time.perf_counter()
            process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=out, stderr=subprocess.STDOUT)
            peak, seen = 0, {}
            while True:
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                if pid:
                    break
                peak = max(peak, anonymous(process.pid))
                look(process.pid, time.perf_counter() - begun, seen)
                time.sleep(0.02)
            wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in codes:
            end = log.read_text(errors="replace")[-2000:]
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{end}")
        processes = with_stages(seen, stages)
        return Taken(wall, usage.ru_utime + usage.ru_stime, peak / 1e6, read_stages(stages), processes)


def criteria_file(folder: Path, frame: int) -> list[str]:
    """Return the option that judges a mini frame, or nothing for a real size."""
    if frame == 2048:
        return []
    path = folder / "bench.toml"
    path.write_text(
        f'schema = 1\nname = "bench"\nextends = "demo"\n[geometry]\nframe = {frame}\n[plan]\nsubarrays = []\n'
    )
    return [f"--criteria={path}"]


def compiled_cache(folder: Path) -> Path:
    """Return a cache that holds the kernels of every search and nothing else."""
    cache, tiny = folder / "compiled", folder / "tiny"
    python = [sys.executable, "-m", "darkmask"]
    run(
        [*python, *f"demo {tiny} --frame 64 --detectors NRCB1 --exposures 5 --groups 6 --no-subarrays".split()],
        folder,
        cache,
    )
    for number, options in enumerate(SEARCH.values()):
        run([*python, "search", str(tiny), str(folder / f"tiny{number}"), "--frame", "64", *options], folder, cache)
    criteria = folder / "tiny.toml"
    criteria.write_text('schema = 1\nname = "tiny"\nextends = "demo"\n[geometry]\nframe = 64\n[plan]\nsubarrays = []\n')
    check = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pytest.ini"), str(ROOT / "checks"), "-q"]
    run(
        [*check, f"--delivery={tiny}", f"--criteria={criteria}", "--detectors=NRCB1", f"--reports={folder / 'tinyr'}"],
        folder,
        cache,
        (0, 1),
    )
    for entry in (cache / "darkmask").iterdir():
        if entry.name != "kernels":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    return cache


def fresh(compiled: Path, folder: Path) -> Path:
    """Return a new cache with compiled kernels."""
    return Path(shutil.copytree(compiled, tempfile.mkdtemp(dir=folder), dirs_exist_ok=True))


def checks(delivery: Path, detectors: tuple[str, ...], reports: Path, options: list[str]) -> list[str]:
    """Return the command that judges some detectors with two workers."""
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pytest.ini"), str(ROOT / "checks"), "-q", "-n", "2"]
    return [*command, f"--delivery={delivery}", f"--detectors={','.join(detectors)}", *options, f"--reports={reports}"]


def judged(command: list[str], reports: Path, number: int, folder: Path, cache: Path) -> Taken:
    """Run checks, and make sure that so many detectors were searched: a delivery that is refused costs no time."""
    taken = run(command, folder, cache, (0, 1))
    masks = list(reports.glob("*/masks/*.fits"))
    searched = len([path for path in masks if not path.stem.endswith("_carried")])
    if searched < number:
        raise SystemExit(f"{' '.join(command)} made {searched} masks of {number}: read its report.")
    return taken
