"""Earlier results: what has changed since, and what cannot be compared."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from hypothesis import given
from hypothesis.extra import numpy as arrays
from jsonschema import validate

from darkmask.core.atomic import sha256_file
from darkmask.core.errors import DarkmaskError
from darkmask.core.flags import Category, dq_bits
from darkmask.masks.changes import changed_pixels, changes, relative_change
from darkmask.masks.kinds import kinds_of_categories
from darkmask.reports.history import Earlier, read_history
from darkmask.reports.how_run import HowRun
from fixtures.report.trend import trend_html
from tests.support.deliveries import DETECTORS
from tests.support.project import ROOT

maps = arrays.arrays(bool, (5, 6))


@given(maps, maps, maps)
def test_pixels_that_came_and_went(before, now, where):
    found = changes({"hot": before}, {"hot": now}, where)
    there, here = np.flatnonzero(before & where), np.flatnonzero(now & where)
    came, went = set(here) - set(there), set(there) - set(here)
    if there.size:
        assert (found.appeared, found.disappeared) == (len(came) / there.size, len(went) / there.size)
    else:
        assert (found.appeared, found.disappeared) == (float("inf") if came else 0, 0)
    table = changed_pixels(found)
    for change, pixels in (("appeared", came), ("disappeared", went)):
        rows = table[table["change"] == change]
        assert {int(y) * 6 + int(x) for x, y in zip(rows["x"], rows["y"], strict=True)} == pixels


def test_a_pixel_of_another_kind_neither_came_nor_went():
    hot = np.zeros((4, 4), dtype=bool)
    hot[1, 2] = True
    none = np.zeros_like(hot)
    found = changes({"hot": hot, "rc": none}, {"hot": none, "rc": hot}, ~none)
    assert (found.appeared, found.disappeared) == (0, 0)
    assert found.told() == "hot +0 -1, rc +1 -0"
    (row,) = changed_pixels(found)
    assert (row["x"], row["y"], row["change"], row["before"], row["now"]) == (2, 1, "other kind", "hot", "rc")


def test_kinds_go_by_name_and_not_by_bit():
    """Another version may number categories otherwise."""
    image = np.full((2, 2), 4, dtype=np.uint16)
    assert kinds_of_categories(image, {"hot": 4, "rc": 1})["hot"].all()
    assert not kinds_of_categories(image, {"hot": 4, "rc": 1})["rc"].any()
    assert not any(there.any() for there in kinds_of_categories(np.full((2, 2), Category.WARM.bit)).values())


@pytest.mark.parametrize(
    ("before", "now", "change"), [(4, 5, 0.25), (4, 3, -0.25), (0, 0, 0), (0, 1, float("inf")), (2, 0, -1)]
)
def test_a_relative_change(before, now, change):
    assert relative_change(before, now) == change


@pytest.mark.slow
def test_a_delivery_against_itself(run_checks, small, tmp_path):
    """Both runs use one folder of reports: what the second sets aside is still found."""
    options = [f"--delivery={small.delivery}", f"--criteria={small.criteria}", f"--reports={tmp_path / 'same'}"]
    run_checks(*options, expect=0)
    report = tmp_path / "same" / "small"
    digest = sha256_file(report / "results.json")
    run_checks(*options, f"--previous={report / 'results.json'}", "-n", "2", expect=0)
    results = json.loads((report / "results.json").read_text())
    validate(results, json.loads((ROOT / "docs" / "results.schema.json").read_text()))
    trends = [check for check in results["checks"] if check["id"].startswith("TRD-")]
    assert {(check["outcome"], check["measured"]) for check in trends} == {("pass", 0.0)}
    assert len(trends) == 6
    (previous,) = results["previous"]
    assert previous["sha256"] == digest
    assert "every kind as it was" in trends[-1]["message"]
    listed = Table.read(report / "catalogues" / "nrca1_full_changes.ecsv")
    assert (len(listed), listed.colnames[:2]) == (0, ["x", "y"])
    # A further run would set aside for good what it is to be compared with.
    said = run_checks(*options, f"--previous={report / 'earlier' / 'results.json'}", expect=4).output
    assert "which this run replaces: copy the folder" in said
    page = (report / "report.html").read_text()
    assert "Trend over 2 runs" in page


@pytest.fixture
def earlier(judged_masks, tmp_path) -> Path:
    return Path(shutil.copytree(judged_masks, tmp_path / "before")) / "results.json"


def rewrite(path: Path, **changes) -> Path:
    data = json.loads(path.read_text())
    for key, value in changes.items():
        data[key] = {**data[key], **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(data))
    (path.parent / "manifest.json").unlink(missing_ok=True)
    return path


def only(path: Path, detector: str) -> list[dict]:
    return [check for check in json.loads(path.read_text())["checks"] if check["detector"] == detector]


def copy_of(path: Path, name: str) -> Path:
    return Path(shutil.copy(path, path.with_name(name)))


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


@pytest.mark.parametrize(("observed", "years"), [("2020-04-12", 2), (None, 0), ("2030-04-12", 0)])
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


@pytest.fixture
def base_of_dead_pixels(small, tmp_path) -> Path:
    """Return masks in force that say of 1600 pixels, many times what a search finds, that they are dead."""
    base = Path(shutil.copytree(small.base, tmp_path / "dead"))
    with fits.open(next(base.glob("*nrca1*.fits")), mode="update") as hdus:
        hdus["DQ"].data[20:60, 20:60] |= dq_bits("DEAD", "DO_NOT_USE")
    return base


@pytest.mark.parametrize("based_first", [True, False])
def test_the_mask_in_force_is_no_change_of_the_detector(run_checks, small, base_of_dead_pixels, tmp_path, based_first):
    common = (f"--delivery={small.delivery}", f"--criteria={small.criteria}", "--detectors=NRCA1")
    base = (f"--base={base_of_dead_pixels}",)
    first = run_checks(*common, *(base if based_first else ()))
    kept = Path(shutil.copytree(first.folder, tmp_path / "kept"))
    run = run_checks(*common, *(() if based_first else base), f"--previous={kept / 'results.json'}")
    counts = [{c["id"]: c["measured"] for c in only(report / "results.json", "NRCA1")} for report in (kept, run.folder)]
    carried = sorted(count["CNT-CARRIED"] for count in counts)
    assert carried[0] == 0
    assert carried[1] > 3 * counts[0]["CNT-DO_NOT_USE"] > 0
    trend = [check for key, check in run.checks.items() if key[0].startswith("TRD-")]
    assert {(check["outcome"], check["measured"]) for check in trend} == {("pass", 0.0)}
    said = ("without a mask in force (--base), then with one", "with a mask in force (--base), then without")
    for check in trend:
        assert f"run otherwise: {said[not based_first]} (" in check["message"]
    assert json.loads((kept / "manifest.json").read_text())["parameters"]["hot_rate"] == 0.275


def test_with_the_same_mask_in_force_what_it_says_may_not_be_lost(run_checks, small, base_of_dead_pixels, tmp_path):
    """Of masks that somebody else made: the search found as much, and dead pixels are gone."""
    common = (f"--criteria={small.criteria}", "--detectors=NRCA1")
    first = run_checks(*common, f"--delivery={small.delivery}", f"--base={base_of_dead_pixels}")
    kept = Path(shutil.copytree(first.folder, tmp_path / "kept"))
    masks = tmp_path / "given"
    masks.mkdir()
    mask = Path(shutil.copy(next((kept / "masks").glob("jwst*nrca1.fits")), masks))
    options = (f"--masks={masks}", f"--base={base_of_dead_pixels}", f"--previous={kept / 'results.json'}")
    assert run_checks(*common, *options).checks["TRD-COUNT", "NRCA1", "FULL"]["outcome"] == "pass"
    with fits.open(mask, mode="update") as hdus:
        hdus["DQ"].data[20:60, 20:60] = 0
    trend = run_checks(*common, *options).checks["TRD-COUNT", "NRCA1", "FULL"]
    assert trend["outcome"] == "fail"
    assert trend["measured"] < -0.5
    assert "is DO_NOT_USE, " in trend["message"]


def test_results_that_counted_both_as_one_need_the_same_mask_in_force(run_checks, small, good_masks, earlier):
    """Before CNT-CARRIED was asked, CNT-DO_NOT_USE counted what was carried too."""
    manifest = json.loads((earlier.parent / "manifest.json").read_text())
    checks = json.loads(earlier.read_text())["checks"]
    carried = {c["detector"]: c["measured"] for c in checks if c["id"] == "CNT-CARRIED"}
    for check in checks:
        if check["id"] == "CNT-DO_NOT_USE":
            check["measured"] += carried[check["detector"]]
    rewrite(earlier, checks=[check for check in checks if check["id"] != "CNT-CARRIED"])
    (earlier.parent / "manifest.json").write_text(json.dumps({"masks": manifest["masks"], "base": manifest["base"]}))
    options = [f"--masks={good_masks}", f"--criteria={small.criteria}", f"--previous={earlier}", "-k", "TRD-COUNT"]
    run = run_checks(*options, f"--base={small.base}", expect=1)
    trend = run.checks["TRD-COUNT", "NRCA1", "FULL"]
    assert (trend["outcome"], trend["measured"]) == ("pass", 0)
    trend = run_checks(*options, expect=1).checks["TRD-COUNT", "NRCA1", "FULL"]
    assert (trend["outcome"], trend["blocking"]) == ("not_evaluated", True)
    assert "counts what was found and what the mask in force said as one number" in trend["message"]


def how(**changes) -> HowRun:
    return HowRun(**{**HOW, **changes})


HOW = {
    "engine": "native",
    "search": "flight",
    "version": "0.2.0",
    "criteria": "nircam",
    "criteria_sha256": "1",
    "made_masks": True,
    "base": {},
    "parameters": {"hot_rate": 0.275, "new_here": 1},
}


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ({}, ()),
        ({"base": {"a.fits": "1"}}, ("without a mask in force (--base), then with one",)),
        ({"engine": "jwst_reffiles"}, ("engine native, then jwst_reffiles",)),
        ({"search": "official"}, ("search flight, then official",)),
        ({"version": "0.1.0"}, ("version 0.2.0, then 0.1.0",)),
        ({"parameters": {"hot_rate": 0.5}}, ("hot_rate = 0.275, then 0.5",)),
        ({"parameters": None, "base": None}, ()),
        ({"made_masks": False}, ("masks made by the run, then given",)),
        ({"criteria_sha256": "2"}, ("criteria nircam, then with other values",)),
        ({"criteria": "strict", "criteria_sha256": "2"}, ("criteria nircam, then strict",)),
    ],
)
def test_what_differs_in_how_two_runs_were_made_is_named(before, said):
    assert how().differences(how(**before)) == said
    assert how().another_base(how(**before)) == ("base" in before)


def test_another_mask_in_force_is_told():
    assert how(base={"a": "1"}).differences(how(base={"a": "2"})) == ("another mask in force (--base)",)
    assert how(base={"a": "1"}).differences(how(base=None)) == ("nothing tells the mask in force of the earlier run",)


def test_the_trend_is_told_in_words_too():
    """What a drawing shows stands in its label and in a table; names from elsewhere are text."""
    check = {"title": "hot <pixels>", "unit": "pixels", "low": 1.0, "high": 9.0, "measured": 4.0}
    checks = [
        {**check, "id": "CNT-HOT", "detector": detector, "subarray": "FULL"} for detector in ("NRCA1", "NRCA2", "NRCA3")
    ]
    checks[2]["measured"] = None
    values = (("CNT-HOT", "NRCA1", "FULL", 2.0), ("CNT-HOT", "NRCA2", "FULL", 4.0))
    earlier = Earlier("a.json", ".", "0", "<script>", "fail", "nircam", "2024-05-01T00:00:00+00:00", None, values)
    results = {
        "finished": "2024-06-01T00:00:00+00:00",
        "delivery": {"name": "now"},
        "verdict": "pass",
        "checks": checks,
    }
    page = trend_html(results, (earlier,))
    assert 'aria-label="CNT-HOT over 2 runs, first and last: NRCA1 2 to 4; NRCA2 4 to 4"' in page
    assert '<th scope="row">NRCA1</th><td>2</td><td>4</td>' in page
    assert '<th scope="row">NRCA3</th><td>-</td><td>-</td>' in page
    assert "<script>" not in page
    assert "2024-05-01 00:00 &lt;script&gt;: fail" in page
    checks[0]["measured"] = 2.0
    assert "The same in every run: CNT-HOT." in trend_html(results, (earlier,))
    assert trend_html(results, ()) == ""


def test_of_two_earlier_masks_of_one_detector_none_is_taken(run_checks, small, good_masks, earlier):
    mask = next((earlier.parent / "masks").glob("*nrca1*.fits"))
    shutil.copy(mask, mask.with_name("a_copy.fits"))
    run = run_checks(
        *(f"--masks={good_masks}", f"--criteria={small.criteria}", f"--base={small.base}"),
        *(f"--previous={earlier}", "-k", "TRD"),
        expect=1,
    )
    assert "holds more than one mask of NRCA1" in run.checks["TRD-APPEARED", "NRCA1", "FULL"]["message"]
