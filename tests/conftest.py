"""Deliveries that several test files work on: simulated once per test run, through the pipeline's real steps."""

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from darkmask.simulate import DemoPaths, SimulationSpec, Subarray, simulate_delivery
from tests import raw_darks
from tests.faults import Undisturbed, checks_command, environment
from tests.faults import run as run_to_the_end
from tests.raw_darks import RAW, run_prepare
from tests.support.warm import WarmRuns
from tests.tiny_delivery import TINY

ROOT = Path(__file__).resolve().parent.parent

# The same examples in every run, so that a change and not chance makes a test fail; `HYPOTHESIS_PROFILE=long` looks for
# new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("long", max_examples=5000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

DETECTORS = ("NRCA1", "NRCBLONG")

# Mini frames still smaller than the demo's. Everything else is as in demo.toml.
CRITERIA = """
schema = 1
name = "small"
extends = "demo"

[geometry]
frame = 128

[plan]
detectors = ["NRCA1", "NRCBLONG"]
subarrays = [{ detector = "NRCBLONG", name = "SUB64P" }]
"""


@dataclass(frozen=True)
class Small:
    """A delivery of two detectors in frames of 128x128, with a subarray, and what lies beside it."""

    delivery: Path
    criteria: Path

    @property
    def ground(self) -> Path:
        return self.delivery.with_name(self.delivery.name + ".ground")

    @property
    def base(self) -> Path:
        return self.delivery.with_name(self.delivery.name + ".base")

    @property
    def truth(self) -> Path:
        return self.delivery.with_name(self.delivery.name + ".truth")

    def copy(self, folder: Path, name: str = "copy") -> Path:
        """A copy to plant faults in: links to the same bytes, so that a file has to be replaced and not changed."""
        target = folder / name
        target.mkdir()
        for path in self.delivery.iterdir():
            os.link(path, target / path.name)
        return target


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Small:
    """The small delivery, made by whichever worker comes first."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    delivery, criteria = shared / "small", shared / "small.toml"
    with FileLock(shared / "small.lock"):
        if not delivery.exists():
            simulate_delivery(
                delivery,
                SimulationSpec(
                    frame=128,
                    detectors=DETECTORS,
                    subarrays=(Subarray("NRCBLONG", "SUB64P", xstart=33, ystart=33, xsize=64, ysize=64),),
                    exposures=5,
                    integrations=2,
                    groups=16,
                ),
                progress=False,
            )
            criteria.write_text(CRITERIA)
    return Small(delivery, criteria)


@pytest.fixture(scope="session")
def undisturbed(small: Small) -> Undisturbed:
    """A whole run of one detector, made by whichever worker comes first."""
    home = small.delivery.parent / "undisturbed"
    options = (f"--delivery={small.delivery}", f"--criteria={small.criteria}", "--detectors=NRCA1")
    made = Undisturbed(options, home / "cache", home / "reports" / "small")
    with FileLock(small.delivery.parent / "undisturbed.lock"):
        if not home.exists():
            ended = run_to_the_end(checks_command(home / "reports", *options), environment(made.cache))
            assert ended.returncode == 0, ended.stdout
    return made


@dataclass(frozen=True)
class Finished:
    """A child pytest run that has ended."""

    status: int
    output: str
    reports: Path

    @property
    def folder(self) -> Path:
        """The one report folder that it wrote."""
        (folder,) = (path for path in self.reports.iterdir() if path.is_dir())
        return folder

    @property
    def results(self) -> dict:
        return json.loads((self.folder / "results.json").read_text())

    @property
    def manifest(self) -> dict:
        return json.loads((self.folder / "manifest.json").read_text())

    @property
    def checks(self) -> dict[tuple[str, str, str], dict]:
        return {(c["id"], c["detector"], c["subarray"]): c for c in self.results["checks"]}

    def failed(self) -> set[tuple[str, str, str]]:
        """The checks that keep the verdict from being a pass."""
        blocking = {"fail", "error"}
        return {
            key
            for key, check in self.checks.items()
            if check["outcome"] in blocking
            or (
                check["outcome"] == "not_evaluated"
                and check["required"]
                and not check["message"].startswith("not asked")
            )
        }


# One for each worker of a test run: its children take turns.
_WARM = WarmRuns()


@pytest.fixture(scope="session", autouse=True)
def _warm_runs_end():
    yield
    _WARM.close()


def run_into(
    reports: Path, *arguments: str | Path, expect: int | None = None, environment: dict | None = None
) -> Finished:
    """Run ``pytest checks/`` as a user would, in a process of its own."""
    command = ["-c", str(ROOT / "pytest.ini"), "checks/", f"--reports={reports}", *map(str, arguments)]
    env = {k: v for k, v in os.environ.items() if k not in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER")}
    # A cache of its own would search the same files again in every test.
    with tempfile.NamedTemporaryFile(prefix="darkmask-said-") as said:
        status = _WARM.run(command, {**env, **(environment or {})}, Path(said.name))
        output = said.read().decode("utf-8", "replace")
    if expect is not None:
        assert status == expect, output
    return Finished(status, output, reports)


@pytest.fixture
def run_checks(tmp_path: Path):
    """Run the checks into a folder of reports that is new each time."""

    def run(*arguments: str | Path, **more) -> Finished:
        shutil.rmtree(tmp_path / "reports", ignore_errors=True)
        return run_into(tmp_path / "reports", *arguments, **more)

    return run


@pytest.fixture(scope="session")
def good_masks(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good masks, as somebody else would deliver them: made from the small delivery once."""
    from darkmask.api import search_delivery

    folder = tmp_path_factory.mktemp("delivered") / "masks"
    list(search_delivery(small.delivery, folder, frame=128, base=small.base))
    for path in folder.glob("*_categories.fits"):
        path.unlink()
    return folder


@pytest.fixture(scope="session")
def judged_masks(small: Small, good_masks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report folder of a run on good masks. Copy it before changing anything."""
    reports = tmp_path_factory.mktemp("judged") / "reports"
    return run_into(
        reports, f"--masks={good_masks}", f"--base={small.base}", f"--criteria={small.criteria}", expect=0
    ).folder


@pytest.fixture(scope="session")
def tiny_delivery(tmp_path_factory) -> DemoPaths:
    paths = DemoPaths.of(tmp_path_factory.mktemp("simulated") / "tiny")
    simulate_delivery(paths.delivery, TINY, workers=2, progress=False)
    return paths


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers have in common."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def raw(shared) -> DemoPaths:
    """Raw exposures of one detector and a subarray of it; reference files lie beside them."""
    paths = DemoPaths.of(shared / "raw")
    with FileLock(shared / "raw.lock"):
        if not paths.delivery.exists():
            simulate_delivery(paths.delivery, RAW, workers=2, progress=False)
    return paths


@pytest.fixture(scope="session")
def prepared(raw, shared) -> Path:
    out = shared / "prepared"
    with FileLock(shared / "prepared.lock"):
        if not out.exists():
            ended = run_prepare(raw, out, "--jobs", "2")
            assert ended.returncode == 0, ended.stderr
            assert "10 exposures of up to 1 million pixels times groups: 2 at a time take up to 1." in ended.stdout
    return out


@pytest.fixture(scope="session")
def prepared_criteria(shared) -> Path:
    path = shared / "prepared.toml"
    with FileLock(shared / "prepared.lock"):
        path.write_text(raw_darks.CRITERIA)
    return path
