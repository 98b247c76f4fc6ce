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


PLACE = {"id": "CNT-HOT", "detector": "NRCA1", "subarray": "FULL", "required": True, "message": "a sentence"}
WAIVER = {"approver": "A. Reviewer", "date": "2026-01-01", "expires": "2026-06-30", "limit": 3.0}


@pytest.mark.parametrize(
    ("measured", "low", "high", "outcome", "contradicts"),
    [
        (2.0, None, 1.0, "pass", True),
        (0.0, 0.5, 1.0, "pass", True),
        (1.0, 0.5, 1.0, "pass", False),
        (None, 0.5, 1.0, "pass", False),
        (2.0, None, 1.0, "fail", False),
        (2.0, None, 1.0, "waived", False),
        (4.0, None, 1.0, "waived", True),
        (0.1, 0.5, 1.0, "waived", True),
        (None, 0.5, 1.0, "waived", True),
    ],
)
def test_a_pass_outside_its_bounds_is_none(measured, low, high, outcome, contradicts):
    """Somebody wrote a pass where a fail stood, and left the number."""
    value = {"unit": "pixels", "measured": measured, "low": low, "high": high, "outcome": outcome}
    assert bool(RecordedCheck.model_validate({**PLACE, **value, "waiver": WAIVER}).contradiction) is contradicts


def test_nobody_waives_without_a_waiver():
    value = {"unit": "pixels", "measured": 2.0, "low": None, "high": 1.0, "outcome": "waived", "waiver": None}
    assert RecordedCheck.model_validate({**PLACE, **value}).contradiction == "was waived by nobody, or without a value"


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


@pytest.mark.parametrize(
    ("date", "expires", "refused"), [("2026-01-01", "2026-06-30", True), ("2000-01-01", "2999-01-01", False)]
)
def test_a_waiver_holds_on_the_day_of_its_run(judged_masks, tmp_path, date, expires, refused):
    """Somebody wrote that a failure was waived, with a waiver of another year."""
    data = json.loads((judged_masks / "results.json").read_text())
    check = next(check for check in data["checks"] if check["id"] == "CNT-HOT")
    check |= {"outcome": "waived", "measured": 2 * check["high"]}
    check["waiver"] = WAIVER | {"date": date, "expires": expires, "limit": 3 * check["high"]}
    data |= {"started": "2026-07-01T00:00:00+00:00", "finished": "2026-07-01T00:10:00+00:00"}
    path = tmp_path / "results.json"
    path.write_text(json.dumps(data))
    if refused:
        with pytest.raises(ResultsError, match="waived on a day on which its waiver does not hold"):
            read_results(path)
    else:
        assert [check.id for check in read_results(path).waived] == ["CNT-HOT"]


def test_a_verdict_stands_there_once(judged_masks, tmp_path):
    """One program would read the first and another the last."""
    path = tmp_path / "results.json"
    path.write_text((judged_masks / "results.json").read_text().replace("{", '{"verdict": "fail", ', 1))
    with pytest.raises(ResultsError, match="'verdict' stands twice in an object"):
        read_results(path)
