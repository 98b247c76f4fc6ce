"""Faults planted in a delivery: each fails the checks it should, and no other.

The faults are planted in NRCA1; NRCBLONG is judged beside it and must not notice.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

JUMP, FITOPT, RATEINTS = "*_00001_nrca1_jump.fits", "*_00001_nrca1_fitopt.fits", "*_00001_nrca1_rateints.fits"


def one(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


def unlinked(path: Path) -> Path:
    """A file that may be changed without changing the delivery that it is linked to."""
    own = path.with_suffix(".own")
    shutil.copy(path, own)
    own.replace(path)
    return path


def edit(path: Path, **keywords) -> None:
    with fits.open(unlinked(path), mode="update") as hdus:
        for keyword, value in keywords.items():
            hdus[0].header[keyword.replace("__", "-")] = value


def remove_partner(folder):
    one(folder, FITOPT).unlink()


def truncate(folder):
    path = unlinked(one(folder, JUMP))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def not_fits(folder):
    one(folder, RATEINTS).unlink()
    (folder / one(folder, JUMP).name.replace("jump", "rateints")).write_text("this is no FITS file\n")


def empty_file(folder):
    one(folder, JUMP).unlink()
    (folder / "jw01062001001_02101_00001_nrca1_jump.fits").touch()


def wrong_detector(folder):
    edit(one(folder, JUMP), DETECTOR="NRCB3")


def no_nircam_detector(folder):
    edit(one(folder, JUMP), DETECTOR="MIRIMAGE")


def mixed_groups(folder):
    with fits.open(unlinked(one(folder, JUMP)), mode="update") as hdus:
        for name in ("SCI", "GROUPDQ"):
            hdus[name].data = hdus[name].data[:, :15].copy()
    for pattern in (JUMP, FITOPT, RATEINTS, RATEINTS.replace("rateints", "rate")):
        edit(one(folder, pattern), NGROUPS=15)


def groups_of_the_header(folder):
    edit(one(folder, JUMP), NGROUPS=40)


def other_subarray(folder):
    edit(one(folder, RATEINTS), SUBARRAY="SUB160")


def unplanned_subarray(folder):
    for pattern in (JUMP, FITOPT, RATEINTS, RATEINTS.replace("rateints", "rate")):
        edit(one(folder, pattern), SUBARRAY="SUB160")


def copied_exposures(folder):
    """Five exposures that are the same one."""
    for kind in ("jump", "fitopt", "rate", "rateints"):
        first = one(folder, f"*_00001_nrca1_{kind}.fits")
        for number in (2, 3, 4, 5):
            path = one(folder, f"*_0000{number}_nrca1_{kind}.fits")
            path.unlink()
            shutil.copy(first, path)
            edit(path, EXPOSURE=f"0000{number}")


def no_date(folder):
    with fits.open(unlinked(one(folder, JUMP)), mode="update") as hdus:
        del hdus[0].header["DATE-OBS"]


def three_exposures(folder):
    for path in [*folder.glob("*_00004_nrca1_*"), *folder.glob("*_00005_nrca1_*")]:
        path.unlink()


def no_exposure(folder):
    for path in folder.glob("*_nrca1_*"):
        path.unlink()


def dark_subtracted(folder):
    edit(one(folder, JUMP), S_DARK="COMPLETE")


def jump_step_missing(folder):
    edit(one(folder, JUMP), S_JUMP="SKIPPED")


def no_dark(folder):
    for pattern in (JUMP, FITOPT, RATEINTS):
        edit(one(folder, pattern), EXP_TYPE="NRC_IMAGE")


def raw_orientation(folder):
    edit(one(folder, JUMP), FASTAXIS=1, SLOWAXIS=2)


def unexplained_nan(folder):
    with fits.open(unlinked(one(folder, RATEINTS)), mode="update") as hdus:
        hdus["SCI"].data[0, 60, 60] = np.nan


def lost_pixels(folder):
    with fits.open(unlinked(one(folder, JUMP)), mode="update") as hdus:
        hdus["PIXELDQ"].data[50:60, 50:60] |= 1


def duplicate(folder):
    shutil.copy(one(folder, JUMP), folder / "again_nrca1_jump.fits")


# fault, the criteria that must fail for NRCA1 FULL, and what the message says
DELIVERY_FAULTS = [
    (remove_partner, {"DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES"}, "has no _fitopt partner: deliver it"),
    (truncate, {"DLV-FILES", "DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES"}, "nrca1_jump.fits is truncated: it has"),
    # The exposure's 2-D _rate file is still there, but cannot stand for two integrations.
    (not_fits, {"DLV-FILES", "DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES"}, "nrca1_rateints.fits is not a FITS file"),
    (empty_file, {"DLV-FILES", "DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES"}, "nrca1_jump.fits is empty (0 bytes)"),
    (
        wrong_detector,
        {"DLV-FILES", "DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES"},
        "is named for NRCA1 and its header says DETECTOR NRCB3",
    ),
    (
        no_nircam_detector,
        {"DLV-FILES", "DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES"},
        "has DETECTOR 'MIRIMAGE', which is no NIRCam detector",
    ),
    (mixed_groups, {"DLV-SETS", "DLV-EXPOSURES", "STB-HALVES"}, "The exposures are of: NRCA1 FULL RAPID 16 groups"),
    (groups_of_the_header, {"DLV-GEOMETRY", "DLV-EXPOSURES", "STB-HALVES"}, "of 16 groups and its header says 2 of 40"),
    (other_subarray, {"DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES", "DLV-PLAN"}, "is of the set NRCA1 SUB160"),
    (unplanned_subarray, {"DLV-PLAN", "DLV-EXPOSURES", "STB-HALVES"}, "NRCA1 has SUB160"),
    (copied_exposures, {"DLV-INTEGRATIONS"}, "10 integrations, 2 of them different"),
    (no_date, {"DLV-FILES", "DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES"}, "lacks the header keyword DATE-OBS"),
    (three_exposures, {"DLV-EXPOSURES", "STB-HALVES"}, "The delivery holds 3 whole exposures of NRCA1 FULL"),
    (dark_subtracted, {"DLV-STEPS"}, "has S_DARK COMPLETE: the dark was subtracted"),
    (jump_step_missing, {"DLV-STEPS"}, "has S_JUMP SKIPPED where COMPLETE was expected"),
    (no_dark, {"DLV-DARKS"}, "has EXP_TYPE NRC_IMAGE where NRC_DARK was expected"),
    (raw_orientation, {"DLV-GEOMETRY"}, "has FASTAXIS, SLOWAXIS 1, 2 where -1, 2 belong to NRCA1"),
    (unexplained_nan, {"DLV-RATES"}, "Rates that are not finite"),
    (lost_pixels, {"DLV-PIXELDQ"}, "of which nothing can be learnt"),
    (duplicate, {"DLV-TRIPLETS"}, "are both the _jump file of one exposure"),
]


@pytest.mark.parametrize(
    ("plant", "failing", "said"), DELIVERY_FAULTS, ids=lambda value: getattr(value, "__name__", None)
)
def test_fault_in_a_delivery(run_checks, small, tmp_path, plant, failing, said):
    folder = small.copy(tmp_path)
    plant(folder)
    run = run_checks(f"--delivery={folder}", f"--criteria={small.criteria}", f"--base={small.base}", expect=1)
    assert {key[0] for key in run.failed() if key[1] == "NRCA1"} == failing
    assert {key for key in run.failed() if key[1] != "NRCA1"} == set()
    messages = [run.checks[name, "NRCA1", "FULL"]["message"] for name in failing]
    assert any(said in message for message in messages), messages
    assert run.results["verdict"] == "fail"
    assert "Traceback" not in (run.folder / "report.html").read_text()


def test_a_detector_that_is_not_there(run_checks, small, tmp_path):
    folder = small.copy(tmp_path)
    no_exposure(folder)
    run = run_checks(f"--delivery={folder}", f"--criteria={small.criteria}", f"--base={small.base}", expect=1)
    outcomes = {key[0]: c["outcome"] for key, c in run.checks.items() if key[1] == "NRCA1"}
    assert outcomes["DLV-EXPOSURES"] == "fail"
    assert outcomes["CNT-HOT"] == outcomes["DQ-BITS"] == outcomes["BAS-KEPT"] == "not_evaluated"
    assert "holds no whole full-frame exposure of NRCA1" in run.checks["CNT-HOT", "NRCA1", "FULL"]["message"]
    assert {key for key in run.failed() if key[1] != "NRCA1"} == set()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: None, "does not exist: give the folder that holds the darks"),
        (lambda path: path.mkdir(), "holds no _jump, _fitopt and _rate files"),
        (lambda path: path.touch(), "is a file: give the folder that holds the darks"),
    ],
    ids=["missing", "empty", "file"],
)
def test_a_delivery_that_is_none(run_checks, small, tmp_path, make, said):
    folder = tmp_path / "nothing"
    make(folder)
    run = run_checks(f"--delivery={folder}", f"--criteria={small.criteria}", expect=1)
    assert run.results["verdict"] == "fail"
    assert not {c["outcome"] for c in run.results["checks"]} & {"pass", "error"}
    assert said in run.checks["DLV-FILES", "NRCA1", "FULL"]["message"]
