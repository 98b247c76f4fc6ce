"""Simulated raw darks, and the command that makes triplets of them."""

import subprocess
import sys
from pathlib import Path

from darkmask.core.window import Window
from darkmask.simulate import DemoPaths, SimulationSpec, Subarray
from tests.support.few_pixels import criteria

RAW = SimulationSpec(
    frame=128,
    detectors=("NRCBLONG",),
    subarrays=(Subarray("NRCBLONG", "SUB64P", Window(33, 33, 64, 64)),),
    exposures=5,
    groups=16,
    raw=True,
)
CRITERIA = criteria("prepared", RAW.frame, RAW.detectors, [("NRCBLONG", "SUB64P")])


def references(raw: DemoPaths) -> Path:
    return raw.delivery.with_name(raw.delivery.name + ".references")


def run_prepare(raw: DemoPaths, out: Path, *more: str, folder: Path | None = None) -> subprocess.CompletedProcess:
    """Run the command in a process of its own, since its workers are spawned."""
    command = [sys.executable, "-W", "error", "-m", "darkmask", "prepare", folder or raw.delivery, out]
    command += ["--references", references(raw), "--frame", "128", *more]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300, check=False)
