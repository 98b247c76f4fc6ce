"""What is read of a ``results.json``, also of one from an earlier version."""

import pytest

from darkmask.reports.results import RecordedCheck


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
