"""What a report says of a pixel is what the search says, and what masks and earlier runs said."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from darkmask import bad_pixels
from darkmask.build.told import flag_words
from darkmask.cli import main
from darkmask.core.categories import Category, in_category
from darkmask.core.flags import pixel_flags
from darkmask.masks.file import read_mask
from darkmask.masks.folder import scan_masks
from darkmask.reports.pixel import reported_set
from tests.support.crds_server import CrdsServer
from tests.support.handmade_masks import good_mask
from tests.support.runs import Finished, run_into

# Two runs with everything that a run may be given take as long as a hundred tests.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def first(small, tmp_path_factory) -> Finished:
    folder = tmp_path_factory.mktemp("first")
    return run_into(folder / "reports", f"--delivery={small.delivery}", f"--criteria={small.criteria}")


@pytest.fixture(scope="module")
def run(small, first, tmp_path_factory) -> Finished:
    """Return a run on a copy of the delivery, compared with ground, base and an earlier run."""
    folder = tmp_path_factory.mktemp("pixel")
    return run_into(
        folder / "reports",
        f"--delivery={small.copy(folder)}",
        f"--criteria={small.criteria}",
        f"--ground={small.ground}",
        f"--base={small.base}",
        f"--previous={first.folder / 'results.json'}",
    )


@pytest.fixture
def crds(tmp_path):
    """Start a server that has a mask of NRCA1."""
    folder = tmp_path / "server"
    mask = good_mask(folder, "NRCA1").rename(folder / "jwst_nircam_mask_0102.fits")
    server = CrdsServer(folder, {("NRCA1", "2022-06-01 00:00:00"): mask})
    yield server
    server.close()


def categories_in(report: Path, name: str) -> np.ndarray:
    return fits.getdata(report / "masks" / name).astype(np.uint16)


def place_of(image: np.ndarray, category: Category) -> tuple[int, int]:
    y, x = np.argwhere(in_category(image, category))[0]
    return int(x), int(y)


@pytest.mark.parametrize("category", [Category.HOT, Category.TELEGRAPH, Category.RC])
def test_a_report_explains_as_a_notebook_does(run, small, category):
    x, y = place_of(categories_in(run.folder, "nrca1_full_categories.fits"), category)
    told, searched = reported_set(run.folder, "nrca1").explain(x, y), bad_pixels(small.delivery, detector="NRCA1")
    asked = searched.explain(x, y)
    assert told.rows() == asked.rows()
    assert told.ramps.rows() == asked.ramps.rows()
    assert told.neighbours() == asked.neighbours()
    facts, others = dict(told.facts), dict(asked.facts)
    assert all(facts[name] == others[name] for name in ("rate", "noise", "pedestal", "jumps"))
    assert category in told.categories


def test_it_says_what_ground_base_and_the_run_before_said(run, small, first):
    masks = {
        "mask": run.folder / "masks" / "jwst_nircam_mask_nrca1.fits",
        "ground test": scan_masks(small.ground).path_of("NRCA1"),
        "mask in force": scan_masks(small.base).path_of("NRCA1"),
    }
    decoded = {name: read_mask(path).decoded for name, path in masks.items()}
    before = categories_in(first.folder, "nrca1_full_categories.fits")
    anywhere = np.argwhere(np.logical_or.reduce([dq != 0 for dq in decoded.values()]))
    explained = reported_set(run.folder, "NRCA1")
    for y, x in anywhere[:: len(anywhere) // 6]:
        facts = dict(explained.explain(int(x), int(y)).facts)
        assert {name: facts[name] for name in masks} == {name: flag_words(dq[y, x]) for name, dq in decoded.items()}
        names = [c.value for c in Category if before[y, x] & c.bit]
        assert facts["previous run"] == (", ".join(names) or "nothing")


def test_a_pixel_of_a_subarray_is_counted_from_its_corner(run, small):
    image = categories_in(run.folder, "nrcblong_sub64p_categories.fits")
    x, y = place_of(image, Category.HOT)
    told = reported_set(run.folder, "NRCBLONG", "sub64p").explain(x, y)
    assert told.place == "NRCBLONG SUB64P"
    assert told.rows() == bad_pixels(small.delivery, detector="NRCBLONG").subarrays["SUB64P"].explain(x, y).rows()
    window = bad_pixels(small.delivery, detector="NRCBLONG").subarrays["SUB64P"].table().meta
    ground = scan_masks(small.ground).read("NRCBLONG").decoded
    full = ground[y + window["ystart"] - 1, x + window["xstart"] - 1]
    assert dict(told.facts)["ground test"] == flag_words(full)


@pytest.mark.slow
def test_darks_of_a_ground_test_say_what_their_search_found(small, tmp_path):
    ground = small.copy(tmp_path, "ground_test")
    options = [f"--criteria={small.criteria}", "--detectors=NRCA1", f"--ground={ground}", "-k", "GND"]
    report = run_into(tmp_path / "reports", f"--delivery={small.delivery}", *options).folder
    explained = reported_set(report, "NRCA1")
    for category in (Category.HOT, Category.RC, Category.NOISY):
        x, y = place_of(categories_in(report, "nrca1_full_categories.fits"), category)
        facts = dict(explained.explain(x, y).facts)
        # The same darks make the same mask.
        assert facts["ground test"] == facts["mask"] != "nothing"
    next(ground.glob("*nrca1_jump.fits")).unlink()
    told = dict(reported_set(report, "NRCA1").explain(x, y).facts)["ground test"]
    assert told.startswith("not told: ")


@pytest.mark.slow
def test_the_mask_of_crds_says_its_flags(small, crds, tmp_path):
    """In processes of their own, since one that has asked CRDS keeps its configuration."""
    environment = {"CRDS_PATH": str(tmp_path / "crds"), "CRDS_SERVER_URL": crds.address}
    options = [f"--criteria={small.criteria}", "--detectors=NRCA1", "--ground=crds:2023-01-01", "-k", "GND"]
    report = run_into(tmp_path / "reports", f"--delivery={small.delivery}", *options, environment=environment).folder
    command = [sys.executable, "-m", "darkmask", "explain", str(report)]
    dq = read_mask(tmp_path / "crds" / "references" / "jwst" / "nircam" / "jwst_nircam_mask_0102.fits").decoded
    y, x = np.argwhere(dq & pixel_flags()["HOT"])[0]
    for place, environ, told in (
        ((x, y), {**os.environ, **environment}, flag_words(dq[y, x])),
        ((x, y), {**os.environ, "CRDS_SERVER_URL": "", "CRDS_PATH": ""}, "not told: The mask of NRCA1 in force on"),
    ):
        said = subprocess.run([*command, *map(str, place)], capture_output=True, text=True, env=environ, timeout=120)
        assert said.returncode == 0, said.stderr
        assert f"ground test: {told}" in said.stdout


def test_what_is_not_given_says_so(first):
    facts = dict(reported_set(first.folder, "NRCA1").explain(60, 60).facts)
    assert {facts[name] for name in ("ground test", "mask in force", "previous run")} == {"none was given"}


def test_the_command_prints_it_and_draws_a_picture(run, tmp_path, capsys):
    picture = tmp_path / "pixel.png"
    arguments = ["explain", str(run.folder), "60", "61", "--detector", "NRCA1"]
    assert main([*arguments, "--picture", str(picture)]) == 0
    assert capsys.readouterr().out == f"{reported_set(run.folder, 'NRCA1').explain(60, 61)}\n"
    drawn = picture.read_bytes()
    assert drawn.startswith(b"\x89PNG")
    assert main(["explain", str(run.folder), "62", "61", "--detector=NRCA1", f"--picture={picture}"]) == 0
    assert picture.read_bytes() != drawn


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (["5", "5"], "is of NRCA1, NRCBLONG: say which with --detector=NAME.", 1),
        (["5", "5", "--detector=NRCB4"], "is not of NRCB4: use NRCA1, NRCBLONG.", 1),
        (["5", "5", "--detector=NRCA1", "--subarray=SUB640"], "has no SUB640 of NRCA1: leave --subarray out", 1),
        (["128", "5", "--detector=NRCA1"], "x = 128 lies outside the frame: give a number from 0 to 127.", 4),
    ],
)
def test_what_cannot_be_explained_is_one_sentence(run, capsys, arguments, said, code):
    assert main(["explain", str(run.folder), *arguments]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_picture_does_not_go_into_the_report(run, capsys):
    inside = run.folder / "results.json"
    before = inside.read_bytes()
    for picture in (inside, run.folder / "masks" / "pixel.png"):
        assert main(["explain", str(run.folder), "62", "61", "--detector=NRCA1", f"--picture={picture}"]) == 4
        assert "--picture" in capsys.readouterr().err
        assert not (run.folder / "masks" / "pixel.png").exists()
    assert inside.read_bytes() == before


def test_results_that_were_changed_explain_nothing(run, tmp_path, capsys):
    copy = shutil.copytree(run.folder, tmp_path / "copy")
    results = copy / "results.json"
    results.write_text(results.read_text().replace('"search": "flight"', '"search": "official"'))
    assert main(["explain", str(copy), "62", "61", "--detector=NRCA1"]) == 1
    assert "is not the file that the manifest.json beside it lists" in capsys.readouterr().err


def test_without_a_report_there_is_one_sentence(tmp_path, capsys):
    assert main(["explain", str(tmp_path), "5", "5"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "results.json does not exist" in line


def test_masks_alone_are_told_without_tests(judged_masks, capsys):
    assert main(["explain", str(judged_masks), "60", "60", "--detector=NRCA1"]) == 0
    told = capsys.readouterr().out
    assert "mask: nothing" in told
    assert "tests and ramps: this run searched no darks" in told
    assert main(["explain", str(judged_masks), "60", "60", "--detector=NRCA1", "--picture=p.png"]) == 1
    assert not Path("p.png").exists()


@pytest.mark.parametrize("fault", ["gone", "changed", "one is gone", "mask", "ground"])
def test_only_what_is_still_the_same_is_explained(run, tmp_path, fault):
    report = Path(shutil.copytree(run.folder, tmp_path / "report"))
    manifest = json.loads((report / "manifest.json").read_text())
    x, y = place_of(categories_in(report, "nrca1_full_categories.fits"), Category.HOT)
    if fault == "gone":
        manifest["read_from"]["delivery"] = str(tmp_path / "nowhere")
        expected = f"the darks in {tmp_path / 'nowhere'} are gone: bring them back"
    elif fault == "changed":
        (name,) = [name for name in manifest["inputs"] if name.endswith("00001_nrca1_jump.fits")][:1]
        manifest["inputs"][name] = "0" * 64
        expected = "is not a file that the run searched: run the checks again"
    elif fault == "one is gone":
        moved = Path(shutil.copytree(manifest["read_from"]["delivery"], tmp_path / "darks"))
        next(moved.glob("*00001_nrca1_jump.fits")).unlink()
        manifest["read_from"]["delivery"] = str(moved)
        expected = "00001_nrca1_jump.fits is gone, or cannot be read: bring it back"
    elif fault == "ground":
        moved = tmp_path / "ground"
        shutil.copytree(manifest["read_from"]["ground"], moved)
        path = scan_masks(moved).path_of("NRCA1")
        with fits.open(path, mode="update") as hdus:
            hdus["DQ"].data[0, 0] += 1
        manifest["read_from"]["ground"] = str(moved)
        expected = "is not the file that was compared with"
    (report / "manifest.json").write_text(json.dumps(manifest))
    if fault == "mask":
        with (report / "masks" / "jwst_nircam_mask_nrca1.fits").open("ab") as file:
            file.write(bytes(2880))
        assert main(["explain", str(report), str(x), str(y), "--detector=NRCA1"]) == 1
        return
    told = reported_set(report, "NRCA1").explain(x, y)
    assert "hot" in told.categories
    if fault == "ground":
        assert dict(told.facts)["ground test"].endswith(expected)
        assert len(told)
        return
    assert len(told) == 0
    whole = dict(reported_set(run.folder, "NRCA1").explain(x, y).facts)
    whole["noise"] = whole["noise"].partition(",")[0]
    assert {name: dict(told.facts)[name] for name in whole} == whole
    good = np.argwhere(categories_in(report, "nrca1_full_categories.fits") == 0)[0]
    assert "rate" not in dict(reported_set(report, "NRCA1").explain(int(good[1]), int(good[0])).facts)
    assert dict(told.facts)["tests and ramps"].endswith(expected)
    assert "HOT" in dict(told.facts)["mask"]


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("read_from", 1.5, "is not what a run writes (read_from: "),
        ("read_from", {"ground": {"a": None}}, "is not what a run writes (read_from.ground: "),
        ("parameters", [], "is not what a run writes (parameters: "),
        ("inputs", {"a.fits": None}, "is not what a run writes (inputs.a.fits: "),
    ],
)
def test_a_manifest_that_somebody_wrote_is_one_sentence(run, tmp_path, capsys, part, value, said):
    report = Path(shutil.copytree(run.folder, tmp_path / "report"))
    manifest = json.loads((report / "manifest.json").read_text())
    (report / "manifest.json").write_text(json.dumps(manifest | {part: value}))
    assert main(["explain", str(report), "60", "61", "--detector=NRCA1"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
