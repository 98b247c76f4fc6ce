"""One call for one detector: the notebook's, or a folder; all detectors of a delivery; and whatever cannot be."""

import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from darkmask import Category, bad_pixels, scan_delivery, search_delivery
from darkmask.core.errors import DarkmaskError, DarkmaskWarning, DeliveryError, MaskError, ParameterError
from darkmask.core.flags import bits_of
from tests.support.notebook_call import files_of
from tests.support.project import ROOT

# Files


def test_named_files_and_their_folder_are_one_question(small, found):
    named = bad_pixels(**files_of(small.delivery, "rateints"))
    assert named.products.built().folder == found.products.built().folder
    as_paths = {name: [Path(path) for path in reversed(paths)] for name, paths in files_of(small.delivery).items()}
    assert bad_pixels(**as_paths).products.built().folder == found.products.built().folder


def test_files_may_lie_in_several_folders_and_order_does_not_matter(small, found, tmp_path):
    listed = {}
    for keyword, paths in files_of(small.delivery, "rateints").items():
        folder = tmp_path / keyword / "deep"
        folder.mkdir(parents=True)
        listed[keyword] = [Path(os.path.relpath(path)) for path in paths]
        for path in paths[::2]:
            moved = folder / Path(path).name
            shutil.copy2(path, moved)
            listed[keyword][paths.index(path)] = moved
        listed[keyword].reverse()
    scattered = bad_pixels(**listed)
    np.testing.assert_array_equal(scattered.categories, found.categories)
    np.testing.assert_array_equal(scattered.dq, found.dq)


def test_files_that_are_not_named_are_found_beside_the_others(small, found):
    files = files_of(small.delivery)
    for keyword in files:
        assert bad_pixels(**{keyword: files[keyword]}).products.built().folder == found.products.built().folder


def test_a_part_of_the_exposures_is_another_question(small, found):
    four = bad_pixels(dark_jump_files=files_of(small.delivery)["dark_jump_files"][:4])
    assert four.measured["exposures"] == 4
    assert found.measured["exposures"] == 5


@pytest.mark.slow
def test_flats_are_searched_by_the_package(small, with_subarray):
    pytest.importorskip("jwst_reffiles")
    from astropy.io import fits

    folder = small.delivery.parent / "flats_of_the_face"
    folder.mkdir(exist_ok=True)
    for path in map(Path, files_of(small.delivery, detector="nrcblong")["dark_slope_files"]):
        with fits.open(path) as hdus:
            hdus[0].header["EXP_TYPE"] = "NRC_LED"
            hdus["SCI"].data = np.random.default_rng(len(path.name)).normal(100, 1, (128, 128)).astype(np.float32)
            hdus["SCI"].data[64, 64] = 0.5
            hdus.writeto(folder / path.name, overwrite=True)
    flats = sorted(folder.glob("*.fits"))
    found = bad_pixels(small.delivery, detector="NRCBLONG", flat_slope_files=flats, dead_sigma_threshold=5.0)
    assert found.dq[64, 64] & bits_of(("DEAD",))
    assert with_subarray.flags["DEAD"] == 0
    same = bad_pixels(small.delivery, detector="NRCBLONG", flat_slope_files=str(folder), dead_sigma_threshold=5.0)
    assert same.products.built().folder == found.products.built().folder


def test_the_mask_in_force_may_be_a_file_or_a_folder(small):
    folder = bad_pixels(small.delivery, detector="NRCA1", base=small.base)
    file = bad_pixels(small.delivery, detector="NRCA1", base=str(next(small.base.glob("*nrca1*"))))
    np.testing.assert_array_equal(folder.dq, file.dq)
    assert folder.flags["DEAD"] > 0


# All detectors


def test_a_delivery_is_a_mapping_of_its_detectors(small, found, with_subarray):
    everything = search_delivery(str(small.delivery))
    assert list(everything) == ["NRCA1", "NRCBLONG"]
    assert everything["nrca1"].products.built().folder == found.products.built().folder
    assert everything["NRCBLONG"].counts == with_subarray.counts
    assert everything.problems == {}
    with pytest.raises(KeyError, match="the nearest is 'NRCA1'"):
        _ = everything["NRCA2"]


def test_only_the_detectors_that_are_named(small):
    assert list(search_delivery(small.delivery, detectors=["nrcblong"])) == ["NRCBLONG"]
    assert list(search_delivery(small.delivery, detectors="NRCA1")) == ["NRCA1"]


def test_a_detector_that_cannot_be_searched_leaves_the_others(small, tmp_path):
    folder = small.copy(tmp_path)
    for path in folder.glob("*_nrcblong_fitopt.fits"):
        path.unlink()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        everything = search_delivery(folder)
    left_out, not_searched = (str(warning.message) for warning in caught)
    assert left_out.startswith("left out: ")
    assert left_out.endswith("The problems of scan_delivery() name 9 more.")
    assert not_searched.startswith("NRCBLONG was not searched: ")
    assert list(everything) == ["NRCA1"]
    assert set(everything.problems) == {"NRCBLONG"}
    assert "NRCBLONG" in everything._repr_html_()
    with pytest.warns(DarkmaskWarning, match="left out"), pytest.raises(DarkmaskError, match="has no _fitopt partner"):
        search_delivery(folder, detectors=["NRCBLONG"])


# What cannot be


