"""What a mask leaves in each exposure, and what the release alone finds, on the small delivery."""

import gc
from dataclasses import replace

import numpy as np
import pytest

from darkmask.build.drift import drift_of
from darkmask.build.turned import passing
from darkmask.core.categories import Category, in_category
from darkmask.core.detectors import detector as look_up
from darkmask.core.errors import TooLittleError
from darkmask.search.engines import search_set
from darkmask.search.flight.some_pixels import SomePixels
from darkmask.validation.agreement import confirmed_by_release
from darkmask.validation.residuals import count_left, left_in_exposures
from darkmask.validation.standing import HOT, NOISY, TESTS
from tests.checks.planting import every_exposure
from tests.checks.ramp_faults import FRAME, LAST, SATURATED, add_persistence, disc, spread
from tests.support.raw_exposures import TGROUP, fitted, written
from tests.support.requests import flight_request

NOWHERE = np.zeros(FRAME, bool)


@pytest.fixture
def request_of_small(small):
    return flight_request(small.delivery)


def test_good_exposures_leave_next_to_nothing(request_of_small):
    left = left_in_exposures(request_of_small, NOWHERE)
    assert [each["name"] for each in left] == [exposure.jump.path for exposure in request_of_small.exposures]
    for kind in (HOT, NOISY):
        assert max(each[kind]["left"] for each in left) <= 1
        assert {each[kind]["beyond"] for each in left} == {0}


def test_what_a_mask_lets_use_is_left_however_often_it_stands_out(request_of_small):
    """Of hot pixels that each exposure shows nobody asks the others, where the mask made from all holds them."""
    names = tuple(name for name in request_of_small.parameters.flight_do_not_use if name != "hot")
    parameters = request_of_small.parameters.model_copy(update={"flight_do_not_use": names})
    categories = search_set(request_of_small).categories
    lenient = replace(request_of_small, parameters=parameters)
    in_mask = parameters.flight_flags().unusable(categories)
    left = left_in_exposures(lenient, NOWHERE, in_mask=in_mask)
    assert min(each[HOT]["left"] for each in left) > 0.5 * np.count_nonzero(in_category(categories, Category.HOT))


def test_a_mask_of_all_spares_questions_and_changes_no_answer(request_of_small):
    in_mask = request_of_small.parameters.flight_flags().unusable(search_set(request_of_small).categories)
    answers = [left_in_exposures(request_of_small, NOWHERE, in_mask=each) for each in (None, in_mask)]
    assert answers[0] == answers[1]


def test_exposures_of_which_the_search_judges_no_pixel_are_no_pass(tmp_path):
    """Nine differences are fewer than a search needs, and nothing left of nothing that was looked at is none."""
    random, hot = np.random.default_rng(5), np.zeros((96, 96), bool)
    hot[8:-8:8, 8:-8:8] = True

    def left(groups: int, full: bool = False) -> list[dict]:
        sci = random.normal(0, 5, (5, groups, *hot.shape))
        sci[-1][:, hot] += 10 * TGROUP * np.arange(groups)[:, None]
        groupdq = np.zeros(sci.shape, np.uint8)
        if full:
            sci[:, 5:, 4, 4], groupdq[:, 5:, 4, 4] = 60_000, SATURATED
        ramps = fitted(sci, groupdq)
        return left_in_exposures(
            written(ramps, tmp_path / f"{groups}{full}", [[i] for i in range(5)]), np.zeros_like(hot)
        )

    with pytest.raises(TooLittleError, match="no pixel with the reads that tell"):
        left(10)
    # A pixel that fills its well is judged, however few reads it has.
    with pytest.raises(TooLittleError, match="has 1 of 7744 pixels with the reads that tell"):
        left(10, full=True)
    assert left(11)[-1][HOT]["left"] == np.count_nonzero(hot)


def test_images_of_an_exposure_are_gone_when_it_was_judged(request_of_small):
    """A worker looks for garbage seldom: what refers to itself in a circle stays, and memory grows by each exposure."""
    gc.collect()
    gc.disable()
    try:
        left_in_exposures(request_of_small, NOWHERE)
        assert not [one for one in gc.get_objects() if isinstance(one, SomePixels)]
    finally:
        gc.enable()


