"""``darkmask diff``: two reports side by side, as those see it who type it."""

import json
import shutil
from pathlib import Path

import pytest
from astropy.io import fits

from darkmask.cli import main
from tests.support.runs import run_into

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def searched(small, tmp_path_factory) -> tuple[Path, Path]:
    """Return the reports of one delivery: found with a mask in force, and with another threshold and without."""
    home = tmp_path_factory.mktemp("searched")
    said = "[search]\nhot_rate = 20.0\n[criteria.CNT-HOT]\nlow = 0.01\n"
    own = small.criteria_with(home / "own.toml", said, "own")
    common = (f"--delivery={small.delivery}", "--detectors=NRCA1,NRCBLONG")
    first = run_into(home / "a", *common, f"--criteria={small.criteria}", f"--base={small.base}", expect=0)
    second = run_into(home / "b", *common, f"--criteria={own}", expect=1)
    return first.folder, second.folder


@pytest.fixture
def copies(searched, tmp_path) -> tuple[Path, Path]:
    return tuple(Path(shutil.copytree(folder, tmp_path / f"copy_{folder.parent.name}")) for folder in searched)


def diff(capsys, *arguments) -> tuple[int, str, str]:
    status = main(["diff", *map(str, arguments)])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_the_same_report_does_not_differ(searched, tmp_path, capsys):
    copy = shutil.copytree(searched[1], tmp_path / "copy")
    status, said, _ = diff(capsys, searched[1], copy)
    assert status == 0
    assert said.splitlines()[-1] == "Nothing differs."


def test_what_differs_is_told_in_the_terminal(searched, capsys):
    status, said, _ = diff(capsys, *searched)
    assert status == 1
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert f"A: {searched[0]}, verdict pass" in lines
    assert f"B: {searched[1]}, verdict fail" in lines
    assert "mask in force (--base) 2 files none" in lines
    assert "parameter hot_rate 0.275 20.0" in lines
    assert any(line.startswith("criteria small (") and " own (" in line for line in lines)
    assert any(line.startswith("only in B: ") for line in lines)
    assert not any(line.startswith("version of") for line in lines)
    counts = {tuple(line.split()[:2]): line.split()[2:] for line in lines if line.startswith("NRCA1 ")}
    hot, warm = ([int(number) for number in counts["NRCA1", kind]] for kind in ("hot", "warm"))
    assert hot[0] > hot[1]
    assert hot[2] == hot[1] - hot[0]
    assert warm[1] > warm[0]


def test_the_pixels_are_those_of_the_images(searched, tmp_path, capsys):
    path = tmp_path / "diff.json"
    assert diff(capsys, *searched, f"--json={path}")[0] == 1
    found = json.loads(path.read_text())
    assert found["differs"] is True
    images = [fits.getdata(report / "masks" / "nrca1_full_categories.fits", "CATEGORY") for report in searched]
    sets = {(part["detector"], part["subarray"], part["compared"]): part for part in found["pixels"]}
    assert set(sets) == {
        ("NRCA1", "FULL", "categories of the search"),
        ("NRCA1", "FULL", "flags of the mask"),
        ("NRCBLONG", "FULL", "categories of the search"),
        ("NRCBLONG", "SUB64P", "categories of the search"),
        ("NRCBLONG", "FULL", "flags of the mask"),
    }
    for (detector, subarray, compared), part in sets.items():
        if compared == "categories of the search":
            name = f"{detector}_{subarray}_categories.fits".lower()
            was, now = (fits.getdata(report / "masks" / name, "CATEGORY") for report in searched)
            assert part["gained"] + part["lost"] + part["changed"] == (was != now).sum(), name
    of_search, of_mask = (sets["NRCA1", "FULL", what] for what in ("categories of the search", "flags of the mask"))
    differs = images[0] != images[1]
    parts = [of_search[name] for name in ("gained", "lost", "changed")]
    assert parts[0] == ((images[0] == 0) & (images[1] != 0)).sum()
    assert parts[1] == ((images[0] != 0) & (images[1] == 0)).sum()
    assert sum(parts) == differs.sum() > 0
    x, y, was, now = of_search["first"][0]
    assert differs[y, x]
    assert not differs[:y].any()
    assert ("hot" in was, "warm" in now) == (True, True)
    # The mask in force is in one of both: its flags are lost, and no category is.
    assert of_mask["lost"] > of_search["lost"]
    assert any("DEAD" in was and not now for _, _, was, now in of_mask["first"])


def test_causes_in_both_are_told_as_such(searched, copies, capsys):
    """In a report that fails by one more check, which an earlier version wrote without causes."""
    report = copies[1]
    results = json.loads((report / "results.json").read_text())
    del results["causes"]
    (check,) = [c for c in results["checks"] if (c["id"], c["detector"]) == ("CNT-WARM", "NRCA1")]
    check |= {"outcome": "fail", "blocking": True, "message": "too many <b>warm\x1b[31m ones"}
    (report / "results.json").write_text(json.dumps(results))
    manifest = json.loads((report / "manifest.json").read_text())
    del manifest["report"]
    (report / "manifest.json").write_text(json.dumps(manifest))
    page = report.parent / "diff.html"
    status, said, _ = diff(capsys, searched[1], report, f"--html={page}")
    assert status == 1
    assert "only in B: too many <b>warm\ufffd[31m ones" in said
    assert "in both: " in said
    assert "only in A" not in said
    html = page.read_text()
    assert "too many &lt;b&gt;warm\ufffd[31m ones" in html
    assert "Something differs." in html
    assert "http" not in html


