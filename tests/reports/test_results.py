"""What is read of a ``results.json``, also of one from an earlier version."""

import json

import pytest

from darkmask.reports.results import RecordedCheck, ResultsError, read_results


@pytest.mark.parametrize(
    ("recorded", "failed"),
    [
        ({"outcome": "pass", "blocking": False}, False),
        ({"outcome": "fail", "blocking": True}, True),
        ({"outcome": "not_evaluated", "blocking": True}, True),
        ({"outcome": "not_evaluated", "blocking": False}, False),
        # Nobody gets a pass by editing the field alone.
        ({"outcome": "error", "blocking": False}, True),
        # Files of versions that did not write the field say it in the message.
        ({"outcome": "fail"}, True),
        ({"outcome": "waived"}, False),
        ({"outcome": "not_evaluated", "message": "not evaluated: the file is cut"}, True),
        ({"outcome": "not_evaluated", "message": "not evaluated: the file is cut", "required": False}, False),
        ({"outcome": "not_evaluated", "message": "not asked: no ground masks were given"}, False),
    ],
)
def test_what_keeps_a_verdict_from_being_a_pass(recorded, failed):
    place = {"id": "CNT-HOT", "detector": "NRCA1", "subarray": "FULL", "required": True, "message": "a sentence"}
    value = {"measured": None, "unit": "pixels", "low": None, "high": 1.0}
    assert RecordedCheck.model_validate({**place, **value, **recorded}).failed is failed


@pytest.mark.parametrize(
    ("measured", "low", "high", "outcome", "contradicts"),
    [
        (2.0, None, 1.0, "pass", True),
        (0.0, 0.5, 1.0, "pass", True),
        (1.0, 0.5, 1.0, "pass", False),
        (None, 0.5, 1.0, "pass", False),
        (2.0, None, 1.0, "fail", False),
        (2.0, None, 1.0, "waived", False),
    ],
)
def test_a_pass_outside_its_bounds_is_none(measured, low, high, outcome, contradicts):
    """Somebody wrote a pass where a fail stood, and left the number."""
    place = {"id": "CNT-HOT", "detector": "NRCA1", "subarray": "FULL", "required": True, "message": "a sentence"}
    check = {**place, "unit": "pixels", "measured": measured, "low": low, "high": high, "outcome": outcome}
    assert RecordedCheck.model_validate(check).contradicts_itself is contradicts


def test_results_that_contradict_themselves_are_refused(judged_masks, tmp_path):
    data = json.loads((judged_masks / "results.json").read_text())
    path = tmp_path / "results.json"
    path.write_text(json.dumps(data))
    assert read_results(path).verdict == "pass"
    check = next(check for check in data["checks"] if check["id"] == "CNT-HOT")
    check["measured"] = 2 * check["high"]
    path.write_text(json.dumps(data))
    with pytest.raises(ResultsError, match=f"CNT-HOT of {check['detector']} passed with a value outside its bounds"):
        read_results(path)