@pytest.mark.parametrize(
    ("keywords", "error", "said"),
    [
        ({"hot_rte": 1}, ParameterError, "There is no keyword 'hot_rte': the nearest is 'hot_rate'."),
        ({"detector": "NRCA9"}, ParameterError, "There is no NIRCam detector 'NRCA9': the nearest is 'NRCA4'."),
        ({"detector": "NRCB3"}, DeliveryError, "holds no dark of NRCB3, only of NRCA1, NRCBLONG."),
        ({}, ParameterError, "The darks are of 2 detectors (NRCA1, NRCBLONG): name one, as detector='NRCA1'"),
        ({"search": "oficial"}, ParameterError, "There is no search 'oficial': the nearest is 'official'."),
        ({"engine": "reffiles"}, ParameterError, "There is no engine 'reffiles': the nearest is 'jwst_reffiles'."),
        ({"dark_jump_files": ["a_jump.fits"]}, ParameterError, "Both a folder and dark_jump_files were given"),
        ({"detector": "NRCA1", "base": "no_such"}, MaskError, "no_such does not exist: give the mask in force"),
        ({"detector": "NRCA1", "base": 7}, ParameterError, "base is a int: give a path."),
        ({"detector": "NRCA1", "manual_flags": "no_such"}, DarkmaskError, "no_such"),
        ({"detector": "NRCA1", "flat_slope_files": ["no_such.fits"]}, DeliveryError, "no_such.fits"),
    ],
)  # fmt: skip
def test_a_call_that_cannot_be_answered_is_one_sentence(small, keywords, error, said):
    with pytest.raises(error) as raised:
        bad_pixels(small.delivery, **keywords)
    assert said in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("folder", "error", "said"),
    [
        (None, ParameterError, "No darks were given: name a folder, or files"),
        ("no_such_folder", DeliveryError, "no_such_folder does not exist: give the folder that holds the darks."),
        (["a_jump.fits"], ParameterError, "The darks were given as a list: give the folder that holds them"),
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be_searched_is_one_sentence(folder, error, said):
    with pytest.raises(error) as raised:
        bad_pixels(folder)
    assert said in str(raised.value)


def test_lists_that_are_mixed_up_are_one_sentence(small, tmp_path):
    files = files_of(small.delivery)
    slopes, jumps, fitopts = files.values()
    other = files_of(small.delivery, detector="nrcblong")
    damaged = tmp_path / "damaged_jump.fits"
    damaged.write_bytes(b"no FITS file")
    (tmp_path / "damaged_fitopt.fits").touch()
    (tmp_path / "damaged_rate.fits").touch()
    for call, said in (
        ({"dark_jump_files": fitopts, "dark_fitopt_files": jumps, "dark_slope_files": slopes}, "is a _fitopt file"),
        ({**files, "dark_fitopt_files": fitopts[1:]}, "has no _fitopt partner"),
        ({**files, "dark_jump_files": [*jumps, "no_jump.fits"]}, "no_jump.fits of dark_jump_files does not exist"),
        ({"dark_jump_files": [damaged]}, "damaged_fitopt.fits is empty"),
        ({name: files[name] + other[name] for name in files}, "The darks are of 2 detectors"),
        ({"dark_slope_files": [__file__]}, "has no _jump file beside it: name it with dark_jump_files."),
    ):
        with pytest.raises(DarkmaskError) as raised:
            bad_pixels(**call)
        assert said in str(raised.value)


def test_a_real_frame_of_another_size_is_one_sentence(small, tmp_path):
    from astropy.io import fits

    folder = small.copy(tmp_path)
    for path in folder.glob("*_nrca1_*"):
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
        with fits.open(path, mode="update") as hdus:
            del hdus[0].header["SIMULATD"]
    with pytest.raises(DeliveryError, match="is a full frame of 128x128 pixels where NRCA1 has 2048x2048"):
        bad_pixels(folder, detector="NRCA1")


def test_files_are_for_one_detector(small, tmp_path):
    with pytest.raises(ParameterError, match=r"dark_jump_files is for one detector: give it to bad_pixels\(\)"):
        search_delivery(small.delivery, dark_jump_files=["a_jump.fits"])
    with pytest.raises(ParameterError, match="output_file is for one detector"):
        search_delivery(small.delivery, output_file=tmp_path / "mask.fits")


def test_a_scan_of_nothing_is_one_sentence(tmp_path):
    with pytest.raises(DeliveryError, match="holds no _jump, _fitopt and _rate files"):
        scan_delivery(tmp_path)
    with pytest.raises(ParameterError, match="The darks were given as a int"):
        scan_delivery(7)


# Progress


def test_nothing_is_written_where_nobody_watches(small, capfd):
    bad_pixels(small.delivery, detector="NRCA1")
    assert capfd.readouterr() == ("", "")


def test_a_bar_is_shown_in_a_terminal(small):
    ours, theirs = os.openpty()
    code = f"import darkmask; darkmask.search_delivery({str(small.delivery)!r})"
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=theirs, env=environment) as run:
        os.close(theirs)
        output = b""
        # Reading the end of a terminal is an error.
        try:
            while chunk := os.read(ours, 4096):
                output += chunk
        except OSError:
            pass
        assert run.wait(timeout=120) == 0
    os.close(ours)
    assert b"searching NRCA1" in output
    assert b"/2" in output


def test_categories_are_all_counted(found):
    assert sum(found.counts.values()) >= np.count_nonzero(found.categories)
    assert set(found.counts) == set(Category)
