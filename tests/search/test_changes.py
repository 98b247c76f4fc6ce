"""The flight search finds what changes between integrations, and calls nothing good bad for it."""

import numpy as np
import pytest

from darkmask.build.explainer import Explainer
from darkmask.core.categories import Category, in_category
from darkmask.search.engines import search_set
from tests.support.changing_ramps import (
    DETECTOR,
    HOURS,
    INTEGRATIONS,
    SECONDS,
    SIZE,
    add_rate,
    drawn,
    searched,
    written,
)

SPREAD = np.zeros((SIZE, SIZE), bool)
SPREAD[10:118:9, 10:118:9] = True


def called(outcome, category: Category) -> np.ndarray:
    return in_category(outcome.categories, category)


@pytest.mark.parametrize("electrons", [1.0, 5.0])
def test_pixels_hot_in_some_integrations_are_intermittent_and_hot(small, tmp_path, electrons):
    reads = drawn()
    add_rate(reads, SPREAD, electrons, 1, 4)
    outcome = searched(small, tmp_path, reads)
    assert called(outcome, Category.INTERMITTENT)[SPREAD].mean() >= 0.98
    assert called(outcome, Category.HOT)[SPREAD].mean() >= 0.98
    assert not outcome.flags.unusable(outcome.categories)[~SPREAD].any()


def test_an_explanation_says_what_changes(small, tmp_path):
    reads = drawn()
    add_rate(reads, SPREAD, 5.0, 1, 4)
    for i in range(INTEGRATIONS):
        reads[i][:, 30:60, 30:60] += 0.5 / (i + 1) / DETECTOR.gain * SECONDS
    request = written(small, tmp_path, reads)
    categories = search_set(request).categories
    explainer = Explainer(request, categories)
    intermittent = explainer.explain(19, 19)
    assert intermittent["varies"].outcome
    assert intermittent["high_state"].outcome
    glowing = explainer.explain(44, 44)
    assert "transient" in glowing.categories
    assert glowing["trend"].outcome
    # A patch is part of what is large, and is not detected; by its late half it would not be either.
    assert not (glowing["detected"].outcome and glowing["late_rate"].outcome)


def test_one_integration_alone_is_counted_and_not_called(small, tmp_path):
    reads = drawn()
    add_rate(reads, SPREAD, 5.0, 4)
    outcome = searched(small, tmp_path, reads)
    assert not outcome.flags.unusable(outcome.categories).any()
    assert outcome.thresholds["pixels_off_in_one_integration"] >= 0.98 * SPREAD.sum()


def test_hot_from_some_integration_to_the_last_is_hot(small, tmp_path):
    reads = drawn()
    add_rate(reads, SPREAD, 2.0, 6, 7)
    outcome = searched(small, tmp_path, reads)
    assert called(outcome, Category.HOT)[SPREAD].all()
    assert not called(outcome, Category.INTERMITTENT).any()


def test_what_a_pixel_that_changes_couples_is_told_by_its_neighbours(small, tmp_path):
    """It couples by a third more than is published; a neighbour that changes by itself does so by more."""
    reads, bright = drawn(), np.zeros((SIZE, SIZE), bool)
    bright[12:116:8, 12:116:8] = True
    add_rate(reads, bright, 250.0, 3, 6)
    beside = np.zeros((4, SIZE, SIZE), bool)
    for where, (dy, dx) in zip(beside, ((-1, 0), (1, 0), (0, -1), (0, 1)), strict=True):
        where[12 + dy : 116 + dy : 8, 12 + dx : 116 + dx : 8] = True
        add_rate(reads, where, 250.0 * 1.35 * DETECTOR.ipc, 3, 6)
    own = np.zeros_like(bright)
    own[13:117:24, 12:116:24] = True
    add_rate(reads, own, 4.0, 3, 6)
    bad = searched(small, tmp_path, reads).categories != 0
    assert bad[bright].all()
    assert bad[own].mean() > 0.95
    assert np.count_nonzero(bad[beside.any(axis=0) & ~own]) <= 2


def test_good_in_the_whole_of_the_last_epoch_is_only_catalogued(small, tmp_path):
    reads = drawn()
    add_rate(reads, SPREAD, 2.0, 0, 1, 2, 3)
    months = (*HOURS[:4], *(time + 30 for time in HOURS[4:]))
    healed = searched(small, tmp_path, reads, months)
    assert called(healed, Category.TRANSIENT)[SPREAD].all()
    assert not healed.flags.unusable(healed.categories).any()


