"""Time what a user waits for: whole commands from outside, beside jwst_reffiles for the same darks, in one run.

    python benchmarks/commands.py [--delivery DIR] [--frame N] [--groups N] [--detectors 1,2,4] [--growing] [--scaling]
                                  [--floor] [--families N]

Each command is a process of its own with what it starts. Its wall time, its processor time and its peak of anonymous
memory (RssAnon, of the whole tree, sampled every 20 ms) are taken from outside, the processor time of each process too;
the stages within are those that ``DARKMASK_STAGES`` names. Files are in the system's cache and kernels are compiled
before anything is timed. "First"
is a run with an empty cache but for the kernels, "again" the same command once more. All ratios are to jwst_reffiles'
own call (``bad_pixels``, in a process that imports nothing of ours) within this run.

Without --delivery, one detector of 5 exposures x 2 integrations is simulated first. Deliveries of several detectors
hold its products under other names, with the headers rewritten.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from deliveries import SOURCE, read_once, resize, simulate, under_other_names
from processes import print_profile
from timed import ROOT, SEARCH, Taken, checks, compiled_cache, criteria_file, fresh, judged, run

from darkmask.core.detectors import DETECTORS

# As the notebook calls it: rates and fits and jumps of all exposures, and the thresholds as they come.
ANCHOR = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
from jwst_reffiles.bad_pixel_mask.bad_pixel_mask import bad_pixels
darks = Path(sys.argv[1])
kinds = [sorted(map(str, darks.glob(f"*_{kind}.fits"))) for kind in ("rateints", "jump", "fitopt")]
bad_pixels(
    dark_slope_files=kinds[0], dark_jump_files=kinds[1], dark_fitopt_files=kinds[2],
    output_file=sys.argv[2], useafter="2022-01-01T00:00:00",
)
"""
# What a plain read of the same bytes takes: files in 1 MB parts, one thread for each core.
READER = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

def read(path):
    buffer = bytearray(1 << 20)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass

with ThreadPoolExecutor(os.cpu_count()) as threads:
    list(threads.map(read, sorted(Path(sys.argv[1]).glob("*.fits"))))
