"""Each planted fault fails the checks that it must, of the detectors that it must, and nothing else."""

from dataclasses import replace

import pytest

from .mask_file_faults import ALL_OF_A_MASK
from .planting import Workspace
from .table import FAULTS
from .together import covering, runs_of


@pytest.fixture
def space(small, good_masks, tmp_path, judged_masks) -> Workspace:
    return Workspace(small, good_masks, tmp_path, judged_masks)


RUNS = runs_of(FAULTS)
QUICK = covering(RUNS)
# Half of a run is the detector that must not notice. Checks ask one detector each, so that one run in six of the slow
# ones that can do without it is enough to say so, beside those that cannot.
BESIDE_ANOTHER = sorted(run.name for run in RUNS if not run.needs_another and run.name not in QUICK)[::6]


def asked() -> list:
    """Return every run; those that prove nothing of a criterion that no quick one proves are slow."""
    chosen = []
    for run in RUNS:
        beside = run.needs_another or run.name in BESIDE_ANOTHER
        marks = () if run.name in QUICK else pytest.mark.slow
        chosen.append(pytest.param(replace(run, beside=beside), id=run.name, marks=marks))
    return chosen


@pytest.mark.parametrize("planted", asked())
def test_faults_fail_their_checks_and_no_others(run_checks, space, planted, record_property):
    run = run_checks(*planted.plant(space), environment=space.environment)
    failed = run.failed()
    record_property("fault", planted.name)
    record_property("failed", sorted("-".join(key) for key in failed))
    assert failed == planted.failing
    assert run.status == 1
    for fault in planted.faults:
        messages = [run.checks[key]["message"] for key in fault.failing & failed]
        assert any(fault.said in message for message in messages), (fault.name, messages)
    assert run.results["verdict"] == "fail"
    assert "Traceback" not in (run.folder / "report.html").read_text()


def test_what_no_fault_was_planted_in_passes(run_checks, small, space):
    """Otherwise a fault could hide behind what fails anyhow."""
    run = run_checks(
        f"--masks={space.masks}", f"--criteria={small.criteria}", f"--base={small.base}", expect=0, pictures=True
    )
    passed = {key[0] for key, check in run.checks.items() if check["outcome"] == "pass"}
    assert passed == {*ALL_OF_A_MASK, "DQ-OWN", "BAS-HEADER", "BAS-FLAGGED", "BAS-OWN"}
    assert "no delivery was given" in run.checks["DLV-FILES", "NRCA1", "FULL"]["message"]
    space.criteria.write_text(space.criteria.read_text() + "compare_engines = true\n")
    run_checks(f"--masks={space.masks}", f"--ground={space.ground}", f"--criteria={space.criteria}", expect=0)
    run = run_checks(
        *(f"--delivery={space.delivery}", f"--criteria={space.criteria}"),
        *(f"--base={small.base}", f"--ground={small.ground}"),
        expect=0,
        pictures=True,
    )
    idle = {key[0] for key, check in run.checks.items() if check["outcome"] != "pass"}
    # So short a delivery cannot tell some things, nor can so few new pixels, and none of them is required. The delivery
    # holds no raw exposures, there was no delivery before, no archive listed what was observed, and neither masks nor
    # pixels flagged by hand were given.
    never = {
        "BAS-DEAD",
        "CNT-HEALED",
        "BAS-REGISTRATION",
        "BAS-RETAINED",
        "DLV-LISTED",
        "DQ-OWN",
        "RES-CAUGHT",
        "RES-CAUGHT_NOISY",
        "RES-CAUGHT_STEADY",
        "RES-CONFIRMED",
        "RES-CONFIRMED_DARK",
        "RES-CONFIRMED_NOISY",
        "RES-CONFIRMED_WARM",
        "RES-DEAD",
        "RES-MANUAL",
        "RES-REASON",
        "SBI-SCATTER",
        "SBI-UNRELIABLE",
        "SBI-IN_FORCE",
        "TRD-COUNT",
        "TRD-APPEARED",
        "TRD-DISAPPEARED",
        "TRD-HOT",
        "TRD-KEPT",
    }
    # A subarray that is read in no time has no hits, and few bright pixels.
    of_subarrays = {"DLV-ALIGNED", "DLV-BRIGHT", "DLV-JUMPS"}
    assert idle == {"INJ-WARM", "DRK-BORDER", "DRK-CURRENT", "DRK-SHOT", "GND-CLUSTERED"} | never | of_subarrays
