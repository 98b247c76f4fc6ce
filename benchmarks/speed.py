"""Measure time and memory of the searches, side by side with jwst_reffiles, in one run on one delivery.

    python benchmarks/speed.py [--delivery DIR] [--scaling] [--folder DIR]

Without --delivery, a full frame of 5 exposures x 2 integrations x 60 groups is simulated first (some 15 minutes and 14
GB, in --folder or the system's temporary folder, and removed at the end). Each search runs in a process of its own on
files that the system has already read once, with kernels that an earlier run compiled. Memory is anonymous memory
(RssAnon: pages of a mapped file do not count) of the process and all its children, sampled every 10 ms.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENGINES = ("flight", "official", "jwst_reffiles")
# A plain read takes this many bytes at once.
READ_BYTES = 1 << 20


def run_child(mode: str, delivery: Path, times: int) -> None:
    """Search, or read, a delivery in this process and print what it took as JSON."""
    begun = time.perf_counter()
    if mode == "read":
        print(json.dumps({"seconds": [read_plainly(delivery) for _ in range(times)], "import": 0.0}))
        return
    from darkmask.core.detectors import Geometry
    from darkmask.delivery import scan
    from darkmask.search.engines import search_set
    from darkmask.search.official.reading import official_categories
    from darkmask.search.parameters import SearchParameters
    from darkmask.search.reffiles.darks import Triplet, search_reffiles
    from darkmask.search.request import SetRequest

    imported = time.perf_counter() - begun
    index = scan(delivery)
    exposures = index.main_set(index.detectors[0], "FULL")
    request = SetRequest(exposures, delivery, "native", mode, SearchParameters(), Geometry(exposures[0].jump.shape[2]))

    def search_published(request: SetRequest) -> None:
        triplets = [Triplet(*(delivery / record.path for record in exposure.files)) for exposure in request.exposures]
        search_reffiles(triplets, request.parameters, detector=request.detector, subarray="FULL")

    search = {"flight": search_set, "official": official_categories, "jwst_reffiles": search_published}[mode]
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        search(request)
        taken.append(time.perf_counter() - begun)
    print(json.dumps({"seconds": taken, "import": imported}))


def read_plainly(delivery: Path) -> float:
    """Return the seconds to read the files of a delivery from end to end."""
    buffer = bytearray(READ_BYTES)
    begun = time.perf_counter()
    for path in needed(delivery):
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
    return time.perf_counter() - begun


def needed(delivery: Path) -> list[Path]:
    """Return the files that a search reads."""
    return sorted(p for kind in ("jump", "fitopt", "rateints") for p in delivery.glob(f"*_{kind}.fits"))


def measure(mode: str, delivery: Path, times: int = 3) -> dict:
    """Run a child, and return its best time (s), import time (s) and peak anonymous memory (MB)."""
    command = [sys.executable, __file__, "--child", mode, "--times", str(times), "--delivery", str(delivery)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    peak = 0
    while process.poll() is None:
        peak = max(peak, anonymous(process.pid))
        time.sleep(0.01)
    out = process.stdout.read()
    process.stdout.close()
    if process.returncode:
        raise SystemExit(f"{mode} ended with exit code {process.returncode}.")
    result = json.loads(out.splitlines()[-1])
    return {"seconds": min(result["seconds"]), "import": result["import"], "megabytes": peak / 1e6}


def anonymous(pid: int) -> int:
    """Return the bytes of anonymous memory of a process and all below it."""
    total = 0
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                total += int(line.split()[1]) * 1024
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            total += sum(anonymous(int(child)) for child in children.read_text().split())
    except OSError:  # the process has just ended
        pass
    return total


def compare(delivery: Path) -> None:
    """Print the first table: every engine and a plain read on the same delivery."""
    size = sum(path.stat().st_size for path in needed(delivery))
    first = {mode: measure(mode, delivery, 1) for mode in ("read", "flight", "official")}
    rows = {mode: measure(mode, delivery, 2 if mode == "jwst_reffiles" else 3) for mode in ("read", *ENGINES)}
    reference, read = rows["jwst_reffiles"], rows["read"]
    print(f"{size / 1e9:.1f} GB in the files that a search reads\n")
    print("| | seconds | times faster | of a plain read | peak MB | import s | first time ever s |")
    print("|---|---|---|---|---|---|---|")
    for mode, row in rows.items():
        faster = reference["seconds"] / row["seconds"]
        compiled = f"{first[mode]['seconds']:.1f}" if mode in first and mode != "read" else ""
        print(
            f"| {mode} | {row['seconds']:.2f} | {faster:.1f} | {row['seconds'] / read['seconds']:.2f} "
            f"| {row['megabytes']:.0f} | {row['import']:.2f} | {compiled} |"
        )


def scale(delivery: Path, folder: Path) -> None:
    """Print the second table: deliveries of other sizes, put together from the ramps of this one."""
    from resize import resize

    print("\n| exposures x integrations x groups | GB | flight s | MB | official s | MB | plain read s |")
    print("|---|---|---|---|---|---|---|")
    for exposures, integrations, groups in ((5, 1, 20), (5, 1, 60), (5, 1, 150), (5, 2, 20), (5, 4, 20), (10, 1, 20)):
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            resized = Path(temporary) / "delivery"
            resize(delivery, resized, exposures, integrations, groups)
            size = sum(path.stat().st_size for path in needed(resized))
            cells = {mode: measure(mode, resized, 2) for mode in ("read", "flight", "official")}
        numbers = " | ".join(
            f"{cells[mode]['seconds']:.2f} | {cells[mode]['megabytes']:.0f}" for mode in ("flight", "official")
        )
        print(
            f"| {exposures} x {integrations} x {groups} | {size / 1e9:.1f} | {numbers} "
            f"| {cells['read']['seconds']:.2f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delivery", type=Path, help="a delivery of one detector to measure on")
    parser.add_argument("--scaling", action="store_true", help="also measure other numbers of groups and exposures")
    parser.add_argument("--folder", type=Path, help="where to put what is simulated")
    parser.add_argument("--child", choices=("read", *ENGINES), help=argparse.SUPPRESS)
    parser.add_argument("--times", type=int, default=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        run_child(chosen.child, chosen.delivery, chosen.times)
        return
    with tempfile.TemporaryDirectory(dir=chosen.folder) as temporary:
        delivery = chosen.delivery
        if delivery is None:
            from darkmask.simulate import SimulationSpec, simulate_delivery

            delivery = Path(temporary) / "delivery"
            spec = SimulationSpec(
                seed=11, frame=2048, detectors=("NRCB1",), subarrays=(), exposures=5, integrations=2, groups=60
            )
            simulate_delivery(delivery, spec)
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
        compare(delivery)
        if chosen.scaling:
            scale(delivery, Path(temporary))


if __name__ == "__main__":
    main()