def test_light_that_decays_is_not_counted_and_what_turns_hot_in_it_is(small, tmp_path):
    """Plant a patch that glows by 1 e-/s in the first exposure, and in it 9 pixels that are hot in the last."""
    delivery = small.copy(tmp_path, "darks")
    patch = disc(8)
    turning = patch & (np.indices(FRAME) % 4 == 0).all(axis=0)
    for number, ramps in enumerate(every_exposure(delivery)):
        add_persistence(ramps, number, patch)
        if number == LAST:
            ramps.add_signal(turning, 5.0)
    request = flight_request(delivery)
    outcome = search_set(request)
    drift = drift_of(outcome, ~request.reference_pixels(), look_up("NRCA1"), TGROUP, request.parameters)
    passes = passing(outcome.categories, drift.changed, outcome.flags)
    assert passes[patch & ~turning].mean() > 0.9
    assert in_category(outcome.categories, Category.TRANSIENT)[turning].any()
    as_hot, left = (left_in_exposures(request, each) for each in (NOWHERE, passes))
    assert as_hot[0][HOT]["left"] > 50
    assert left[0][HOT]["left"] <= 1
    assert left[0]["passing"] > 50
    assert left[LAST][HOT]["left"] == turning.sum() == 9


def test_pixels_of_a_column_that_wanders_are_not_called_noisy_for_it(small, tmp_path):
    delivery = small.copy(tmp_path, "darks")
    column, noise = 100, np.random.default_rng(3)
    for number, ramps in enumerate(every_exposure(delivery)):
        if number == LAST:
            ramps.sci[..., column] += noise.normal(0, 60, ramps.sci.shape[:-1])
    request = flight_request(delivery)
    asked, spared = (left_in_exposures(request, NOWHERE, wandering=each)[LAST][NOISY] for each in ((), (column,)))
    assert asked["left"] > FRAME[0] / 2
    assert spared["left"] <= 1
    assert asked["judged"] - spared["judged"] > FRAME[0] / 2


def test_two_reads_beside_a_pixel_that_fills_its_well_early_are_no_hot_pixel(small, tmp_path):
    """Plant flags that leave two reads, which a hit makes a slope of; and in others a well that fills in the third."""
    delivery = small.copy(tmp_path, "darks")
    cut, filling = spread(30), np.roll(spread(30), 12, axis=1)
    for number, ramps in enumerate(every_exposure(delivery)):
        ramps.groupdq[:, 2:, cut] |= SATURATED
        if number == LAST:
            ramps.rate[:, cut] = 60.0
            ramps.sci[:, 1, cut] = ramps.sci[:, 0, cut] + np.float32(60.0 * TGROUP)
            ramps.groupdq[:, 2:, filling] |= SATURATED
            ramps.sci[:, :, filling] += np.float32(20_000) * np.arange(1, ramps.sci.shape[1] + 1)[:, None].clip(max=3)
            ramps.rate[:, filling] = 20_000 / TGROUP
    request = flight_request(delivery)
    left = left_in_exposures(request, NOWHERE)
    assert max(each[HOT]["left"] for each in left[:LAST]) <= 1
    assert 25 <= left[LAST][HOT]["left"] <= 30


def test_an_exposure_of_which_nothing_can_be_told_is_no_pass(small, tmp_path):
    """Everything is saturated in the first group: none of none would be within every bound."""
    delivery = small.copy(tmp_path, "darks")
    for number, ramps in enumerate(every_exposure(delivery)):
        if number == LAST:
            ramps.groupdq[:] |= SATURATED
    with pytest.raises(TooLittleError, match="has no pixel with the reads that tell a hit from a hot pixel"):
        left_in_exposures(flight_request(delivery), NOWHERE)


def test_pixels_beyond_chance_are_counted_per_million_and_named(request_of_small):
    where = np.zeros((128, 128), bool)
    where[50, 60:70] = True
    judged = np.ones((128, 128), bool)
    judged[50, 60] = False
    found = count_left(where, judged, request_of_small, TESTS[HOT])
    assert found["left"] == 9
    assert found["judged"] == 128**2 - 1
    # Chance makes 3e-7 of the pixels 5 sigma bright: one in five cases of a thousand, two in none of a thousand.
    assert found["chance"] == pytest.approx(2.87e-7 * (128**2 - 1), rel=0.01)
    assert found["beyond"] == pytest.approx(1e6 * 8 / (128**2 - 1))
    assert found["places"][0] == (61, 50)


def test_known_defects_explain_most_of_what_the_release_alone_finds(request_of_small):
    ours = search_set(request_of_small).categories
    found = confirmed_by_release(request_of_small, ours, package=False)["release"]
    explained, unexplained = (sum(found[name].values()) for name in ("explained", "unexplained"))
    assert explained + unexplained == found["only"] > 100
    assert unexplained < 0.001 * 120**2
    # With nothing of ours to grow flags from, no rule explains a saturated pixel, nor a jump as a neighbour's.
    blind = confirmed_by_release(request_of_small, np.zeros_like(ours), package=False)["release"]
    assert not any("saturated" in names for names in blind["explained"])
    assert sum(blind["unexplained"].values()) > 10 * unexplained
