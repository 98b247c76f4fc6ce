"""What docs/ci.md recommends is done here: the commands of the workflow, and the script that watches a folder."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from jsonschema import validate
from junitparser import Failure, JUnitXml, Skipped

from tests.support.project import ROOT

CI = ROOT / "docs" / "ci"
WATCH = CI / "watch.sh"
SCHEMA = json.loads((ROOT / "docs" / "results.schema.json").read_text())


def environment(**more: str) -> dict[str, str]:
    """Return an environment in which `pytest` and `python` are those that run this test."""
    without = ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "QUIET_SECONDS")
    env = {key: value for key, value in os.environ.items() if key not in without}
    return {**env, "PATH": os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]]), **more}


@pytest.fixture(scope="module")
def steps() -> list[dict]:
    workflow = yaml.safe_load((CI / "github-actions.yml").read_text())
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    return job["steps"]


def test_the_workflow_installs_what_the_project_offers(steps):
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    (install,) = (step["run"] for step in steps if step.get("name") == "Install")
    asked = install.split(".[")[1].split("]")[0].split(",")
    assert set(asked) <= extras


def test_gitlab_and_jenkins_run_the_same_command(steps):
    """So that those of the workflow, which are run below, stand for all."""
    (judge,) = (step["run"] for step in steps if step.get("name") == "Judge")
    (install,) = (step["run"] for step in steps if step.get("name") == "Install")
    gitlab = yaml.safe_load((CI / "gitlab-ci.yml").read_text())["judge"]
    assert gitlab["script"] == [install, judge]
    assert gitlab["artifacts"]["when"] == "always"
    # One line for each command between quotes of either kind, which Groovy takes as they stand.
    shell = re.findall(r"^ *sh (['\"])(.*)\1$", (CI / "Jenkinsfile").read_text(), re.MULTILINE)
    assert [command.partition("activate && ")[2] for _, command in shell[1:]] == [install, judge]


@pytest.mark.slow
@pytest.mark.parametrize(("spoil", "verdict"), [(False, "pass"), (True, "fail")])
def test_the_commands_of_the_workflow(steps, small, tmp_path, spoil, verdict):
    # A shell would take these names apart.
    delivery = small.copy(tmp_path, "darks; of $(today)")
    if spoil:
        next(delivery.glob("*_nrca1_fitopt.fits")).unlink()
    summary = tmp_path / "summary.md"
    env = environment(
        DELIVERY=str(delivery),
        CRITERIA=str(small.criteria),
        REPORTS=str(tmp_path / "reports"),
        GITHUB_STEP_SUMMARY=str(summary),
    )
    done = {}
    for step in steps:
        if "run" in step and step["name"] != "Install":
            done[step["name"]] = subprocess.run(
                ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
                cwd=ROOT, env=env, capture_output=True, text=True, check=False,
            )  # fmt: skip
    assert done["Judge"].returncode == (verdict != "pass"), done["Judge"].stdout
    assert done["Tell"].returncode == 0, done["Tell"].stderr
    assert summary.read_text().startswith(f"darks; of $(today): {verdict}. 2 of 2 planned detectors")
    (folder,) = (path for path in (tmp_path / "reports").iterdir() if path.is_dir())
    results = json.loads((folder / "results.json").read_text())
    validate(results, SCHEMA)
    as_junit_says(folder / "junit.xml", results)


def as_junit_says(path: Path, results: dict) -> None:
    """Assert that another reader of JUnit files finds the same checks with the same outcomes and values."""
    cases = ElementTree.parse(path).iter("testcase")
    values = {case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")} for case in cases}
    found = {}
    for suite in JUnitXml.fromfile(str(path)):
        assert (suite.tests, suite.errors) == (len(results["checks"]), 0)
        for case in suite:
            kinds = {type(entry) for entry in case.result}
            found[case.name.partition("[")[2].rstrip("]")] = (kinds, values[case.name])
    assert len(found) == len(results["checks"])
    blocking = [check for check in results["checks"] if check["blocking"]]
    for check in results["checks"]:
        name = f"{check['id']}-{check['detector']}-{check['subarray']}"
        unanswered = check["message"].startswith("not evaluated") and check["required"]
        # Of what could not be evaluated, only that fails which no other failed check explains.
        failed = check["outcome"] == "fail" or (unanswered and check["cause"] == name)
        assert not unanswered or check["cause"] in {f"{c['id']}-{c['detector']}-{c['subarray']}" for c in blocking}
        kinds, told = found[name]
        skipped = check["outcome"] in ("not_evaluated", "waived") and not failed
        assert kinds == ({Failure} if failed else {Skipped} if skipped else set()), check
        known = {name: check[name] for name in ("measured", "unit", "low", "high", "source")}
        assert told == {name: str(value) for name, value in known.items() if value is not None}


def watch(deliveries: Path, reports: Path, small, *, quiet: str) -> subprocess.Popen:
    command = [str(WATCH), str(deliveries), str(reports), f"--criteria={small.criteria}", "-q"]
    return subprocess.Popen(
        command, env=environment(QUIET_SECONDS=quiet), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def watched(*arguments, **more) -> tuple[int, str]:
    running = watch(*arguments, **more)
    said = running.communicate(timeout=300)[0]
    return running.returncode, said


@pytest.mark.slow
def test_a_watched_folder(small, tmp_path):
    deliveries, reports = tmp_path / "arriving", tmp_path / "reports"
    deliveries.mkdir()
    assert watched(deliveries, reports, small, quiet="1") == (0, "")
    # These are copies and no links: a link to a file of the small delivery, made by another test, would change that
    # file.
    first = shutil.copytree(small.delivery, deliveries / "first of may")
    (deliveries / "empty").mkdir()
    # The delivery is still arriving: whatever times the files claim, they have just been put there.
    for path in (*first.iterdir(), first):
        os.utime(path, (0, 0))
    assert watched(deliveries, reports, small, quiet="600") == (0, "")
    time.sleep(1.5)
    # Two scripts run at once: one judges, the other goes.
    both = [watch(deliveries, reports, small, quiet="1") for _ in range(2)]
    said = [running.communicate(timeout=300)[0] for running in both]
    assert sorted(said) == ["", "first of may: pass\n"]
    assert [running.returncode for running in both] == [0, 0]
    results = reports / "first of may" / "results.json"
    assert json.loads(results.read_text())["verdict"] == "pass"
    judged = results.stat().st_mtime_ns
    # A delivery is judged once, and never again; one that is no good is told and does not come back either.
    second = shutil.copytree(small.delivery, deliveries / "second")
    next(second.glob("*_nrca1_fitopt.fits")).unlink()
    time.sleep(1.5)
    assert watched(deliveries, reports, small, quiet="1") == (1, f"second: not a pass, see {reports}\n")
    assert watched(deliveries, reports, small, quiet="1") == (0, "")
    assert results.stat().st_mtime_ns == judged
    # The missing file arrives: the delivery is another one.
    shutil.rmtree(second)
    shutil.copytree(small.delivery, second)
    time.sleep(1.5)
    assert watched(deliveries, reports, small, quiet="1") == (0, "second: pass\n")


def test_a_watch_that_cannot_begin(tmp_path, small):
    status, said = watched(tmp_path / "none", tmp_path / "reports", small, quiet="1")
    assert status == 2
    assert "usage: watch.sh" in said


def test_results_of_earlier_versions_are_of_the_schema(judged_masks):
    results = json.loads((judged_masks / "results.json").read_text())
    validate(results, SCHEMA)
    del results["frame"], results["previous"]
    validate(results, SCHEMA)
