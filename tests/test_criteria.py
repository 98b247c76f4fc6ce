"""Criteria files: what is accepted, what a bound means, and that every criterion is asked."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkmask.core.detectors import DETECTORS
from fixtures.criteria import CRITERIA_FOLDER, Criteria, CriteriaError, Criterion, load_criteria
from fixtures.verdict import CheckKey, Outcome, expected_keys, make_result, verdict_of

ROOT = Path(__file__).resolve().parent.parent
numbers = st.floats(allow_nan=True, allow_infinity=True)
NIRCAM, DEMO = load_criteria("nircam"), load_criteria("demo")
LENIENT, STRICT = load_criteria("lenient"), load_criteria("strict")


@pytest.mark.parametrize("criteria", [NIRCAM, DEMO, LENIENT, STRICT], ids=lambda c: c.name)
def test_every_criterion_says_where_its_bound_comes_from(criteria):
    for name, criterion in criteria.criteria.items():
        assert criterion.source, name
        assert criterion.remedy.endswith("."), name
        assert criterion.question.endswith("?"), name


def test_every_criterion_is_asked_of_every_detector():
    listing = subprocess.run(
        [sys.executable, "-m", "pytest", "checks/", "--collect-only", "-q", "--criteria=demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    asked = set(re.findall(r"\[(.+)\]", listing))
    assert asked == {str(key) for key in expected_keys(DEMO, tuple(DETECTORS))}


def criterion(low, high):
    return Criterion(
        title="a title",
        question="a question?",
        unit="pixels",
        low=low,
        high=high,
        source="a source",
        reason="a reason",
        remedy="a remedy",
        needs=("masks",),
    )


@given(st.none() | numbers, st.none() | numbers, numbers)
def test_no_accepted_criterion_passes_what_is_out_of_its_bounds(low, high, measured):
    try:
        made = criterion(low, high)
    except ValueError:
        return
    inside = (low is None or low <= measured) and (high is None or measured <= high)
    assert made.accepts(measured) == (inside and abs(measured) < float("inf"))


@pytest.mark.parametrize(
    ("low", "high"), [(None, None), (2, 1), (float("nan"), 1), (0, float("inf")), (True, 2), ("0", 1)]
)
def test_a_bound_that_bounds_nothing_is_refused(low, high):
    with pytest.raises(ValueError, match="bound"):
        criterion(low, high)


def test_a_file_adds_to_the_profile_it_extends(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('schema = 1\nname = "own"\nextends = "demo"\n[criteria.CNT-HOT]\nhigh = 0.5\n')
    own = load_criteria(str(path))
    assert own.criteria["CNT-HOT"].high == 0.5
    assert own.criteria["CNT-HOT"].low == DEMO.criteria["CNT-HOT"].low
    assert own.geometry.frame == 256
    assert set(own.criteria) == set(NIRCAM.criteria)
    assert own.sha256 != DEMO.sha256


@pytest.mark.parametrize("name", NIRCAM.criteria)
@given(data=st.data())
def test_what_passes_a_stricter_profile_passes_a_more_lenient_one(name, data):
    profiles = [criteria.criteria[name] for criteria in (STRICT, NIRCAM, LENIENT)]
    bounds = {bound for criterion in profiles for bound in (criterion.low, criterion.high) if bound is not None}
    # At and beside every bound, and anywhere.
    value = data.draw(st.sampled_from(sorted(b * factor for b in bounds for factor in (0.999, 1, 1.001))) | numbers)
    strict, usual, lenient = (criterion.accepts(value) for criterion in profiles)
    assert strict <= usual <= lenient


@pytest.mark.parametrize("profile", [LENIENT, STRICT], ids=lambda c: c.name)
def test_a_profile_says_why_each_of_its_bounds_is_another(profile):
    written = tomllib.loads((CRITERIA_FOLDER / f"{profile.name}.toml").read_text())
    assert len(written["criteria"]) > 20
    for name, table in written["criteria"].items():
        usual = NIRCAM.criteria[name]
        assert set(table) - {"low", "high"} == {"source", "reason"}, name
        assert (profile.criteria[name].low, profile.criteria[name].high) != (usual.low, usual.high), name
        assert table["reason"] != usual.reason, name
    assert (profile.plan, profile.search, profile.mask, profile.geometry) == (
        NIRCAM.plan, NIRCAM.search, NIRCAM.mask, NIRCAM.geometry,
    )  # fmt: skip


def test_the_lenient_profile_passes_nothing_that_says_nothing():
    for name, criterion in LENIENT.criteria.items():
        assert criterion.low == NIRCAM.criteria[name].low, name
        assert criterion.required == NIRCAM.criteria[name].required, name
        # A count of problems stays at none.
        assert (criterion.high == 0) == (NIRCAM.criteria[name].high == 0), name


def test_files_that_extend_each_other_are_refused(tmp_path):
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    first.write_text(f'schema = 1\nname = "a"\nextends = "{second}"\n')
    second.write_text(f'schema = 1\nname = "b"\nextends = "{first}"\n')
    with pytest.raises(CriteriaError, match="leads nowhere"):
        load_criteria(str(first))


def test_criteria_travel_as_json():
    again = Criteria.model_validate(NIRCAM.model_dump(mode="json", by_alias=True))
    assert again == NIRCAM
    assert again.sha256 == NIRCAM.sha256


def test_the_verdict_is_pass_only_when_everything_ran_and_nothing_failed():
    key = CheckKey("CNT-HOT", "NRCA1", "FULL")

    def result(outcome, **more):
        return make_result(NIRCAM, key, outcome, "a message", **more)

    good, skipped = result(Outcome.PASS), result(Outcome.NOT_EVALUATED)
    assert verdict_of([good, skipped, result(Outcome.WAIVED)]) == "pass"
    assert verdict_of([]) == "incomplete"
    assert verdict_of([good, result(Outcome.ERROR, ran=False)]) == "incomplete"
    for bad in (result(Outcome.FAIL), result(Outcome.ERROR), result(Outcome.NOT_EVALUATED, blocking=True)):
        assert verdict_of([good, bad]) == "fail"


def test_node_ids_and_keys_are_inverse():
    for key in expected_keys(DEMO, tuple(DETECTORS)):
        assert CheckKey.from_nodeid(f"checks/test_x.py::test_y[{key}]") == key
    assert CheckKey.from_nodeid("checks/test_x.py::test_y") is None
