"""How fast files behind an address are copied, beside what fsspec alone gets from the same server.

    PYTHONPATH=. python benchmarks/elsewhere.py [--megabytes 512] [--latency 0.05] [--folder /dev/shm]

A web server in a process of its own serves one file from memory. Each way of reading is a process of its own, in turn,
three times: ``fsspec`` asks for all ranges with ``cat_ranges`` and keeps them in memory, ``fsspec16`` for 16 at a time,
as we do; ``read`` asks for the same ranges as a copy does and drops them; ``copy`` makes the local copy that a search
reads, which the disk takes meanwhile; ``disk`` writes as many bytes there and waits for it. Printed are the medians,
ratios, and what each process needed of memory.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

WAYS = ("fsspec", "fsspec16", "read", "copy", "disk")
_READ = """
import json, os, resource, sys, time
way, address, name, size = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
import fsspec, aiohttp, numpy
from concurrent.futures import ThreadPoolExecutor
from darkmask.core.cache_folder import cache_root
from darkmask.core.remote import brought, open_place
from darkmask.core.remote.copies import IN_FLIGHT, PIECE
from darkmask.core.remote.server import Server
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if way == "copy":
    place = open_place(address)
    begun = time.perf_counter()
    brought(place / name)
elif way == "read":
    server = Server(address)
    server.version(name)
    begun = time.perf_counter()
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        whole = sum(pool.map(lambda s: len(server.read(name, s, min(s + PIECE, size))), range(0, size, PIECE)))
    assert whole == size
elif way == "disk":
    content, path = numpy.random.bytes(PIECE), cache_root() / "written"
    begun = time.perf_counter()
    with path.open("wb") as file:
        for _ in range(0, size, PIECE):
            file.write(content)
        file.flush()
        os.fsync(file.fileno())
else:
    system = fsspec.filesystem("http")
    starts = list(range(0, size, PIECE))
    begun = time.perf_counter()
    stops = [min(s + PIECE, size) for s in starts]
    batch = {"batch_size": 16} if way == "fsspec16" else {}
    pieces = system.cat_ranges([f"{address}/{name}"] * len(starts), starts, stops, **batch)
    assert sum(map(len, pieces)) == size
seconds = time.perf_counter() - begun
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": seconds, "memory": (after - before) / 1024}))
"""
_SERVE = """
import sys, time
from pathlib import Path
from tests.support.folder_server import FolderServer
held = FolderServer(Path(sys.argv[1]))
held.latency = float(sys.argv[2])
print(held.address, flush=True)
time.sleep(3600)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--folder", type=Path, help="where files and copies lie: in memory no disk is waited for")
    chosen = parser.parse_args()
    size = chosen.megabytes << 20
    with tempfile.TemporaryDirectory(dir=chosen.folder) as temporary:
        folder = Path(temporary) / "darks"
        folder.mkdir()
        with (folder / "a_jump.fits").open("wb") as file:
            for _ in range(chosen.megabytes):
                # Piece by piece: a child inherits what its parent once needed of memory.
                file.write(os.urandom(1 << 20))
        server = subprocess.Popen(
            [sys.executable, "-c", _SERVE, temporary, str(chosen.latency)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout is not None
            address = f"{server.stdout.readline().strip()}/darks"
            taken: dict[str, list[dict]] = {way: [] for way in WAYS}
            for turn in range(3):
                for way, measured in taken.items():
                    environment = {**os.environ, "XDG_CACHE_HOME": f"{temporary}/cache-{turn}"}
                    command = [sys.executable, "-c", _READ, way, address, "a_jump.fits", str(size)]
                    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
                    measured.append(json.loads(said.stdout))
        finally:
            server.kill()
            server.wait()
    seconds = {way: statistics.median(one["seconds"] for one in measured) for way, measured in taken.items()}
    for way, measured in taken.items():
        memory = max(one["memory"] for one in measured)
        print(f"{way:8} {seconds[way]:6.2f} s  {size / seconds[way] / 1e6:6.0f} MB/s  {memory:6.0f} MiB more memory")
    best = min(seconds["fsspec"], seconds["fsspec16"])
    print(f"read: {best / seconds['read']:.2f} of what fsspec's cat_ranges gets at its best")
    print(f"copy: {best / seconds['copy']:.2f} of that, and {seconds['disk'] / seconds['copy']:.2f} of the disk")


if __name__ == "__main__":
    main()
