"""Faults planted in masks that somebody else made: each fails the checks it should, and no other.

The faults are planted in the mask of NRCA1; NRCBLONG's is judged beside it and must not notice.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits


def mask_of_nrca1(folder: Path) -> Path:
    (path,) = folder.glob("*nrca1.fits")
    return path


def change_dq(path: Path, change) -> None:
    with fits.open(path, mode="update") as hdus:
        dq = hdus["DQ"].data.copy()
        change(dq)
        hdus["DQ"].data = dq


def bit_of_an_exposure(path):
    def change(dq):
        dq[40, 40] |= 4  # JUMP_DET

    change_dq(path, change)


def hot_without_do_not_use(path):
    def change(dq):
        dq[40, 40] = 2**11

    change_dq(path, change)


def hot_and_dead(path):
    def change(dq):
        dq[40, 40] = 2**11 | 2**10 | 1

    change_dq(path, change)


def border_missing(path):
    def change(dq):
        dq[:4] = 0

    change_dq(path, change)


def dead_pixels_lost(path):
    def change(dq):
        dq[(dq & 2**10) != 0] = 0

    change_dq(path, change)


def empty_mask(path):
    def change(dq):
        dq[4:-4, 4:-4] = 0

    change_dq(path, change)


def storm(path):
    def change(dq):
        dq[4:-4, 4:-4][np.random.default_rng(1).random((120, 120)) < 0.1] = 2**11 | 1

    change_dq(path, change)


def row_of_dq_def_missing(path):
    with fits.open(path, mode="update") as hdus:
        table = hdus["DQ_DEF"].data
        hdus["DQ_DEF"].data = table[table["NAME"] != "RC"]


def hot_moved_by_dq_def(path):
    with fits.open(path, mode="update") as hdus:
        table = hdus["DQ_DEF"].data
        table["VALUE"][table["NAME"] == "HOT"] = 2**8
        hdus["DQ_DEF"].data = table[table["NAME"] != "RESERVED"]


def mask_not_fits(path):
    path.write_text("this is no FITS file\n")


def mask_float(path):
    with fits.open(path) as hdus:
        dq = hdus["DQ"].data.astype(np.float32)
        header = hdus[0].header.copy()
    fits.HDUList([fits.PrimaryHDU(header=header), fits.ImageHDU(dq, name="DQ")]).writeto(path, overwrite=True)


ALL_OF_A_MASK = {
    *("CNT-HOT", "CNT-WARM", "CNT-RC", "CNT-TELEGRAPH", "CNT-NOISY", "CNT-LOW_PEDESTAL", "CNT-DO_NOT_USE"),
    *("DQ-BITS", "DQ-DO_NOT_USE", "DQ-PAIRS", "DQ-BORDER", "DQ-DEF", "DQ-RAW", "BAS-KEPT"),
}


def no_dq_extension(path):
    with fits.open(path, mode="update") as hdus:
        hdus["DQ"].name = "SCI"


def no_detector_in_header(path):
    with fits.open(path, mode="update") as hdus:
        del hdus[0].header["DETECTOR"]


MASK_FAULTS = [
    (no_dq_extension, ALL_OF_A_MASK, "has no DQ extension, and the pipeline reads no other"),
    (no_detector_in_header, ALL_OF_A_MASK, "has no DETECTOR in its header"),
    (bit_of_an_exposure, {"DQ-BITS"}, "JUMP_DET"),
    (hot_without_do_not_use, {"DQ-DO_NOT_USE"}, "without DO_NOT_USE"),
    (hot_and_dead, {"DQ-PAIRS"}, "HOT and DEAD"),
    (border_missing, {"DQ-BORDER", "BAS-KEPT"}, "border pixels of"),
    (dead_pixels_lost, {"BAS-KEPT"}, "DEAD of"),
    (
        empty_mask,
        {"CNT-HOT", "CNT-RC", "CNT-TELEGRAPH", "CNT-NOISY", "CNT-LOW_PEDESTAL", "CNT-DO_NOT_USE", "BAS-KEPT"},
        "0 pixels with HOT",
    ),
    (storm, {"CNT-HOT", "CNT-DO_NOT_USE", "BAS-KEPT"}, "pixels with HOT in the mask"),
    (row_of_dq_def_missing, {"DQ-DEF", "CNT-RC"}, "does not define 16384"),
    (hot_moved_by_dq_def, {"DQ-DEF", "CNT-HOT"}, "does not define 2048"),
    (mask_not_fits, ALL_OF_A_MASK, "is not a FITS file"),
    (mask_float, ALL_OF_A_MASK, "2-D >f4 where a 2-D integer DQ array was expected"),
]


@pytest.fixture(scope="session")
def delivered(small, tmp_path_factory):
    """Good masks, as somebody else would deliver them: made from the small delivery once."""
    from darkmask.commands import search_delivery

    folder = tmp_path_factory.mktemp("delivered")
    list(search_delivery(small.delivery, folder, frame=128, base=small.base))
    for path in folder.glob("*_categories.fits"):
        path.unlink()
    return folder


@pytest.fixture
def masks(delivered, tmp_path):
    folder = tmp_path / "masks"
    shutil.copytree(delivered, folder)
    return folder


def test_good_masks_pass_without_darks(run_checks, small, masks):
    run = run_checks(f"--masks={masks}", f"--criteria={small.criteria}", f"--base={small.base}", expect=0)
    outcomes = {key[0]: check["outcome"] for key, check in run.checks.items()}
    assert {name for name, outcome in outcomes.items() if outcome == "pass"} == ALL_OF_A_MASK
    assert "no delivery was given" in run.checks["DLV-FILES", "NRCA1", "FULL"]["message"]


@pytest.mark.parametrize(("plant", "failing", "said"), MASK_FAULTS, ids=lambda value: getattr(value, "__name__", None))
def test_fault_in_a_mask(run_checks, small, masks, plant, failing, said):
    plant(mask_of_nrca1(masks))
    run = run_checks(f"--masks={masks}", f"--criteria={small.criteria}", f"--base={small.base}", expect=1)
    assert {key[0] for key in run.failed() if key[1] == "NRCA1"} == failing
    assert {key for key in run.failed() if key[1] != "NRCA1"} == set()
    messages = [run.checks[name, "NRCA1", "FULL"]["message"] for name in failing]
    assert any(said in message for message in messages), messages
    assert "Traceback" not in (run.folder / "report.html").read_text()
