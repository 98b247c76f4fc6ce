"""Neighbours of hot pixels, and telegraph pixels, flagged as the options of a criteria file say."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from scipy import ndimage

from darkmask import bad_pixels, read_mask
from darkmask.core.detectors import Geometry
from darkmask.core.errors import ParameterError
from darkmask.core.flags import FLIGHT_FLAGS, bits_of, has_flag
from darkmask.masks.quality import missing_bits, unusable_without_flag
from darkmask.search.parameters import SearchParameters

BESIDE = bits_of(("OTHER_BAD_PIXEL", "DO_NOT_USE"))
SCIENCE = ~Geometry(128).reference_pixels()
CROSS = ndimage.generate_binary_structure(2, 1)


@pytest.fixture(scope="module")
def plain(small):
    return bad_pixels(small.delivery, detector="NRCA1")


@pytest.fixture(scope="module")
def wide(small):
    return bad_pixels(small.delivery, detector="NRCA1", hot_neighbours="+")


def around(dq: np.ndarray) -> np.ndarray:
    hot = has_flag(dq, "HOT")
    return ndimage.binary_dilation(hot, CROSS) & ~hot & SCIENCE


def test_the_four_neighbours_of_a_hot_pixel_are_not_used(plain, wide):
    beside = around(plain.dq)
    assert beside.sum() > 3 * plain.flags["HOT"] > 100
    assert (wide.dq[beside] & BESIDE == BESIDE).all()
    np.testing.assert_array_equal(wide.dq[~beside], plain.dq[~beside])
    np.testing.assert_array_equal(wide.categories, plain.categories)
    assert (wide.dq[~SCIENCE] == bits_of(("REFERENCE_PIXEL",))).all()
    assert "hot_neighbours = +" in str(read_mask(wide.products.built().mask_path).header["HISTORY"])


@pytest.mark.parametrize("recorded", [True, False], ids=["with", "without the image of what was carried"])
def test_the_next_mask_frees_them_when_nobody_asks_again(small, plain, wide, tmp_path, recorded):
    built = wide.products.built()
    shutil.copy(built.mask_path, tmp_path)
    if recorded:
        shutil.copy(built.carried_path, tmp_path)
    again = bad_pixels(small.delivery, detector="NRCA1", base=tmp_path)
    np.testing.assert_array_equal(again.dq, plain.dq)


def test_telegraph_pixels_keep_their_name_alone(small, plain):
    found = bad_pixels(small.delivery, detector="NRCA1", telegraph_do_not_use=False)
    named = has_flag(plain.dq, "TELEGRAPH")
    assert named.sum() > 5
    np.testing.assert_array_equal(has_flag(found.dq, "TELEGRAPH"), named)
    freed = has_flag(plain.dq, "DO_NOT_USE") & ~has_flag(found.dq, "DO_NOT_USE")
    assert freed.sum() > 5
    assert not (freed & ~named).any()


def test_the_check_of_do_not_use_follows_the_options(plain, wide):
    nowhere, beside = np.zeros_like(SCIENCE), around(plain.dq)
    mandatory = wide.products.built().mandatory_bits
    categories = np.where(SCIENCE, wide.categories, 0)
    assert missing_bits(wide.dq, categories, mandatory, beside) == 0
    assert missing_bits(plain.dq, categories, mandatory, nowhere) == 0
    assert missing_bits(plain.dq, categories, mandatory, beside) > 100
    widely = SearchParameters(hot_neighbours="+").flight_flags()
    assert unusable_without_flag(wide.dq, widely) == 0
    assert unusable_without_flag(plain.dq, widely) > 100
    telegraph = np.full((2, 2), bits_of(("TELEGRAPH",)), np.uint32)
    assert unusable_without_flag(telegraph) == 4
    assert unusable_without_flag(telegraph, SearchParameters(telegraph_do_not_use=False).flight_flags()) == 0
    assert SearchParameters().flight_flags() == FLIGHT_FLAGS


def test_another_pattern_is_refused():
    with pytest.raises(ParameterError, match="hot_neighbours = 'x'"):
        SearchParameters(hot_neighbours="x")


@pytest.mark.slow
def test_neighbours_of_hot_pixels_are_no_low_pedestals_of_a_delivered_mask(run_checks, small, plain, wide, tmp_path):
    """They have the same flag in the mask; counted as such they are three times what is accepted."""
    widely = small.criteria_with(tmp_path / "wide.toml", '[search]\nhot_neighbours = "+"\n', "wide")

    def low_pedestals(name: str, criteria: Path) -> dict:
        run = run_checks(f"--masks={tmp_path / name}", f"--criteria={criteria}", "--detectors=NRCA1")
        return run.checks["CNT-LOW_PEDESTAL", "NRCA1", "FULL"]

    measured, masks = {}, {}
    for name, result, criteria in (("plain", plain, small.criteria), ("wide", wide, widely)):
        (tmp_path / name).mkdir()
        masks[name] = Path(shutil.copy(result.products.built().mask_path, tmp_path / name))
        check = low_pedestals(name, criteria)
        assert check["outcome"] == "pass", check["message"]
        measured[name] = check["measured"]
    # A low pedestal beside a hot pixel cannot be told from its neighbour.
    assert 0.9 * measured["plain"] <= measured["wide"] <= measured["plain"]
    # The same two flags away from hot pixels are counted.
    with fits.open(masks["wide"], mode="update") as hdus:
        dq = hdus["DQ"].data
        elsewhere = np.argwhere((dq == 0) & ~around(plain.dq) & SCIENCE)[::50]
        dq[tuple(elsewhere.T)] = BESIDE
    check = low_pedestals("wide", widely)
    assert check["outcome"] == "fail", check["message"]
    assert check["measured"] == pytest.approx(measured["wide"] + len(elsewhere) / SCIENCE.sum())