def test_a_mask_that_is_not_what_its_run_wrote_is_never_equal(copies, capsys):
    report = copies[0]
    other = shutil.copytree(report, report.parent / "other")
    path = other / "masks" / "nrcblong_sub64p_categories.fits"
    path.write_bytes(path.read_bytes() + bytes(2880))
    status, said, _ = diff(capsys, report, other)
    assert status == 1
    assert "NRCBLONG SUB64P, categories of the search: not compared, " in said
    path = other / "masks" / "jwst_nircam_mask_nrca1.fits"
    path.write_bytes(path.read_bytes() + bytes(2880))
    status, said, _ = diff(capsys, report, other)
    assert status == 1
    assert "NRCA1 FULL, flags of the mask: not compared, " in said
    assert "is not what manifest.json lists" in said
    path.unlink()
    status, said, _ = diff(capsys, report, other)
    assert status == 1
    assert "not compared" in said


def test_a_catalogue_that_is_not_what_its_run_wrote_is_never_equal(copies, tmp_path, capsys):
    """Rows that somebody cut off a catalogue, and one that is gone: no number of the report says so."""
    report = copies[0]
    other = shutil.copytree(report, report.parent / "cut")
    path = other / "catalogues" / "nrca1_full.ecsv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-3]))
    (other / "catalogues" / "nrcblong_full.reg").unlink()
    page = tmp_path / "diff.html"
    status, said, _ = diff(capsys, report, other, f"--html={page}")
    assert status == 1
    assert "Of B these files are not what its run left" in said
    assert "Of A" not in said
    assert "  catalogues/nrca1_full.ecsv\n  catalogues/nrcblong_full.reg\n" in said
    assert "catalogues/nrcblong_full.reg" in page.read_text()


def test_a_run_that_did_not_end_is_compared_as_far_as_it_tells(copies, capsys):
    """It has no manifest, and an earlier version wrote no counts."""
    report = copies[1]
    other = Path(shutil.copytree(report, report.parent / "other"))
    results = json.loads((other / "results.json").read_text())
    del results["counts"]
    (other / "results.json").write_text(json.dumps({**results, "verdict": "incomplete", "complete": False}))
    (other / "manifest.json").unlink()
    status, said, _ = diff(capsys, report, other)
    assert status == 1
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "whole run yes no" in lines
    assert "B does not tell how many bad pixels of each kind there are." in lines
    assert lines.count("detector kind A B B - A") == 0
    why = f"not compared, {other} has no manifest.json, which lists what its run made"
    assert f"NRCA1 FULL, categories of the search: {why}" in lines
    assert f"NRCA1 FULL, flags of the mask: {why}" in lines


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda report: (report / "results.json").unlink(), "results.json does not exist"),
        (lambda report: (report / "results.json").write_text("{}"), "is no results.json of these checks"),
        (
            lambda report: (report / "results.json").write_text((report / "results.json").read_text() + " "),
            "is not the file that the manifest.json beside it lists",
        ),
    ],
)
def test_what_is_no_report_cannot_be_compared(copies, tmp_path, spoil, said, capsys):
    spoil(copies[1])
    status, out, error = diff(capsys, *copies, f"--html={tmp_path / 'page.html'}")
    assert (status, out) == (4, "")
    assert said in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "page.html").exists()


def test_nothing_is_written_into_a_report(copies, capsys):
    status, _, error = diff(capsys, *copies, f"--html={copies[0] / 'page.html'}")
    assert status == 4
    assert "(--html) lies inside" in error


def test_reports_of_given_masks_are_compared_by_their_flags(judged_masks, good_masks, small, tmp_path, capsys):
    """One pixel more, and one flag more of a pixel that was bad."""
    masks = Path(shutil.copytree(good_masks, tmp_path / "masks"))
    with fits.open(next(masks.glob("*nrca1.fits")), mode="update") as hdus:
        dq = hdus["DQ"].data
        y, x = next((y, x) for y in range(10, 60) for x in range(10, 60) if dq[y, x] == 0)
        dq[y, x] = 2049  # HOT, DO_NOT_USE
    options = (f"--masks={masks}", f"--base={small.base}", f"--criteria={small.criteria}")
    other = run_into(tmp_path / "reports", *options).folder
    path = tmp_path / "diff.json"
    assert diff(capsys, judged_masks, other, f"--json={path}")[0] == 1
    found = json.loads(path.read_text())
    (nrca1,) = [part for part in found["pixels"] if part["detector"] == "NRCA1"]
    assert (nrca1["gained"], nrca1["lost"], nrca1["changed"]) == (1, 0, 0)
    assert nrca1["first"] == [[x, y, "", "DO_NOT_USE, HOT"]]
    (other_one,) = [part for part in found["pixels"] if part["detector"] == "NRCBLONG"]
    assert other_one["first"] == []
