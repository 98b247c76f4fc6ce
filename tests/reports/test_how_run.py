"""How two runs were made: what differs is named, and the mask in force is no change of the detector."""

import json
import shutil
from pathlib import Path

import pytest
from astropy.io import fits

from darkmask.core.flags import dq_bits
from darkmask.reports.how_run import HowRun
from tests.support.earlier_results import only, rewrite


@pytest.fixture
def base_of_dead_pixels(small, tmp_path) -> Path:
    """Return masks in force that say of 1600 pixels, many times what a search finds, that they are dead."""
    base = Path(shutil.copytree(small.base, tmp_path / "dead"))
    with fits.open(next(base.glob("*nrca1*.fits")), mode="update") as hdus:
        hdus["DQ"].data[20:60, 20:60] |= dq_bits("DEAD", "DO_NOT_USE")
    return base


@pytest.mark.parametrize("based_first", [True, False])
@pytest.mark.slow
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
    trend = {key[0]: check for key, check in run.checks.items() if key[0].startswith("TRD-")}
    # Who forgets the mask in force loses what darks cannot tell.
    assert trend.pop("TRD-KEPT")["outcome"] == ("fail" if based_first else "not_evaluated")
    assert {(check["outcome"], check["measured"]) for check in trend.values()} == {("pass", 0.0)}
    said = ("without a mask in force (--base), then with one", "with a mask in force (--base), then without")
    for check in trend.values():
        assert f"run otherwise: {said[not based_first]} (" in check["message"]
    assert json.loads((kept / "manifest.json").read_text())["parameters"]["hot_rate"] == 0.275


@pytest.mark.slow
def test_with_the_same_mask_in_force_what_it_says_may_not_be_lost(run_checks, small, base_of_dead_pixels, tmp_path):
    """Of masks that somebody else made: the search found as much, and dead pixels are gone."""
    common = (f"--criteria={small.criteria}", "--detectors=NRCA1")
    first = run_checks(*common, f"--delivery={small.delivery}", f"--base={base_of_dead_pixels}")
    kept = Path(shutil.copytree(first.folder, tmp_path / "kept"))
    masks = tmp_path / "given"
    masks.mkdir()
    mask = Path(shutil.copy(next((kept / "masks").glob("jwst*nrca1.fits")), masks))
    fits.setval(mask, "AUTHOR", value="somebody else")
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
