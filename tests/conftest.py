"""Deliveries that several test files work on: simulated once per test run, through the pipeline's real steps."""

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from darkmask.core.cache_folder import cache_root
from darkmask.core.window import Window
from darkmask.simulate import DemoPaths, SimulationSpec, Subarray, simulate_delivery
from tests.support import raw_darks
from tests.support.deliveries import CRITERIA, DETECTORS, Small
from tests.support.disturbed_runs import Undisturbed, checks_command, environment
from tests.support.disturbed_runs import run as run_to_the_end
from tests.support.raw_darks import RAW, run_prepare
from tests.support.runs import WARM, Finished, run_into
from tests.support.tiny_delivery import TINY

# Tests have caches of their own, and so have processes that they start: compiling takes half a minute of each.
os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_root()))

# Every run tries the same examples, so that a test fails by a change and not by chance; `HYPOTHESIS_PROFILE=long` looks
# for new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("long", max_examples=5000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


# Their tests call hardly a compiled kernel.
_WITHOUT_KERNELS = ("core", "masks", "acquire", "delivery")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes less time while nothing else was done.

    The first of two workers begins with those that judge the default demo, which `tox run -e all` has just judged: of
    each kind of entry the cache keeps the newest forty, and other tests make hundreds. The second one begins with tests
    that need no kernels, while the first compiles them for both: each begins with half of the tests (``--dist
    worksteal``), and in a cache that holds none, both would compile the same for a minute and a half.
    """
    folders = [Path(__file__).with_name(name) for name in _WITHOUT_KERNELS]
    first = [item for item in items if item.get_closest_marker("judges_the_demo")]
    without = [item for item in items if any(map(item.path.is_relative_to, folders))]
    chosen, half = {*first, *without}, len(items) // 2
    others = first + [item for item in items if item not in chosen]
    items[:] = others[:half] + without + others[half:]


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Small:
    """Return the small delivery, made by whichever worker comes first."""
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
                    subarrays=(Subarray("NRCBLONG", "SUB64P", Window(33, 33, 64, 64)),),
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
    """Return a whole run of one detector, made by whichever worker comes first."""
    home = small.delivery.parent / "undisturbed"
    options = (f"--delivery={small.delivery}", f"--criteria={small.criteria}", "--detectors=NRCA1")
    made = Undisturbed(options, home / "cache", home / "reports" / "small")
    with FileLock(small.delivery.parent / "undisturbed.lock"):
        if not home.exists():
            ended = run_to_the_end(checks_command(home / "reports", *options), environment(made.cache))
            assert ended.returncode == 0, ended.stdout
    return made


@pytest.fixture(scope="session", autouse=True)
def _warm_runs_end():
    yield
    WARM.close()


@pytest.fixture
def run_checks(tmp_path: Path):
    """Run the checks into a folder of reports that is new each time."""

    def run(*arguments: str | Path, **more) -> Finished:
        shutil.rmtree(tmp_path / "reports", ignore_errors=True)
        return run_into(tmp_path / "reports", *arguments, **more)

    return run


@pytest.fixture(scope="session")
def good_masks(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make good masks as somebody else would deliver them, once, from the small delivery."""
    from darkmask.api.commands import write_search

    folder = tmp_path_factory.mktemp("delivered") / "masks"
    list(write_search(small.delivery, folder, frame=128, base=small.base))
    for path in (*folder.glob("*_categories.fits"), *folder.glob("*_carried.fits")):
        path.unlink()
    return folder


@pytest.fixture(scope="session")
def judged_masks(small: Small, good_masks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report folder of a run on good masks; copy it before changing anything."""
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
    """Return a folder that all workers have in common."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def raw(shared) -> DemoPaths:
    """Make raw exposures of one detector and a subarray of it; reference files lie beside them."""
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