def test_what_only_fades_until_the_last_epoch_is_not_over(small, tmp_path):
    reads = drawn()
    add_rate(reads, SPREAD, 5.0, 0, 1, 2, 3)
    add_rate(reads, SPREAD, 1.0, 4, 5, 6, 7)
    months = (*HOURS[:4], *(time + 30 for time in HOURS[4:]))
    outcome = searched(small, tmp_path, reads, months)
    assert outcome.flags.unusable(outcome.categories)[SPREAD].mean() >= 0.98
    assert called(outcome, Category.HOT)[SPREAD].mean() >= 0.98
    assert not called(outcome, Category.TRANSIENT).any()


def test_what_comes_and_goes_is_not_over_for_a_rest_that_it_often_has(small, tmp_path):
    """Hot in two of six integrations, a pixel rests in the two of the last epoch in four of nine cases."""
    reads = drawn()
    add_rate(reads, SPREAD, 2.0, 1, 4)
    months = (*HOURS[:6], *(time + 30 for time in HOURS[6:]))
    outcome = searched(small, tmp_path, reads, months)
    assert called(outcome, Category.INTERMITTENT)[SPREAD].mean() >= 0.98
    assert not called(outcome, Category.TRANSIENT).any()


def test_a_patch_that_decays_is_transient_and_not_warm(small, tmp_path):
    reads = drawn()
    y, x = np.indices((SIZE, SIZE))
    patch = (y - 60) ** 2 + (x - 50) ** 2 < 15**2
    for i in range(INTEGRATIONS):
        add_rate(reads, patch, 0.5 / (i + 1), i)
    outcome = searched(small, tmp_path, reads)
    assert called(outcome, Category.TRANSIENT)[patch].mean() > 0.8
    bad = outcome.categories & ~np.uint16(Category.TRANSIENT.bit)
    assert np.count_nonzero(bad[patch]) <= 0.01 * patch.sum()
    # A hot pixel in the patch stays hot.
    reads[:, :, 60, 50] += 3.0 * SECONDS[:, 0, 0]
    (tmp_path / "hot").mkdir()
    assert called(searched(small, tmp_path / "hot", reads), Category.HOT)[60, 50]


def test_an_isolated_decaying_pixel_is_intermittent(small, tmp_path):
    reads = drawn()
    for i in range(INTEGRATIONS):
        add_rate(reads, SPREAD, 8.0 / (i + 1) ** 2, i)
    assert called(searched(small, tmp_path, reads), Category.INTERMITTENT)[SPREAD].mean() >= 0.95


def test_two_levels_of_the_first_group_are_found(small, tmp_path):
    reads = drawn()
    reads[[1, 3, 6], :, :, :] += np.where(SPREAD, 250, 0)
    assert called(searched(small, tmp_path, reads), Category.INTERMITTENT)[SPREAD].mean() >= 0.95


@pytest.mark.parametrize("scatter", [150, 400])
def test_a_reset_that_scatters_is_found(small, tmp_path, scatter):
    reads = drawn()
    reads[:, :, SPREAD] += scatter * np.random.default_rng(4).standard_normal((INTEGRATIONS, 1, SPREAD.sum()))
    outcome = searched(small, tmp_path, reads)
    assert called(outcome, Category.INTERMITTENT)[SPREAD].mean() >= (0.95 if scatter == 400 else 0.6)
    assert not outcome.flags.unusable(outcome.categories)[~SPREAD].any()


@pytest.mark.parametrize("share", [0.002, 0.004])
def test_levels_are_found_beside_as_many_hits_as_averaged_groups_have(small, tmp_path, share):
    """Hits leave what spreads over decades; by any number of flagged jumps the test was not asked at all."""
    reads, random = drawn(), np.random.default_rng(6)
    hit = random.random((INTEGRATIONS, 1, SIZE, SIZE)) < share
    reads += hit * 20 * (1 + random.pareto(1, hit.shape)) * ~SPREAD
    jumps = np.zeros(reads.shape, bool)
    jumps[:, 1:] = random.random(jumps[:, 1:].shape) < 5 * share
    reads[:, :, SPREAD] += 400 * random.standard_normal((INTEGRATIONS, 1, SPREAD.sum()))
    outcome = searched(small, tmp_path, reads, jumps=jumps)
    assert called(outcome, Category.INTERMITTENT)[SPREAD].mean() >= 0.95
    assert np.count_nonzero(outcome.flags.unusable(outcome.categories)[~SPREAD]) <= 1


