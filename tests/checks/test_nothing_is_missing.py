"""Each criterion has a check, a bound, an entry in the docs and a planted fault that trips it; nothing else has."""

import json
import subprocess
import sys
from collections import Counter, defaultdict

import pytest

from fixtures.criteria.description import as_markdown, as_text, families
from fixtures.criteria.profiles import load_criteria
from fixtures.criteria.verdict import CheckKey, expected_keys
from tests.support.project import ROOT

from .table import FAULTS
from .together import groups, runs_of


@pytest.fixture(scope="module")
def criteria():
    return load_criteria("demo")


def told(*options: str) -> str:
    """Return what pytest says of the checks without running any."""
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pytest.ini"), "checks/", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_every_criterion_is_asked_by_one_check(criteria):
    asked = defaultdict(set)
    keys = []
    for line in told("--collect-only", "-q", "--criteria=demo").splitlines():
        if key := CheckKey.from_nodeid(line):
            asked[key.criterion].add(line.partition("[")[0])
            keys.append(key)
    assert set(asked) == set(criteria.criteria)
    assert {name: tests for name, tests in asked.items() if len(tests) > 1} == {}
    assert sorted(keys) == sorted(expected_keys(criteria, criteria.plan.detectors))


def test_every_criterion_is_tripped_by_a_fault(criteria):
    tripped = {key[0] for fault in FAULTS for key in fault.failing}
    assert tripped == set(criteria.criteria)


def test_every_family_has_three_faults(criteria):
    found = Counter()
    for fault in FAULTS:
        found.update({key[0].partition("-")[0] for key in fault.failing})
    assert {family for family, number in found.items() if number < 3} == set()
    assert set(found) == set(families())
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names)


def test_no_fault_of_a_run_fails_what_another_does():
    """Or the check may fail for the other one alone."""
    named = [name for names in groups() for name in names]
    assert len(set(named)) == len(named)
    assert set(named) <= {fault.name for fault in FAULTS}
    assert min(map(len, groups())) > 1
    runs = runs_of(FAULTS)
    assert sorted(fault.name for run in runs for fault in run.faults) == sorted(fault.name for fault in FAULTS)
    for run in runs:
        assert len({fault.given for fault in run.faults}) == 1, run.name
        for beside in (True, False):
            failing = [key for fault in run.faults for key in (fault.failing if beside else fault.here)]
            assert len(set(failing)) == len(failing), run.name


def test_the_docs_say_what_the_criteria_say():
    nircam = load_criteria("nircam")
    assert (ROOT / "docs" / "criteria.md").read_text() == as_markdown(nircam), (
        "make the page again: pytest checks/ --describe=markdown > docs/criteria.md"
    )
    text = as_text(nircam)
    for identifier, criterion in nircam.criteria.items():
        assert identifier in text
        assert criterion.source in " ".join(text.split())


def test_describing_runs_nothing(criteria, tmp_path):
    reports = tmp_path / "reports"
    described = json.loads(told("--describe=json", "--criteria=demo", f"--reports={reports}"))
    assert described["criteria"]["CNT-HOT"]["low"] == criteria.criteria["CNT-HOT"].low
    assert list(described["criteria"]) == list(criteria.criteria)
    assert told("--describe=markdown") == as_markdown(load_criteria("nircam"))
    assert not reports.exists()
