"""The harness as a user meets it: each test runs ``pytest checks/`` in a process of its own."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from jsonschema import validate

from darkmask.masks.file import read_mask

ROOT = Path(__file__).resolve().parent.parent
# Of so short a delivery, or without having been planned or given.
NOT_ALWAYS = {
    *("INJ-WARM", "DRK-CURRENT", "ENG-SATURATED", "ENG-RC", "ENG-LOW_PEDESTAL", "GND-CLUSTERED"),
    *("TRD-COUNT", "TRD-APPEARED", "TRD-DISAPPEARED", "SBI-UNRELIABLE"),
}
GROUND = {"GND-REGISTRATION", "GND-RETAINED", "GND-GONE", "GND-NEW", "GND-KAPPA"}


@pytest.fixture
def inputs(small):
    """The options that give everything a run can be given."""
    return [
        f"--delivery={small.delivery}",
        f"--criteria={small.criteria}",
        f"--ground={small.ground}",
        f"--base={small.base}",
    ]


def without_times(results: dict) -> dict:
    return {key: value for key, value in results.items() if key not in ("started", "finished")}


def test_a_good_delivery_passes(run_checks, inputs, small):
    before = {path.name: path.stat().st_mtime_ns for path in small.delivery.iterdir()}
    run = run_checks(*inputs, expect=0)
    results = run.results
    validate(results, json.loads((ROOT / "docs" / "results.schema.json").read_text()))
    assert results["verdict"] == "pass"
    assert results["complete"] is True
    assert results["delivery"]["simulated"] is True
    assert "not for delivery" in results["scope"]
    assert results["delivery"]["detectors"] == ["NRCA1", "NRCBLONG"]
    assert {c["id"] for c in results["checks"] if c["outcome"] != "pass"} == NOT_ALWAYS
    assert {(c["detector"], c["subarray"]) for c in results["checks"] if c["id"] == "DLV-EXPOSURES"} == {
        ("NRCA1", "FULL"),
        ("NRCBLONG", "FULL"),
        ("NRCBLONG", "SUB64P"),
    }
    # Nothing in the delivery was touched, and nothing stays behind that is half made.
    assert {path.name: path.stat().st_mtime_ns for path in small.delivery.iterdir()} == before
    assert not (run.folder / ".staging").exists()
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "catalogues",
        "injections",
        "junit.xml",
        "manifest.json",
        "masks",
        "report.html",
        "results.json",
    ]
    manifest = json.loads((run.folder / "manifest.json").read_text())
    for name, digest in manifest["masks"].items():
        assert hashlib.sha256((run.folder / "masks" / name).read_bytes()).hexdigest() == digest
    listed = {name for name in manifest["inputs"] if not name.startswith("base/")}
    searched = {path.name for path in small.delivery.iterdir() if not path.name.endswith("_rate.fits")}
    assert listed == {path.name for path in small.delivery.iterdir()}
    assert searched <= listed


def test_workers_and_serial_runs_give_the_same_results(run_checks, inputs):
    serial = without_times(run_checks(*inputs, expect=0).results)
    parallel = without_times(run_checks(*inputs, "-n", "2", expect=0).results)
    assert parallel == serial


def test_what_was_not_given_narrows_the_scope(run_checks, small):
    run = run_checks(f"--delivery={small.delivery}", f"--criteria={small.criteria}", expect=0)
    skipped = {key[0] for key, check in run.checks.items() if check["outcome"] == "not_evaluated"}
    assert skipped == {*GROUND, "BAS-KEPT", *NOT_ALWAYS}
    assert "not compared with: ground, mask in force" in run.results["scope"]


def test_a_selected_run_is_incomplete(run_checks, inputs):
    run = run_checks(*inputs, "-k", "DQ-BITS", expect=1)
    assert run.results["verdict"] == "incomplete"
    outcomes = {check["outcome"] for key, check in run.checks.items() if key[0] != "DQ-BITS"}
    assert outcomes == {"error"}
    assert run.checks["DQ-BITS", "NRCA1", "FULL"]["outcome"] == "pass"
    assert all("was not run" in c["message"] for c in run.results["checks"] if c["outcome"] == "error")


@pytest.mark.parametrize("option", ["--collect-only", "--markers", "--fixtures", "--setup-plan", "--help"])
def test_listing_writes_nothing(run_checks, inputs, option):
    run = run_checks(*inputs, option, "-q", expect=0)
    assert ("CNT-HOT-NRCA1-FULL" in run.output) == (option in ("--collect-only", "--setup-plan"))
    assert not run.reports.exists()


@pytest.mark.parametrize("spelling", ["separate", "equals"])
def test_code_in_a_delivery_is_not_executed(run_checks, small, tmp_path, spelling):
    hostile = small.copy(tmp_path, "hostile")
    proof = tmp_path / "executed"
    bomb = f"open({str(proof)!r}, 'w').write('x')\n"
    (hostile / "conftest.py").write_text(bomb)
    (hostile / "test_bomb.py").write_text(bomb + "def test_bomb(): pass\n")
    (hostile / "pytest.ini").write_text("[pytest]\naddopts = -p conftest\n")
    (hostile / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '-p conftest'\n")
    given = [f"--delivery={hostile}"] if spelling == "equals" else ["--delivery", hostile]
    run = run_checks(*given, f"--criteria={small.criteria}", expect=0)
    assert not proof.exists()
    assert run.results["verdict"] == "pass"


def test_a_dead_worker_is_an_error_and_never_a_pass(run_checks, inputs, tmp_path):
    plugin = tmp_path / "killer.py"
    plugin.write_text(
        "import os\n"
        "def pytest_runtest_call(item):\n"
        "    if 'GND-KAPPA-NRCA1' in item.nodeid and 'PYTEST_XDIST_WORKER' in os.environ:\n"
        "        os._exit(1)\n"
    )
    environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    run = run_checks(*inputs, "-n", "2", "-p", "killer", environment=environment, expect=1)
    dead = run.checks["GND-KAPPA", "NRCA1", "FULL"]
    assert dead["outcome"] == "error"
    assert "crashed" in dead["message"]
    assert run.results["verdict"] == "incomplete"
    assert run.results["complete"] is False
    # What the worker had still to do is done by another, which does not die of the same check again.
    assert run.output.count("replacing crashed worker") == 1
    others = [c for key, c in run.checks.items() if key != ("GND-KAPPA", "NRCA1", "FULL")]
    assert {c["id"] for c in others if c["outcome"] != "pass"} == NOT_ALWAYS
    assert "gnd-kappa-nrca1" in (run.folder / "report.html").read_text().lower()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--engine=magic"], "invalid choice: 'magic'"),
        (["--search=thorough"], "invalid choice: 'thorough'"),
        (["--criteria=none_such"], "is neither a profile (demo, lenient, nircam, strict) nor a file"),
        (["--detectors=NRCA9"], "NRCA9, which is no NIRCam detector"),
        (["--waivers=none_such.toml"], "The waiver file none_such.toml cannot be read as TOML"),
        (["--ground="], "--ground has no value"),
        (["-p", "no:html"], "needs pytest's plugin html"),
    ],
)
def test_an_unusable_command_ends_with_one_sentence(run_checks, small, options, said):
    run = run_checks(f"--delivery={small.delivery}", f"--criteria={small.criteria}", *options, expect=4)
    assert said in run.output
    assert "Traceback" not in run.output
    assert not run.reports.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = [", "cannot be read as TOML"),
        ("schema = 1\n[criteria.CNT-HOT]\nhigh = 1\n", "has no name"),
        (
            'schema = 1\nname = "x"\n[criteria.CNT-HOT]\nhigh = nan\n',
            "criteria.CNT-HOT.high (a bound is a finite number)",
        ),
        ('schema = 1\nname = "x"\n[criteria.CNT-HOT]\nhigh = true\n', "criteria.CNT-HOT.high (a bound is a number)"),
        ('schema = 1\nname = "x"\n[criteria.CNT-HOT]\nlow = 0.9\n', "is above the high bound"),
        ('schema = 1\nname = "x"\n[criteria.CNT-COLD]\nhigh = 1\n', "CNT-COLD, which no check asks"),
        ('schema = 1\nname = "x"\n[search]\nhot_rat = 1\n', "hot_rat"),
        ('schema = 2\nname = "x"\n', "schema"),
        ('schema = 1\nname = "x"\ncriteria = 3\n', "has criteria that are no tables"),
        ('schema = 1\nname = "x"\n[criteria.CNT-HOT]\nscope = "subarray"\n', "sets scope of CNT-HOT"),
        ('schema = 1\nname = "x"\n[mask]\noutput = "one.fits"\n', "mask.output"),
        ('schema = 1\nname = "x"\n[plan]\ndetectors = "NRCA1"\n', "plan.detectors"),
    ],
)
def test_a_broken_criteria_file_ends_with_one_sentence(run_checks, small, tmp_path, text, said):
    broken = tmp_path / "broken.toml"
    broken.write_text(text)
    run = run_checks(f"--delivery={small.delivery}", f"--criteria={broken}", expect=4)
    assert said in run.output
    assert "Traceback" not in run.output
    assert not run.reports.exists()


WAIVER = """schema = 1
[[waiver]]
criterion = "CNT-HOT"
detector = "NRCA1"
reason = "a known cluster near the edge"
approver = "the calibration lead"
date = 2022-04-01
expires = {expires}
limit = {limit}
"""


@pytest.fixture
def too_strict(small, tmp_path):
    """Criteria by which the small delivery has too many hot pixels in one detector."""
    strict = tmp_path / "strict.toml"
    strict.write_text(
        small.criteria.read_text().replace('name = "small"', 'name = "strict"')
        + "\n[criteria.CNT-HOT]\nhigh = 0.0003\n"
    )
    return strict


@pytest.mark.parametrize(
    ("expires", "limit", "outcome", "said"),
    [
        ("2999-01-01", "0.02", "waived", "Waived by the calibration lead until 2999-01-01: a known cluster"),
        ("2022-05-01", "0.02", "fail", "Its waiver holds from 2022-04-01 to 2022-05-01"),
        ("2999-01-01", "0.0004", "fail", "Its waiver accepts values to 0.0004"),
    ],
)
def test_waivers(run_checks, small, tmp_path, too_strict, expires, limit, outcome, said):
    waivers = tmp_path / "waivers.toml"
    waivers.write_text(WAIVER.format(expires=expires, limit=limit))
    run = run_checks(f"--delivery={small.delivery}", f"--criteria={too_strict}", f"--waivers={waivers}", expect=1)
    check = run.checks["CNT-HOT", "NRCA1", "FULL"]
    assert (check["outcome"], said in check["message"]) == (outcome, True), check
    # The other detector's failure has no waiver.
    assert run.checks["CNT-HOT", "NRCBLONG", "FULL"]["outcome"] == "fail"
    assert run.results["verdict"] == "fail"


def test_a_waiver_that_nothing_needs_is_a_failure(run_checks, small, tmp_path):
    waivers = tmp_path / "waivers.toml"
    unasked = WAIVER.format(expires="2999-01-01", limit="0.02").replace("CNT-HOT", "GND-NEW")
    waivers.write_text(WAIVER.format(expires="2999-01-01", limit="0.02") + unasked.replace("schema = 1\n", ""))
    options = [f"--delivery={small.delivery}", f"--criteria={small.criteria}", f"--waivers={waivers}"]
    run = run_checks(*options, expect=1)
    check = run.checks["CNT-HOT", "NRCA1", "FULL"]
    assert check["outcome"] == "fail"
    assert check["low"] <= check["measured"] <= check["high"]
    assert "its waiver by the calibration lead is needed no more: remove it from the waiver file" in check["message"]
    assert check["remedy"] == "Remove the waiver of CNT-HOT-NRCA1-FULL from the waiver file."
    assert check["waiver"]["limit"] == 0.02
    assert run.failed() == {("CNT-HOT", "NRCA1", "FULL")}
    idle = run.checks["GND-NEW", "NRCA1", "FULL"]
    assert idle["outcome"] == "not_evaluated"
    assert idle["message"].startswith("not asked: no ground masks")
    assert "Its waiver by the calibration lead is without effect" in idle["message"]
    # Given and unusable, it fails whatever the waiver says.
    run = run_checks(*options, f"--ground={tmp_path / 'none'}", expect=1)
    broken = run.checks["GND-NEW", "NRCA1", "FULL"]
    assert (broken["outcome"], broken["waiver"]["approver"]) == ("not_evaluated", "the calibration lead")
    assert broken["message"].startswith("not evaluated: ")
    assert ("GND-NEW", "NRCA1", "FULL") in run.failed()


def test_reports_never_lie_in_an_input(run_checks, small, tmp_path):
    folder = small.copy(tmp_path)
    before = sorted(path.name for path in folder.iterdir())
    run = run_checks(f"--delivery={folder}", f"--criteria={small.criteria}", f"--reports={folder}/in", expect=4)
    assert "which is only read" in run.output
    assert sorted(path.name for path in folder.iterdir()) == before


def test_an_excluded_observation_is_left_out_with_its_problems(run_checks, small, tmp_path):
    folder = small.copy(tmp_path)
    for path in folder.glob("*_00001_nrca1_fitopt.fits"):
        path.unlink()
    criteria = tmp_path / "excluding.toml"
    criteria.write_text(
        small.criteria.read_text().replace('name = "small"', 'name = "excluding"')
        + 'excluded_observations = ["1", "77"]\n'
    )
    run = run_checks(f"--delivery={folder}", f"--criteria={criteria}", expect=1)
    # Observation 001 holds all full frames here: nothing is left, and nothing of it is complained about.
    assert run.checks["DLV-EXPOSURES", "NRCA1", "FULL"]["measured"] == 0
    assert run.checks["DLV-TRIPLETS", "NRCA1", "FULL"]["outcome"] == "not_evaluated"
    assert "Excluded observations that the delivery does not hold: 77." in run.results["scope"]


def test_file_names_of_any_bytes(run_checks, small, tmp_path):
    folder = small.copy(tmp_path)
    (folder / "b\udcffad_nrca1_jump.fits").write_text("no FITS")
    run = run_checks(f"--delivery={folder}", f"--criteria={small.criteria}", "-n", "2", expect=1)
    assert run.results["verdict"] == "fail"
    assert "\ufffd" in run.checks["DLV-FILES", "NRCA1", "FULL"]["message"]
    assert "INTERNALERROR" not in run.output
    run = run_checks(f"--delivery={tmp_path}/d\udcffarks", f"--criteria={small.criteria}", expect=4)
    assert "no printable UTF-8" in run.output


def test_masks_with_a_delivery_are_the_ones_reported(run_checks, small, tmp_path):
    masks = tmp_path / "masks"
    masks.mkdir()
    for path in small.base.glob("*.fits"):
        (masks / f"theirs_{path.name}").write_bytes(path.read_bytes())
    run = run_checks(f"--delivery={small.delivery}", f"--masks={masks}", f"--criteria={small.criteria}", expect=1)
    assert sorted(path.name for path in (run.folder / "masks").iterdir()) == sorted(p.name for p in masks.iterdir())
    assert run.checks["DLV-RATES", "NRCA1", "FULL"]["outcome"] == "pass"
    assert run.checks["CNT-HOT", "NRCA1", "FULL"]["outcome"] == "fail"  # masks in force hold no hot pixel
    inputs = json.loads((run.folder / "manifest.json").read_text())["inputs"]
    assert {f"masks/{path.name}" for path in masks.iterdir()} <= set(inputs)


def test_the_published_engine_in_one_run(run_checks, inputs, tmp_path, monkeypatch):
    before = {path.name for path in tmp_path.iterdir()}
    run = run_checks(*inputs, "--engine=jwst_reffiles", expect=1)
    hot = run.checks["CNT-HOT", "NRCA1", "FULL"]
    assert hot["outcome"] == "fail"
    assert "has no search for hot ones" in hot["message"]
    for path in (run.folder / "masks").glob("*mask*.fits"):
        mask = read_mask(path)
        assert not (mask.decoded & 2).any(), "SATURATED does not belong in a mask"
        flagged = (mask.decoded & (2**11 | 2**14 | 2**15 | 2**30)) != 0
        assert (mask.decoded[flagged] & 1).all()
    assert {path.name for path in tmp_path.iterdir()} - before == {"reports"}
