"""The flight search on simulated darks: what was put in is found, and nothing else; how it is read changes nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from darkmask.delivery import scan
from darkmask.detectors import Geometry
from darkmask.detectors import detector as look_up
from darkmask.engines import SetRequest, search_set
from darkmask.flags import Category, in_category
from darkmask.maps import combine_set
from darkmask.search.flight import saturation_level
from darkmask.search.parameters import SearchParameters
from darkmask.search.telegraph import telegraph_evidence
from darkmask.simulate import read_truth

FRAME = 128


@pytest.fixture(scope="module", params=["NRCA1", "NRCBLONG"])
def request_of(request, small):
    exposures = scan(small.delivery).main_set(request.param, "FULL")
    return SetRequest(exposures, small.delivery, "native", "flight", SearchParameters(), Geometry(FRAME))


@pytest.fixture(scope="module")
def outcome(request_of):
    return search_set(request_of)


@pytest.fixture(scope="module")
def truth(request_of, small):
    maps = {category: np.zeros((FRAME, FRAME), bool) for category in Category}
    strength = np.zeros((FRAME, FRAME))
    for row in read_truth(small.truth, request_of.detector):
        maps[Category(row["category"])][row["y"], row["x"]] = True
        strength[row["y"], row["x"]] = row["strength"]
    return maps, strength


@pytest.mark.parametrize("category", [Category.SATURATED, Category.RC, Category.INVERSE_RC, Category.LOW_PEDESTAL])
def test_strong_defects_are_all_found_and_named(outcome, truth, category):
    maps, _ = truth
    assert maps[category].any()
    assert (in_category(outcome.categories, category) == maps[category]).all()


def test_hot_pixels_well_above_the_detection_limit_are_found(outcome, truth):
    maps, strength = truth
    sure = maps[Category.HOT] & (strength > 0.4)
    assert sure.any()
    assert in_category(outcome.categories, Category.HOT)[sure].all()


def test_noisy_pixels_are_found(outcome, truth):
    maps, _ = truth
    assert maps[Category.NOISY].any()
    found = in_category(outcome.categories, Category.NOISY) | in_category(outcome.categories, Category.TELEGRAPH)
    assert found[maps[Category.NOISY]].all()


def test_telegraph_pixels_of_three_times_the_noise_are_found_and_named(outcome, truth):
    maps, strength = truth
    sure = maps[Category.TELEGRAPH] & (strength > 60)
    assert sure.any()
    assert in_category(outcome.categories, Category.TELEGRAPH)[sure].mean() >= 0.9


def test_good_pixels_are_not_called_bad(outcome, truth):
    defect = np.any(list(truth[0].values()), axis=0)
    # Ten integrations of 16 groups: two pixels of 14 400 is the purity that the small sample can show.
    assert (outcome.categories[~defect] != 0).sum() <= 2


def test_reading_in_blocks_changes_nothing(request_of):
    level = saturation_level(look_up(request_of.detector))
    whole = combine_set(request_of.exposures, request_of.folder, level)
    for block_bytes in (1, 500_000):
        blocks = combine_set(request_of.exposures, request_of.folder, level, block_bytes)
        for name, value in vars(whole).items():
            np.testing.assert_array_equal(getattr(blocks, name), value, err_msg=name)


def test_the_order_of_exposures_changes_nothing(request_of, outcome):
    turned = search_set(replace(request_of, exposures=request_of.exposures[::-1]))
    np.testing.assert_array_equal(turned.categories, outcome.categories)


def test_two_levels_are_told_from_noise():
    random = np.random.default_rng(7)
    levels = random.random((40, 12, 20)) < 0.25
    states = np.logical_xor.accumulate(levels, axis=2)
    ramps = 5 * random.standard_normal(states.shape)
    telegraph = np.diff(ramps + 60 * states, axis=2).reshape(40, -1)
    noisy = np.diff(5 * ramps, axis=2).reshape(40, -1)
    sigma = np.full(40, 5 * np.sqrt(2))
    good = np.ones_like(telegraph, bool)
    assert (telegraph_evidence(telegraph, good, sigma) > 20).all()
    assert (telegraph_evidence(noisy, good, sigma) < 20).all()
    assert (telegraph_evidence(noisy, ~good, sigma) == -np.inf).all()


def test_one_cosmic_ray_makes_no_telegraph_pixel():
    quiet = 7 * np.random.default_rng(3).standard_normal((30, 200))
    quiet[:, 50] += 400
    evidence = telegraph_evidence(quiet, np.ones_like(quiet, bool), np.full(30, 7.0))
    assert (evidence < 20).all()


def test_a_detector_without_exposures_is_one_sentence():
    from darkmask.errors import SearchError

    with pytest.raises(SearchError, match="no whole exposure to search"):
        combine_set((), Path(), 0.0)