"""


def row(what: str, taken: Taken, anchor: Taken) -> None:
    """Print one line of the table."""
    cores = taken.processor / taken.wall
    print(
        f"| {what} | {taken.wall:.1f} | {anchor.wall / taken.wall:.2f} | {taken.processor:.1f} | {cores:.2f} "
        f"| {taken.megabytes:.0f} |",
        flush=True,
    )


def split(what: str, taken: Taken) -> None:
    """Print the processes and the stages of a command."""
    print(f"\n{what}: {taken.wall:.1f} s\n")
    print_profile(taken.processes)


def measure(delivery: Path, folder: Path, compiled: Path, frame: int, several: list[int]) -> None:
    """Print the tables."""
    read_once(delivery)
    python = [sys.executable, "-m", "darkmask"]
    print("| command | wall s | times jwst_reffiles | processor s | cores | peak MB |\n|---|---|---|---|---|---|")
    anchor = run([sys.executable, "-c", ANCHOR, str(delivery), str(folder / "anchor.fits")], folder, compiled)
    row("`bad_pixels()` of jwst_reffiles", anchor, anchor)
    splits: list[tuple[str, Taken]] = []
    for search, options in SEARCH.items():
        cache = fresh(compiled, folder)
        for time_of in ("first", "again"):
            out = folder / f"{search}-{time_of}"
            command = [*python, "search", str(delivery), str(out), "--frame", str(frame), *options]
            taken = run(command, folder, cache)
            row(f"`darkmask search`, {search}, {time_of}", taken, anchor)
            splits.append((f"`darkmask search`, {search}, {time_of}", taken))
        if search == "flight":
            maps = measured_alone(delivery, folder, cache, frame)
        shutil.rmtree(cache)
    reader = run([sys.executable, "-c", READER, str(delivery)], folder, compiled)
    row("a plain read of the same bytes", reader, anchor)
    options = criteria_file(folder, frame)
    for number in several:
        detectors = (SOURCE, *(name for name in DETECTORS if name != SOURCE))[:number]
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            darks = delivery if number == 1 else under_other_names(delivery, Path(temporary) / "darks", detectors)
            reports = Path(temporary) / "reports"
            read_once(darks)
            cache = fresh(compiled, folder)
            for time_of in ("first", "again"):
                taken = judged(checks(darks, detectors, reports, options), reports, number, folder, cache)
                row(f"`pytest checks/ -n 2`, {number} detectors, {time_of}", taken, anchor)
                splits.append((f"`pytest checks/ -n 2`, {number} detectors, {time_of}", taken))
            shutil.rmtree(cache)
    print(f"\nmaps of ramps alone: {maps:.2f} s, {maps / reader.wall:.2f} times a plain read")
    for what, taken in splits:
        split(what, taken)


def measured_alone(delivery: Path, folder: Path, cache: Path, frame: int) -> float:
    """Return the seconds in which a search of files that were hashed before measures all ramps, nothing beside it."""
    # One pixel flagged by hand makes it another mask of the same files.
    flags = folder / "flags.csv"
    flags.write_text(f"detector,x,y,mnemonics\n{SOURCE},20,20,OTHER_BAD_PIXEL\n")
    command = [sys.executable, "-m", "darkmask", "search", str(delivery), str(folder / "maps"), "--frame", str(frame)]
    return run([*command, "--manual-flags", str(flags)], folder, cache).stages["measure ramps"][0]


def grow(delivery: Path, folder: Path, compiled: Path, frame: int) -> None:
    """Print what the tenth exposure costs, beside ten that nobody saw before."""
    options = criteria_file(folder, frame)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        darks, later, reports = (Path(temporary) / name for name in ("darks", "later", "reports"))
        resize(delivery, darks, 10, 1, 20)
        later.mkdir()
        read_once(darks)

        def asked(cache: Path) -> Taken:
            # A folder of reports that is there would be compared with its earlier run.
            shutil.rmtree(reports, ignore_errors=True)
            return judged(checks(darks, (SOURCE,), reports, options), reports, 1, folder, cache)

        print("\n| `pytest checks/ -n 2` | wall s | processor s |\n|---|---|---|")
        first = asked(fresh(compiled, Path(temporary)))
        print(f"| ten exposures | {first.wall:.1f} | {first.processor:.1f} |", flush=True)
        cache = fresh(compiled, Path(temporary))
        tenth = sorted(darks.glob("*_00010_*.fits"))
        for path in tenth:
            path.rename(later / path.name)
        asked(cache)
        for path in tenth:
            (later / path.name).rename(path)
        more = asked(cache)
        shares = more.wall / first.wall, more.processor / first.processor
        print(f"| the tenth, when nine were judged before | {more.wall:.1f} | {more.processor:.1f} |")
        print(f"| share | {shares[0]:.2f} | {shares[1]:.2f} |", flush=True)
        split("ten exposures", first)
        split("the tenth", more)


def families(delivery: Path, folder: Path, compiled: Path, frame: int, times: int) -> None:
    """Print what residuals, halves and the release add to the wait for all checks of a detector, in turn."""
    options = criteria_file(folder, frame)
    without = [f"--ignore={ROOT / 'checks' / f'test_{name}.py'}" for name in ("residuals", "stability", "engines")]
    print("\n| `pytest checks/ -n 2` | wall s | processor s |\n|---|---|---|")
    apart = []
    for _ in range(times):
        taken = []
        for what, fewer in (("all families", []), ("without RES, STB and ENG", without)):
            reports, cache = Path(tempfile.mkdtemp(dir=folder)), fresh(compiled, folder)
            taken.append(judged([*checks(delivery, (SOURCE,), reports, options), *fewer], reports, 1, folder, cache))
            print(f"| {what} | {taken[-1].wall:.1f} | {taken[-1].processor:.1f} |", flush=True)
            shutil.rmtree(cache)
        apart.append([taken[0].wall - taken[1].wall, taken[0].processor - taken[1].processor])
    wall, processor = (statistics.median(values) for values in zip(*apart, strict=True))
    print(f"| they add, median of {times} | {wall:.1f} | {processor:.1f} |", flush=True)


def floor(folder: Path, compiled: Path) -> None:
    """Print what all checks take of a detector of 64x64 pixels: the processes, and hardly a pixel."""
    tiny, reports = folder / "tiny", folder / "floor"
    print("\n| `pytest checks/ -n 2` of 64x64 pixels | wall s | processor s |\n|---|---|---|")
    cache = fresh(compiled, folder)
    for time_of in ("first", "again"):
        command = checks(tiny, (SOURCE,), reports, [f"--criteria={folder / 'tiny.toml'}"])
        taken = judged(command, reports, 1, folder, cache)
        print(f"| {time_of} | {taken.wall:.1f} | {taken.processor:.1f} |", flush=True)
        split(f"64x64 pixels, {time_of}", taken)


def scale(delivery: Path, folder: Path, compiled: Path, frame: int) -> None:
    """Print what a search takes for other numbers of exposures, integrations and groups, made of the same ramps."""
    print("\n| exposures x integrations x groups | GB | wall s | processor s | peak MB |\n|---|---|---|---|---|")
    for exposures, integrations, groups in ((5, 1, 20), (5, 1, 60), (5, 1, 150), (5, 2, 20), (5, 4, 20), (10, 1, 20)):
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            resized = Path(temporary) / "delivery"
            resize(delivery, resized, exposures, integrations, groups)
            read_once(resized)
            size = sum(path.stat().st_size for path in resized.glob("*.fits"))
            command = [
                sys.executable,
                "-m",
                "darkmask",
                "search",
                str(resized),
                f"{temporary}/out",
                "--frame",
                str(frame),
            ]
            taken = run(command, folder, fresh(compiled, Path(temporary)))
        numbers = f"{taken.wall:.1f} | {taken.processor:.1f} | {taken.megabytes:.0f}"
        print(f"| {exposures} x {integrations} x {groups} | {size / 1e9:.1f} | {numbers} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delivery", type=Path, help=f"a delivery of {SOURCE} alone, full frames")
    parser.add_argument("--frame", type=int, default=2048, help="pixels along a side (default 2048)")
    parser.add_argument("--groups", type=int, default=40, help="groups of what is simulated (default 40)")
    parser.add_argument("--detectors", default="1,2", help="numbers of detectors to judge (default 1,2)")
    parser.add_argument("--scaling", action="store_true", help="also other numbers of groups and exposures")
    parser.add_argument("--growing", action="store_true", help="also one exposure more of ten")
    parser.add_argument("--floor", action="store_true", help="also the checks of hardly a pixel: what processes take")
    parser.add_argument(
        "--families", type=int, metavar="N", help="also what residuals, halves and the release add, N times"
    )
    parser.add_argument("--folder", type=Path, help="where to put what is made, and removed at the end")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as temporary:
        delivery = chosen.delivery or simulate(Path(temporary), chosen.frame, chosen.groups)
        size = sum(path.stat().st_size for path in delivery.glob("*.fits"))
        about = {"machine": platform.machine(), "cores": os.cpu_count(), "Python": platform.python_version()}
        print(f"{json.dumps(about)}, {size / 1e9:.1f} GB of darks\n", flush=True)
        folder, numbers = Path(temporary), [int(n) for n in chosen.detectors.split(",")]
        compiled = compiled_cache(folder)
        measure(delivery.resolve(), folder, compiled, chosen.frame, numbers)
        if chosen.growing:
            grow(delivery.resolve(), folder, compiled, chosen.frame)
        if chosen.families:
            families(delivery.resolve(), folder, compiled, chosen.frame, chosen.families)
        if chosen.floor:
            floor(folder, compiled)
        if chosen.scaling:
            scale(delivery, folder, compiled, chosen.frame)


if __name__ == "__main__":
    main()
