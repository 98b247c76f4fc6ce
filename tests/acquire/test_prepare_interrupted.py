"""``prepare`` that is stopped half way leaves nothing half made, and a second run goes on."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from darkmask.delivery import scan
from tests.support.deliveries import linked
from tests.support.raw_darks import references, run_prepare


@pytest.fixture
def some(raw, tmp_path) -> Path:
    """Make a folder of three exposures."""
    return linked(raw.delivery.glob("jw01062001*_0000[123]_*"), tmp_path / "some")


@pytest.fixture
def running(raw, some, tmp_path):
    """Start a prepare in a process group of its own, whose first exposure is in work."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "darkmask", "prepare", some, out, "--frame", "128", "--jobs", "1"]
    process = subprocess.Popen(
        [*map(str, command), "--references", str(references(raw))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell's background job ignores interruptions, and so does what it starts.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not list(out.glob(".part-prepare-*")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield process, out
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def workers(process: subprocess.Popen) -> list[int]:
    """Return the processes that work on exposures."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.mark.slow
def test_an_interruption_finishes_what_is_begun(running):
    process, out = running
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted; what has its final name is whole" in said
    assert "Traceback" not in said
    assert not list(out.glob(".part-*"))
    index = scan(out)
    assert not index.problems
    assert len(index.exposures) < 3
    assert (out / "prepared" / "jw01062001001_02101_00001_nrcblong.json").exists()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find the worker")
def test_a_killed_worker_is_said(running, raw, some):
    process, out = running
    (worker,) = workers(process)
    os.kill(worker, signal.SIGKILL)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "a process died while exposures were processed" in said
    assert "--jobs 1; what is finished is kept" in said
    assert "Traceback" not in said
    assert not list(out.glob("*.fits"))

    ended = run_prepare(raw, out, folder=some)
    assert ended.returncode == 0, ended.stderr
    assert len(scan(out).exposures) == 3
    assert not list(out.glob(".part-*"))
