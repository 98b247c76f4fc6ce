"""Runs that are disturbed: how tests/test_running_faults_*.py start, end and look at them."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from platformdirs import user_cache_dir

from darkmask.core.cache import is_whole

from .project import ROOT

# Every other run of these sources shares the compiled kernels: compiling takes half a minute, and only one test here
# asks about it.
KERNELS = user_cache_dir("darkmask")
# In seconds; no run here takes longer, even on a busy machine.
PATIENCE = 240


@dataclass(frozen=True)
class Undisturbed:
    """A run of one detector that nothing disturbed, and the cache that it filled."""

    options: tuple[str, ...]
    cache: Path
    folder: Path

    @property
    def results(self) -> dict:
        return without_times(self.folder)

    def copied_cache(self, target: Path) -> Path:
        """Return a cache of one's own, filled as this run left it."""
        return Path(shutil.copytree(self.cache, target))


def checks_command(reports: Path, *options: str) -> list[str]:
    """Return ``pytest checks/`` as a user would type it."""
    settings = str(ROOT / "pytest.ini")
    return [sys.executable, "-m", "pytest", "-c", settings, "checks/", "-q", f"--reports={reports}", *options]


def environment(cache: Path, **more: str) -> dict[str, str]:
    """Return the environment of a child with a cache of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    return {**kept, "NUMBA_CACHE_DIR": str(KERNELS), "XDG_CACHE_HOME": str(cache), **more}


def run(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess:
    """Run to the end, with standard output and error together."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def kill_when(command: list[str], env: dict[str, str], moment: Callable[[], bool]) -> bool:
    """Start a command and kill it with all its processes as soon as something can be seen.

    Parameters
    ----------
    command : list of str
    env : dict
    moment : callable
        Returns whether it can be seen.

    Returns
    -------
    bool
        False when the command ended first.
    """
    child = subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    end = time.monotonic() + PATIENCE
    try:
        while child.poll() is None and not moment():
            assert time.monotonic() < end, "the moment never came"
            time.sleep(0.001)
    finally:
        alive = child.poll() is None
        # The group and not the process: workers and whoever fits ramps die with it.
        if alive:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    return alive


def without_times(folder: Path) -> dict:
    """Return ``results.json`` but for when the run was."""
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return {key: value for key, value in results.items() if key not in ("started", "finished")}


def require_no_false_pass(folder: Path, undisturbed: dict) -> str:
    """Assert that a report folder says "incomplete", or holds exactly what an undisturbed run would have left.

    Returns
    -------
    str
        The verdict; empty where there is none yet.
    """
    if not (folder / "results.json").exists():
        return ""
    results = without_times(folder)
    if results["verdict"] != "incomplete":
        assert results == undisturbed
        require_whole_report(folder)
    return results["verdict"]


def require_whole_report(folder: Path) -> None:
    """Assert that every file that the manifest names is there with its bytes, the page too."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for part in ("masks", "catalogues", "injections"):
        sums = {path.name: sha256(path) for path in (folder / part).iterdir()}
        assert sums == manifest[part]
    assert (folder / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert (folder / "junit.xml").read_text(encoding="utf-8").rstrip().endswith("</testsuites>")


def require_whole_cache(cache: Path) -> None:
    """Assert that every entry under its final name is whole."""
    for kind in ("masks", "injections", "stability"):
        for entry in (cache / "darkmask" / kind).glob("[!.]*"):
            assert entry.suffix == ".lock" or is_whole(entry), entry


def leftovers(folder: Path) -> list[str]:
    """Return what is half made, anywhere below."""
    return sorted(path.name for path in folder.rglob("*.part-*")) + [p.name for p in folder.rglob(".staging")]


def state_of(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Return name, mode, date and SHA-256 of all that lies in a folder."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.stat().st_mtime_ns, sha256(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    } | {".": (folder.stat().st_mode, folder.stat().st_mtime_ns, "")}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def in_own_mounts(*commands: str) -> list[str]:
    """Return a command that runs shell lines where it may mount, without anybody else seeing what.

    Skips the test where the system does not allow that.
    """
    allowed = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    try:
        tried = subprocess.run([*allowed, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
    except OSError:
        pytest.skip("unshare(1) is not installed")
    if tried.returncode:
        pytest.skip("this system lets nobody mount a file system of its own")
    return [*allowed, "sh", "-c", "\n".join(commands)]
