"""A delivery, or a detector, that is not there is a failure and never an empty pass."""

from .planting import Workspace


def test_a_detector_that_is_not_there(run_checks, small, good_masks, tmp_path):
    space = Workspace(small, good_masks, tmp_path)
    for path in space.delivery.glob("*_nrca1_*"):
        path.unlink()
    run = run_checks(f"--delivery={space.delivery}", f"--criteria={small.criteria}", f"--base={small.base}", expect=1)
    outcomes = {key[0]: c["outcome"] for key, c in run.checks.items() if key[1] == "NRCA1"}
    assert outcomes["DLV-EXPOSURES"] == "fail"
    assert outcomes["CNT-HOT"] == outcomes["DQ-BITS"] == outcomes["BAS-KEPT"] == "not_evaluated"
    assert "holds no whole full-frame exposure of NRCA1" in run.checks["CNT-HOT", "NRCA1", "FULL"]["message"]
    assert {key for key in run.failed() if key[1] != "NRCA1"} == set()


def test_a_delivery_that_holds_nothing(run_checks, small, tmp_path):
    folder = tmp_path / "nothing"
    folder.mkdir()
    run = run_checks(f"--delivery={folder}", f"--criteria={small.criteria}", expect=1)
    assert run.results["verdict"] == "fail"
    assert not {c["outcome"] for c in run.results["checks"]} & {"pass", "error"}
    said = run.checks["DLV-FILES", "NRCA1", "FULL"]["message"]
    assert "holds no _jump, _fitopt and _rate files" in said
