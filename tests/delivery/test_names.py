"""What lies beside products, or is called otherwise: seen, told apart, and never a reason to throw good data away."""

import shutil
from pathlib import Path

import pytest
from astropy.io import fits

from darkmask.delivery import scan
from darkmask.delivery.index import ProblemKind
from tests.checks.planting import edit, one, unlinked

PRODUCTS = ("jump", "fitopt", "rateints", "rate")
ROOT = "jw01062001001_02101_00001_nrca1"


@pytest.fixture
def folder(small, tmp_path) -> Path:
    return small.copy(tmp_path)


def sentences(folder: Path) -> list[str]:
    return [problem.sentence for problem in scan(folder).problems]


def without_steps(path: Path, *steps: str) -> None:
    with fits.open(unlinked(path), mode="update") as hdus:
        for step in steps:
            hdus[0].header.pop(step, None)


@pytest.mark.parametrize(
    ("source", "name", "lacking"),
    [
        ("jump", "linearity", ("S_JUMP", "S_RAMP")),
        pytest.param("jump", "saturation", ("S_JUMP", "S_RAMP", "S_LINEAR"), marks=pytest.mark.slow),
        pytest.param("jump", "refpixstep", ("S_JUMP", "S_RAMP"), marks=pytest.mark.slow),
        ("jump", "jumpstep", ()),
        pytest.param("jump", "ramp", (), marks=pytest.mark.slow),
        ("rate", "0_rampfitstep", ()),
        pytest.param("rateints", "1_rampfitstep", (), marks=pytest.mark.slow),
        ("fitopt", "rampfitstep_fitopt_again", ()),
    ],
)
def test_what_a_step_saved_beside_is_no_duplicate(small, folder, source, name, lacking):
    target = folder / f"{ROOT}_{name}.fits"
    shutil.copy(folder / f"{ROOT}_{source}.fits", target)
    without_steps(target, *lacking)
    index = scan(folder)
    assert index.problems == ()
    used = {file.path for exposure in index.exposures for file in exposure.files}
    assert target.name not in used
    assert len(index.exposures) == len(scan(small.delivery).exposures)


def test_a_step_alone_may_have_made_the_product(small, folder):
    (folder / f"{ROOT}_jump.fits").rename(folder / f"{ROOT}_jumpstep.fits")
    assert sentences(folder) == []
    assert len(scan(folder).exposures) == len(scan(small.delivery).exposures)


def test_what_a_step_before_the_jump_step_saved_is_no_product(folder):
    path = folder / f"{ROOT}_jump.fits"
    without_steps(path, "S_JUMP", "S_RAMP")
    path.rename(folder / f"{ROOT}_linearity.fits")
    (said,) = sentences(folder)
    assert said.startswith(f"{ROOT}_fitopt.fits has no _jump partner")


@pytest.mark.parametrize("name", [".FITS", ".Fits"])
def test_large_letters_of_a_name_are_letters(small, folder, name):
    (folder / f"{ROOT}_jump.fits").rename(folder / f"{ROOT.upper()}_JUMP{name}")
    assert sentences(folder) == []
    assert len(scan(folder).exposures) == len(scan(small.delivery).exposures)


@pytest.mark.parametrize(
    "ending", [".fits.gz", ".fits.fz", ".FITS.GZ", ".fits.bz2", ".fits.Z", ".fits.zip", ".fits.xz"]
)
def test_a_compressed_product_is_seen(folder, ending):
    (folder / f"{ROOT}_jump.fits").rename(folder / f"{ROOT}_jump{ending}")
    found = sentences(folder)
    assert f"{ROOT}_jump{ending} is compressed: decompress it, ramps are read in place." in found


@pytest.mark.parametrize(("name", "right"), [("NRCA5", "NRCALONG"), ("nrcb5", "NRCBLONG")])
def test_the_fifth_detector_has_another_name_in_headers(folder, name, right):
    edit(folder / f"{ROOT}_jump.fits", DETECTOR=name)
    problem = next(p for p in scan(folder).problems if p.kind is ProblemKind.FILE)
    assert problem.sentence == (
        f"{ROOT}_jump.fits has DETECTOR '{name.upper()}': the long-wave detector is called {right} in headers; correct "
        "DETECTOR."
    )
    assert problem.detectors == (right,)


def test_the_fifth_detector_may_stand_in_a_name(small, folder):
    for path in sorted(folder.glob("jw01062001*_nrcblong_*")):
        path.rename(folder / path.name.replace("nrcblong", "nrcb5"))
    assert sentences(folder) == []
    assert len(scan(folder).exposures) == len(scan(small.delivery).exposures)


@pytest.mark.parametrize(
    ("cards", "said"),
    [
        ({"SUBARRAY": "SUB41STRIPE1_DHS"}, "SUBARRAY SUB41STRIPE1_DHS"),
        ({"SUBARRAY": "sub260stripe4_dhs", "MSTR_RD2": 64}, "SUBARRAY SUB260STRIPE4_DHS, MSTR_RD2 64"),
        ({"SUBARRAY": "FULL_SUPSTP024P"}, "SUBARRAY FULL_SUPSTP024P"),
        ({"SSTR_NST": 24, "SSTR_STP": 85}, "SSTR_NST 24, SSTR_STP 85"),
    ],
)
def test_readouts_in_stripes_are_left_out_by_name(folder, cards, said):
    for kind in PRODUCTS:
        edit(folder / f"{ROOT}_{kind}.fits", **cards)
    index = scan(folder)
    assert {problem.kind for problem in index.problems} == {ProblemKind.READOUT}
    assert {problem.detectors for problem in index.problems} == {("NRCA1",)}
    for problem in index.problems:
        assert f"was read in stripes ({said}), which is not supported" in problem.sentence
        assert "make the file again" not in problem.sentence
    assert not any(ROOT in file.path for file in index.files)
    assert index.without_observations(["1"]).problems == ()


@pytest.mark.parametrize("cards", [{"SSTR_NST": 0, "MSTR_RD2": 0}, {"MSTR_RD1": 4}, {"SUBARRAY": "SUB32TA_DHS"}])
def test_other_readouts_are_not_in_stripes(folder, cards):
    """The pipeline writes the keywords as 0, and a target acquisition before DHS reads a plain subarray."""
    for kind in PRODUCTS:
        edit(folder / f"{ROOT}_{kind}.fits", **cards)
    assert scan(folder).problems == ()


def test_a_readout_in_stripes_before_its_frames_are_put_together(folder):
    """Before refpix a superstripe has one PIXELDQ for each stripe, and is no ramp of a frame."""
    path = unlinked(one(folder, f"{ROOT}_jump.fits"))
    with fits.open(path, mode="update") as hdus:
        hdus[0].header["SSTR_NST"] = 2
        hdus["PIXELDQ"].data = hdus["PIXELDQ"].data[None].repeat(2, axis=0)
    assert "was read in stripes (SSTR_NST 2)" in " ".join(sentences(folder))


@pytest.mark.parametrize("second", [b"SCI     ", b"sci     "])
def test_two_extensions_of_one_name_are_said(folder, second):
    with fits.open(unlinked(one(folder, f"{ROOT}_jump.fits")), mode="update") as hdus:
        again = hdus["SCI"].copy()
        again.ver, again.name = 2, "OTHER"
        hdus.append(again)
    path = folder / f"{ROOT}_jump.fits"
    path.write_bytes(path.read_bytes().replace(b"EXTNAME = 'OTHER   '", b"EXTNAME = '%s'" % second))
    assert sentences(folder)[0] == (
        f"{ROOT}_jump.fits has 2 extensions SCI where one was expected: make the file again."
    )
