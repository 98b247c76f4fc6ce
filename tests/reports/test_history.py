"""Earlier results: what has changed since, and what cannot be compared."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from jsonschema import validate

from darkmask.core.atomic import sha256_file
from darkmask.core.errors import DarkmaskError
from darkmask.reports.history import read_history
from tests.support.deliveries import DETECTORS
from tests.support.earlier_results import copy_of, only, rewrite
from tests.support.project import ROOT


def trend_of(results: dict) -> dict[str, tuple[str, str]]:
    """Return the outcome and the message of each check of NRCA1 that compares with earlier results."""
    checks = (c for c in results["checks"] if c["id"].startswith("TRD-") and c["detector"] == "NRCA1")
    return {check["id"]: (check["outcome"], check["message"]) for check in checks}


@pytest.mark.slow
def test_a_delivery_against_itself_and_against_others(run_checks, small, tmp_path):
    """A run that failed and is repeated is not compared with itself; all use one folder of reports."""
    options = [f"--delivery={small.delivery}", f"--criteria={small.criteria}", f"--reports={tmp_path / 'same'}"]
    run_checks(*options, expect=0)
    report = tmp_path / "same" / "small"
    digest = sha256_file(report / "results.json")
    run_checks(*options, f"--previous={report / 'results.json'}", "-n", "2", expect=0)
    results = json.loads((report / "results.json").read_text())
    validate(results, json.loads((ROOT / "docs" / "results.schema.json").read_text()))
    said = "not asked: the darks of NRCA1 are those of the earlier results, in which nothing can have changed"
    assert set(trend_of(results).values()) == {("not_evaluated", said)}
    assert "not compared with: ground, mask in force, earlier results" in results["scope"]
    (previous,) = results["previous"]
    assert previous["sha256"] == digest
    # A further run would set aside for good what it is to be compared with.
    said = run_checks(*options, f"--previous={report / 'earlier' / 'results.json'}", expect=4).output
    assert "which this run replaces: copy the folder" in said
    assert "Trend over 2 runs" in (report / "report.html").read_text()
    # Made with other parameters, the same darks tell what these change: what the first run set aside is still found.
    other = small.criteria_with(tmp_path / "other.toml", "[search]\nhot_rate = 0.3\n", name="other")
    run_checks(*options[:1], f"--criteria={other}", options[2], f"--previous={report / 'results.json'}")
    results = json.loads((report / "results.json").read_text())
    assert "earlier results" not in results["scope"]
    assert "run otherwise: " in trend_of(results)["TRD-APPEARED"][1]
    assert Table.read(report / "catalogues" / "nrca1_full_changes.ecsv").colnames[:2] == ["x", "y"]
    # Beside an epoch before, of other pixels, neither of these counts.
    march = Path(shutil.copytree(report / "earlier", tmp_path / "march"))
    move_the_bad_pixels(march)
    run = run_checks(*options, f"--previous={report},{march}", expect=1)
    assert {name for name, (outcome, _) in trend_of(json.loads((report / "results.json").read_text())).items()
            if outcome == "fail"} == {"TRD-APPEARED", "TRD-DISAPPEARED"}, run.output  # fmt: skip


def move_the_bad_pixels(report: Path) -> None:
    """Make a report one of other darks, in which other pixels were bad, and of a run that failed."""
    manifest = json.loads((report / "manifest.json").read_text())
    manifest["inputs"] = {name: f"{number:064x}" for number, name in enumerate(manifest["inputs"])}
    for name in (name for name in manifest["masks"] if name.endswith("_categories.fits")):
        path = report / "masks" / name
        with fits.open(path, mode="update") as hdus:
            for hdu in hdus:
                if hdu.data is not None and hdu.is_image:
                    hdu.data = np.roll(hdu.data, 7, axis=1)
        manifest["masks"][name] = sha256_file(path)
    results = json.loads((report / "results.json").read_text())
    (report / "results.json").write_text(json.dumps(results | {"finished": results["started"]}))
    manifest["report"]["results.json"] = sha256_file(report / "results.json")
    (report / "manifest.json").write_text(json.dumps(manifest))


def test_a_link_to_the_report_that_a_run_sets_aside_is_followed(run_checks, small, good_masks, tmp_path):
    options = (f"--masks={good_masks}", f"--criteria={small.criteria}", f"--reports={tmp_path / 'same'}", "-k", "TRD")
    run_checks(*options[:3], expect=0)
    (tmp_path / "link").symlink_to(tmp_path / "same" / good_masks.name)
    run_checks(*options, f"--previous={tmp_path / 'link'}", expect=1)
    results = json.loads((tmp_path / "link" / "results.json").read_text())
    said = "not asked: the mask of NRCA1 is that of the earlier results, in which nothing can have changed"
    assert trend_of(results)["TRD-APPEARED"] == ("not_evaluated", said)


def test_masks_that_were_judged_before_are_compared_with_others(run_checks, small, good_masks, earlier, judged_masks):
    """Of masks that fail and are judged again; the report of others failed, and that is told."""
    results = json.loads(earlier.read_text())
    results["verdict"], results["checks"][0]["outcome"] = "fail", "fail"
    rewrite(earlier, started="2024-01-01T00:00:00+00:00", finished="2024-01-01T01:00:00+00:00", **{
        key: results[key] for key in ("verdict", "checks")
    })  # fmt: skip
    options = (f"--masks={good_masks}", f"--base={small.base}", f"--criteria={small.criteria}", "-k", "TRD")
    itself, others = (f"--previous={path}" for path in (judged_masks, earlier))
    run = run_checks(*options, itself, expect=1)
    assert trend_of(run.results)["TRD-COUNT"][1].startswith(
        "not asked: the mask of NRCA1 is that of the earlier results"
    )
    run = run_checks(*options, itself, others, expect=1)
    outcome, message = trend_of(run.results)["TRD-COUNT"]
    assert outcome == "pass"
    assert "of 2024-01-01; its verdict was fail" in message


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.with_name("none.json"), "none.json does not exist"),
        (lambda path: path.parent, "is no regular file"),
        (lambda path: path.with_name("junit.xml"), "is no JSON"),
        (lambda path: rewrite(path, schema=2), "is of the schema '2'"),
        (lambda path: rewrite(path, checks=[{"id": "CNT-HOT"}]), "is no results.json of these checks"),
        (lambda path: rewrite(path, finished="2999-01-01T00:00:00+00:00"), "a clock is wrong"),
        (lambda path: rewrite(path, finished="2000-01-01T00:00:00+00:00"), "it was finished before it was started"),
        (lambda path: rewrite(path, finished="yesterday"), "finished: Input should be a valid datetime"),
        (lambda path: rewrite(path, verdict="incomplete", complete=False), "in which not every check has run"),
        (lambda path: rewrite(path, complete=False), "its verdict is a pass and its checks are none"),
        (lambda path: rewrite(path, checks=only(path, "NRCA1")), "is of other detectors (NRCA1) than this run"),
        (lambda path: rewrite(path, frame=2048), "is of frames of 2048 pixels and this run of 128"),
        (lambda path: rewrite(path, delivery={"simulated": False}), "is of real darks and this run of simulated"),
        (lambda path: rewrite(path, engine={"search": "official"}), "is of the search native official"),
        (lambda path: f"{path},{copy_of(path, 'twice.json')}", "a clock stood still, or one run is given twice"),
        (lambda path: (path.write_text(path.read_text() + " "), path)[1], "is not the file that the manifest.json"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_sentence(earlier, spoil, said):
    paths = [Path(part) for part in str(spoil(earlier)).split(",")]
    run = {"detectors": DETECTORS, "frame": 128, "simulated": True, "engine": ("native", "flight")}
    with pytest.raises(DarkmaskError) as refusal:
        read_history(paths, now=datetime.now(UTC), **run)
    assert said in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


def test_the_folder_of_a_report_stands_for_its_results(run_checks, small, good_masks, earlier, tmp_path):
    options = (f"--masks={good_masks}", f"--base={small.base}", f"--criteria={small.criteria}", "-k", "TRD-COUNT")
    run = run_checks(*options, f"--previous={earlier.parent}", expect=1)
    (previous,) = run.results["previous"]
    assert previous["sha256"] == sha256_file(earlier)
    assert run.checks["TRD-COUNT", "NRCA1", "FULL"]["outcome"] == "pass"
    # A folder of reports is none of them, nor is one that is empty.
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path, tmp_path / "empty"):
        run = run_checks(*options, f"--previous={earlier},{folder}", expect=4)
        assert f"--previous: {folder}/results.json does not exist: give the folder of a report" in run.output
        assert not run.reports.exists()


@pytest.mark.parametrize(
    ("given", "said"), [("none.json", "--previous: /"), ("", "has no value"), ("a\nb", "cannot be printed")]
)
def test_an_unusable_file_ends_the_run(run_checks, small, good_masks, given, said):
    run = run_checks(f"--masks={good_masks}", f"--criteria={small.criteria}", f"--previous={given}", expect=4)
    assert said in run.output
    assert "Traceback" not in run.output
    assert not run.reports.exists()


def test_many_earlier_results_stand_in_the_order_of_time(run_checks, small, good_masks, earlier):
    """The order in which they are given does not matter; without masks there is no list of pixels, and no pass."""
    times = ["2024-05-01T00:00:00+00:00", "2024-04-01T00:00:00+02:00", "2024-06-01T00:00:00+00:00"]
    shutil.rmtree(earlier.parent / "masks")
    paths = [
        rewrite(copy_of(earlier, f"{number}.json"), started="2024-01-01T00:00:00+00:00", finished=time)
        for number, time in enumerate(times)
    ]
    run = run_checks(
        *(f"--masks={good_masks}", f"--criteria={small.criteria}", f"--base={small.base}"),
        *(f"--previous={paths[0]},{paths[1]}", f"--previous={paths[2]}"),
        expect=1,
    )
    assert [entry["finished"] for entry in run.results["previous"]] == sorted(times)
    assert run.checks["TRD-COUNT", "NRCA1", "FULL"]["outcome"] == "pass"
    assert {key[0] for key in run.failed()} == {"TRD-APPEARED", "TRD-DISAPPEARED"}
    assert "has no mask of NRCA1 beside it" in run.checks["TRD-APPEARED", "NRCA1", "FULL"]["message"]
    assert "Trend over 4 runs" in (run.folder / "report.html").read_text()


@pytest.mark.parametrize(
    ("observed", "years"),
    [
        ("2020-04-12", 2),
        pytest.param(None, 0, marks=pytest.mark.slow),
        pytest.param("2030-04-12", 0, marks=pytest.mark.slow),
    ],
)
def test_the_time_between_allows_for_growth(run_checks, small, earlier, observed, years):
    """Of the darks and not of the runs; where the earlier darks have no day, of the runs, which were today."""
    manifest = earlier.parent / "manifest.json"
    masks = json.loads(manifest.read_text())["masks"]
    rewrite(earlier, delivery={"observed": observed and {"first": observed, "last": observed}})
    manifest.write_text(json.dumps({"masks": masks}))
    run = run_checks(
        *(f"--delivery={small.delivery}", f"--criteria={small.criteria}", f"--base={small.base}"),
        f"--previous={earlier}",
        "-k",
        "TRD or CNT-DO_NOT_USE",
        expect=1,
    )
    assert run.results["delivery"]["observed"] == {"first": "2022-04-12", "last": "2022-04-12"}
    pixels = 120 * 120  # that see light
    measured = {c["id"]: c["measured"] for c in only(earlier, "NRCA1")}
    before = measured["CNT-DO_NOT_USE"]  # nothing tells which mask was in force, so that what was found is compared
    allowed = run.checks["TRD-COUNT", "NRCA1", "FULL"]["high"]
    assert allowed == pytest.approx(0.1 + 0.00019 * years / before, rel=2e-3)
    appeared = run.checks["TRD-APPEARED", "NRCA1", "FULL"]
    bad = int(appeared["message"].split(" beside ")[1].split()[0])
    assert appeared["high"] == pytest.approx(0.25 + 0.00019 * years * pixels / bad, rel=2e-3)
    assert ("2 years later" in run.checks["TRD-COUNT", "NRCA1", "FULL"]["message"]) == (years == 2)


def test_of_two_earlier_masks_of_one_detector_none_is_taken(run_checks, small, good_masks, earlier):
    mask = next((earlier.parent / "masks").glob("*nrca1*.fits"))
    shutil.copy(mask, mask.with_name("a_copy.fits"))
    run = run_checks(
        *(f"--masks={good_masks}", f"--criteria={small.criteria}", f"--base={small.base}"),
        *(f"--previous={earlier}", "-k", "TRD"),
        expect=1,
    )
    assert "holds more than one mask of NRCA1" in run.checks["TRD-APPEARED", "NRCA1", "FULL"]["message"]