def test_two_hits_before_the_first_group_are_no_levels(small, tmp_path):
    reads = drawn()
    reads[1][:, SPREAD] += 150
    reads[4][:, SPREAD] += 700
    outcome = searched(small, tmp_path, reads)
    assert not outcome.flags.unusable(outcome.categories).any()


def test_without_times_nothing_is_said_of_trends(small, tmp_path):
    reads = drawn()
    add_rate(reads, SPREAD, 2.0, 6, 7)
    outcome = searched(small, tmp_path, reads, times=None)
    assert not outcome.maps.changes.times
    assert not outcome.maps.changes.rows.trend.any()
    assert called(outcome, Category.INTERMITTENT)[SPREAD].all()


@pytest.mark.parametrize("times", [HOURS, None])
def test_the_names_of_files_change_no_bit(small, tmp_path, times):
    reads = drawn()
    add_rate(reads, SPREAD, 2.0, 6, 7)
    outcomes = []
    for number, order in enumerate([range(INTEGRATIONS), (5, 2, 7, 0, 1, 6, 3, 4)]):
        (tmp_path / str(number)).mkdir()
        outcomes.append(searched(small, tmp_path / str(number), reads, times, order))
    one, other = outcomes
    np.testing.assert_array_equal(one.categories, other.categories)
    for name, image in one.maps.changes.rows._asdict().items():
        np.testing.assert_array_equal(getattr(other.maps.changes.rows, name), image, err_msg=name, strict=True)


def test_rates_that_scatter_by_more_than_their_noise_make_a_pixel_bad(small, tmp_path):
    reads, random = drawn(), np.random.default_rng(8)
    # Five times the error of a rate of twenty reads; two of eight integrations may be hits, and tell nothing.
    error = DETECTOR.read_noise * np.sqrt(12 / len(SECONDS) ** 3) / SECONDS[0, 0, 0] * DETECTOR.gain
    for i in range(INTEGRATIONS):
        add_rate(reads, SPREAD, random.normal(0, 5 * error, SPREAD.sum()), i)
    outcome = searched(small, tmp_path, reads)
    assert outcome.flags.unusable(outcome.categories)[SPREAD].mean() >= 0.75
    assert called(outcome, Category.NOISY)[SPREAD].mean() >= 0.3
    assert not outcome.categories[~SPREAD].any()


def test_two_integrations_that_were_hit_make_no_pixel_noisy(small, tmp_path):
    reads = drawn()
    error = DETECTOR.read_noise * np.sqrt(12 / len(SECONDS) ** 3) / SECONDS[0, 0, 0] * DETECTOR.gain
    add_rate(reads, SPREAD, 5 * error, 2)
    add_rate(reads, SPREAD, 6 * error, 5)
    outcome = searched(small, tmp_path, reads)
    assert called(outcome, Category.NOISY)[SPREAD].mean() <= 0.05


def test_a_step_late_in_nearly_every_ramp_makes_a_pixel_bad(small, tmp_path):
    reads = drawn()
    jumps = np.zeros(reads.shape, bool)
    jumps[1:, -3] = SPREAD
    outcome = searched(small, tmp_path, reads, jumps=jumps)
    assert outcome.flags.unusable(outcome.categories)[SPREAD].mean() >= 0.95
    assert not outcome.flags.unusable(outcome.categories)[~SPREAD].any()


@pytest.mark.parametrize("often", [0.01, 0.2])
def test_pixels_beside_a_saturated_one_are_noisy_by_what_hits_leave_of_their_ramps(small, tmp_path, often):
    """Their jumps are not flagged: where ramps are hit often, half of a good one's may be."""
    reads, random = drawn(), np.random.default_rng(9)
    beside = np.roll(SPREAD, (1, 1), (0, 1))
    reads[:5, 12:, beside] += 80
    jumps = np.zeros(reads.shape, bool)
    jumps[:, 8] = random.random((INTEGRATIONS, SIZE, SIZE)) < often
    outcome = searched(small, tmp_path, reads, jumps=jumps, saturated=SPREAD)
    assert called(outcome, Category.SATURATED)[SPREAD].all()
    assert called(outcome, Category.NOISY)[beside].mean() == pytest.approx(float(often == 0.01), abs=0.05)


def test_a_few_hits_are_no_steps_of_a_pixel(small, tmp_path):
    reads = drawn()
    jumps = np.zeros(reads.shape, bool)
    jumps[[1, 4], 5] = SPREAD
    outcome = searched(small, tmp_path, reads, jumps=jumps)
    assert not outcome.flags.unusable(outcome.categories).any()
