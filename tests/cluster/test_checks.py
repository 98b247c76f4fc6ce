"""``pytest checks/ --scheduler``: workers fill the cache, and the report is the one of a run that did without."""

import json

import pytest

from tests.support.disturbed_runs import KERNELS, without_times


def entries(cache) -> dict[str, list[str]]:
    families = ("masks", "injections", "stability", "residuals", "agreements")
    return {name: sorted(p.name for p in (cache / "darkmask" / name).glob("*") if p.is_dir()) for name in families}


@pytest.mark.slow
def test_the_report_is_that_of_a_run_without(undisturbed, run_checks, tmp_path, two_workers):
    cache = tmp_path / "cache"
    own = {"XDG_CACHE_HOME": str(cache), "NUMBA_CACHE_DIR": str(KERNELS)}
    stages = tmp_path / "stages"
    ended = run_checks(
        *undisturbed.options,
        f"--scheduler={two_workers.file}",
        expect=0,
        environment={**own, "DARKMASK_STAGES": str(stages)},
        pictures=True,
    )
    assert f"note: the workers of --scheduler={two_workers.file} made 5 masks and measurements." in ended.output
    assert without_times(ended.folder) == undisturbed.results
    for kind in ("masks", "catalogues"):
        names = sorted(path.name for path in (undisturbed.folder / kind).iterdir())
        assert sorted(path.name for path in (ended.folder / kind).iterdir()) == names
        for name in names:
            assert (ended.folder / kind / name).read_bytes() == (undisturbed.folder / kind / name).read_bytes()
    assert entries(cache) == entries(undisturbed.cache)
    # Whoever asked made none of it.
    done = {json.loads(line)["stage"] for line in stages.read_text().splitlines()}
    assert not done & {"mask file", "halves", "residuals"}, done


@pytest.mark.slow
def test_what_is_selected_asks_for_masks_alone(small, run_checks, tmp_path, two_workers):
    own = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "NUMBA_CACHE_DIR": str(KERNELS)}
    options = (f"--delivery={small.delivery}", f"--criteria={small.criteria}", f"--scheduler={two_workers.file}")
    ended = run_checks(*options, "-k", "CNT-HOT", environment=own)
    assert "made 2 masks and measurements." in ended.output
    assert {key[1] for key, check in ended.checks.items() if check["outcome"] == "pass"} == {"NRCA1", "NRCBLONG"}
    again = run_checks(*options, "-k", "CNT-HOT", environment=own)
    assert "made 0 masks and measurements." in again.output


@pytest.mark.parametrize(
    ("scheduler", "says"),
    [
        ("tcp://10.0.0.1:8786", "over a network without encryption"),
        ("nowhere.json", "--scheduler=nowhere.json cannot be read (there is no such file)"),
        ("tls://127.0.0.1:8786", "no certificates are configured"),
    ],
)
def test_a_scheduler_that_cannot_be_used_ends_the_run(small, run_checks, tmp_path, scheduler, says):
    options = (f"--delivery={small.delivery}", f"--criteria={small.criteria}", "--detectors=NRCA1")
    ended = run_checks(*options, f"--scheduler={scheduler}", expect=4)
    (line,) = (line for line in ended.output.splitlines() if line.startswith("ERROR"))
    assert says in line
    assert "Traceback" not in ended.output
    assert not ended.reports.exists()


def test_a_detector_that_is_missing_is_told_by_its_checks(small, run_checks, tmp_path, two_workers):
    """What cannot be made ahead is left to the check that asks for it."""
    own = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "NUMBA_CACHE_DIR": str(KERNELS)}
    criteria = small.criteria_with(tmp_path / "more.toml", '[plan]\ndetectors = ["NRCA1", "NRCB1"]\nsubarrays = []\n')
    options = (f"--delivery={small.delivery}", f"--criteria={criteria}", f"--scheduler={two_workers.file}")
    ended = run_checks(*options, "-k", "CNT-HOT", expect=1, environment=own)
    assert "made 1 masks and measurements." in ended.output
    assert ended.checks["CNT-HOT", "NRCA1", "FULL"]["outcome"] == "pass"
    assert "holds no whole full-frame exposure of NRCB1" in ended.checks["CNT-HOT", "NRCB1", "FULL"]["message"]
