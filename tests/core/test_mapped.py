"""Pages of mapped files do not count as memory of a process that is held to a limit."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from darkmask.core.mapped import forget_pages, mapped_array, resident

MEGABYTE = 1 << 20
_READ = """
import sys, time
from pathlib import Path
from darkmask.core.mapped import keep_resident_below, mapped_array, resident
kept, path, size = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
before = resident()[0]
if kept:
    keep_resident_below(before + kept)
array, most, total = mapped_array(path, "u1", 0, (size,)), 0, 0
for start in range(0, size, 1 << 20):
    total += int(array[start : start + (1 << 20)].sum())
    most = max(most, resident()[0] - before)
    time.sleep(0.005)
print(most, total)
"""

pytestmark = pytest.mark.skipif(resident() is None, reason="this system does not tell how large a process is")


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("mapped") / "array"
    np.full(256 * MEGABYTE, 3, np.uint8).tofile(path)
    yield path
    path.unlink()


def test_forgotten_pages_come_back(file):
    array = mapped_array(file, "u1", 0, (256 * MEGABYTE,))
    assert array.max() == 3
    before = resident()[1]
    forget_pages()
    assert before - resident()[1] > 200 * MEGABYTE
    assert array.min() == 3


@pytest.mark.parametrize("kept", [0, 64 * MEGABYTE])
def test_a_process_with_a_limit_stays_below_it(file, kept):
    words = [sys.executable, "-c", _READ, str(kept), str(file), str(256 * MEGABYTE)]
    ended = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    most, total = map(int, ended.stdout.split())
    assert total == 3 * 256 * MEGABYTE
    # Between two looks at its size some more are read.
    assert most < 160 * MEGABYTE if kept else most > 240 * MEGABYTE
