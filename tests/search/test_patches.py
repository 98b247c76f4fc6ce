"""Pixels that decay together are one finding, with the size, the brightness and the time constant that were put in."""

import numpy as np
import pytest

from darkmask.build.explainer import Explainer
from darkmask.core.categories import Category, in_category
from darkmask.search.engines import search_set
from darkmask.search.flight.decays import fit_decay
from darkmask.search.structures import Structure, structure_table
from tests.support.changing_ramps import (
    DETECTOR,
    GROUPS,
    HOURS,
    INTEGRATIONS,
    SIZE,
    TGROUP,
    add_rate,
    drawn,
    searched,
    written,
)
from tests.support.raw_exposures import fitted, good_ramps, search_ramps

# Each integration begins half of its length before its middle, and its first group is read after a group's time.
BEGINS = np.array([(time - HOURS[0]) * 86_400 for time in HOURS])
READS = TGROUP * np.arange(GROUPS + 1)


def disc(x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.indices((SIZE, SIZE))
    return (rows - y) ** 2 + (columns - x) ** 2 < radius**2


def glow(reads, where, collected, first=0, seed=4) -> None:
    """Let pixels collect charge, Poisson by pixel, of which ``collected`` gives the electrons since a time in s."""
    random = np.random.default_rng(seed)
    for i in range(first, INTEGRATIONS):
        steps = np.diff(collected(BEGINS[i] - BEGINS[first] + READS))
        charge = random.poisson(steps[:, None], (GROUPS, int(where.sum()))).cumsum(axis=0)
        reads[i][:, where] += charge / DETECTOR.gain


def exponential(rate: float, time: float):
    return lambda t: rate * time * -np.expm1(-t / time)


def power(rate: float, start: float, exponent: float):
    """Return the charge of a rate that falls as a power of the time since the light, neither 1/t nor exponential."""
    return lambda t: rate * start / (1 - exponent) * (np.power(1 + t / start, 1 - exponent) - 1)


def patches(outcome) -> list[Structure]:
    return [one for one in outcome.structures if one.kind == "patch"]


def test_an_exponential_decay_is_one_finding_with_its_time(small, tmp_path):
    reads, where = drawn(), disc(50, 60, 12)
    glow(reads, where, exponential(0.8, 1500.0))
    outcome = searched(small, tmp_path, reads)
    (one,) = patches(outcome)
    assert (one.unit, one.law, one.first_integration) == ("electron/s", "exponential", 1)
    assert one.decay_time == pytest.approx(1500, abs=4 * one.decay_time_error)
    assert one.decay_time_error < 100
    # The mean of the first 215 s.
    assert one.amount == pytest.approx(0.8 * 0.932, rel=0.05)
    assert one.pixels == pytest.approx(where.sum(), rel=0.15)
    assert np.abs(np.array([one.x_first - 38, one.x_last - 62, one.y_first - 48, one.y_last - 72])).max() <= 3
    assert 3 <= one.last_integration <= 8


def test_a_decay_as_1_over_t_is_told_from_an_exponential(small, tmp_path):
    reads = drawn()
    glow(reads, disc(50, 60, 12), lambda t: 0.8 * 400 * np.log1p(t / 400))
    (one,) = patches(searched(small, tmp_path, reads))
    assert one.law == "1/t"
    assert one.decay_time == pytest.approx(400 * (np.e - 1), abs=4 * one.decay_time_error)
    assert one.last_integration == INTEGRATIONS


def test_another_law_gives_the_time_to_1_over_e_all_the_same(small, tmp_path):
    reads = drawn()
    glow(reads, disc(40, 80, 10), power(1.0, 900.0, 1.5))
    (one,) = patches(searched(small, tmp_path, reads))
    assert one.decay_time == pytest.approx(900 * (np.e ** (1 / 1.5) - 1), rel=0.2)


def test_what_begins_within_the_delivery_is_dated(small, tmp_path):
    reads = drawn()
    glow(reads, disc(90, 30, 6), exponential(1.5, 1200.0), first=3)
    (one,) = patches(searched(small, tmp_path, reads))
    assert one.first_integration == 4
    assert one.decay_time == pytest.approx(1200, abs=4 * one.decay_time_error)


def test_two_patches_are_two_findings_and_a_hot_pixel_within_does_not_count(small, tmp_path):
    reads = drawn()
    glow(reads, disc(30, 30, 8), exponential(0.8, 1500.0))
    glow(reads, disc(95, 90, 8), exponential(0.5, 3000.0))
    reads[:, :, 30, 30] += 40 / DETECTOR.gain * READS[1:]
    outcome = searched(small, tmp_path, reads)
    assert in_category(outcome.categories, Category.HOT)[30, 30]
    one, other = sorted(patches(outcome))
    assert one.amount == pytest.approx(0.8 * 0.932, rel=0.06)
    assert other.amount == pytest.approx(0.5 * 0.965, rel=0.06)
    assert one.decay_time < other.decay_time


def test_good_pixels_and_noise_are_no_patch(small, tmp_path):
    assert patches(searched(small, tmp_path, drawn(seed=8))) == []


def test_a_pixel_inside_is_told_of_its_patch(small, tmp_path):
    reads = drawn()
    glow(reads, disc(50, 60, 10), exponential(0.8, 1500.0))
    request = written(small, tmp_path, reads)
    outcome = search_set(request)
    (one,) = patches(outcome)
    explainer = Explainer(request, outcome.categories)
    assert dict(explainer.explain(50, 60).facts)["patch"] == one.sentence("NRCA1")
    assert "patch" not in dict(explainer.explain(100, 110).facts)


def test_the_sentence_and_the_table_say_what_was_measured():
    one = Structure("patch", 38, 62, 48, 72, 0.745, "electron/s", 448, 1500.0, 40.0, "exponential", 1, 5)
    assert one.sentence("NRCA1") == (
        "448 pixels of NRCA1 (x 38 to 62, y 48 to 72) glow by 0.745 electron/s at most, in integrations 1 to 5; they "
        "fade to 1/e in 1.5e+03 +- 40 s, exponentially"
    )
    table = structure_table([one, Structure("clump", 1, 4, 1, 4, 12.0, "pixels")], "NRCA1")
    assert str(table["decay_time"].unit) == "s"
    assert table["decay_time"][1] == 1500
    assert np.isnan(table["decay_time"][0])
    assert list(table["law"]) == ["-", "exponential"]


@pytest.mark.parametrize("number", [0, 1])
def test_too_few_integrations_give_no_time(number):
    seconds = np.arange(number) * 900.0
    decay = fit_decay(seconds, np.ones(number), np.full(number, 0.1), 200.0)
    assert np.isnan(decay.time)
    assert decay.law == ""


def test_what_does_not_decay_gives_no_time():
    decay = fit_decay(np.arange(8) * 900.0, np.full(8, 1.0), np.full(8, 0.1), 200.0)
    assert np.isnan(decay.time)


def test_errors_are_what_the_times_scatter_by():
    random, seconds = np.random.default_rng(3), np.arange(8) * 900.0
    law = 0.5 * np.exp(-seconds / 2000) * (-np.expm1(-200 / 2000) * 10)
    fits = [fit_decay(seconds, law + random.normal(0, 0.01, 8), np.full(8, 0.01), 200.0) for _ in range(200)]
    pulls = np.array([(one.time - 2000) / one.error for one in fits if one.law == "exponential"])
    assert len(pulls) > 150
    assert 0.6 < pulls.std() < 1.2


def test_noise_alone_makes_no_patch_from_any_integration_on(small, tmp_path):
    reads = drawn(seed=21)
    # Pixels that turn hot, come and go, and one integration that lies off in a square: none of these fades.
    add_rate(reads, disc(30, 30, 3), 1.0, 4)
    add_rate(reads, disc(90, 30, 3), 1.0, 4, 5, 6, 7)
    reads[3:, :, 80, 20:100:7] += 5.0 * READS[1:, None] / DETECTOR.gain
    assert patches(searched(small, tmp_path, reads)) == []


def test_a_warm_pixel_within_a_patch_stays_warm_and_the_others_are_not(small, tmp_path):
    """Its rate is there in every integration; those of its neighbours are light that fades."""
    reads, warm = drawn(), np.zeros((SIZE, SIZE), bool)
    where = disc(60, 60, 12)
    warm[54:68:4, 54:68:4] = True
    glow(reads, where, lambda t: 0.7 * 400 * np.log1p(t / 400))
    add_rate(reads, warm, 0.2, *range(INTEGRATIONS))
    found = searched(small, tmp_path, reads)
    called = in_category(found.categories, Category.WARM)
    assert called[warm].mean() >= 0.9
    assert not called[where & ~warm].any()
    assert not found.flags.unusable(found.categories)[where].any()


def test_a_pixel_of_a_patch_that_begins_at_two_levels_stays_intermittent(small, tmp_path):
    """Its rates are those of its neighbours: the light explains them, and not where its ramps begin."""
    reads, where = drawn(), disc(60, 60, 12)
    glow(reads, where, lambda t: 0.7 * 400 * np.log1p(t / 400))
    reads[[1, 3, 6], :, 54:68:4, 54:68:4] += 250
    outcome = searched(small, tmp_path, reads)
    assert in_category(outcome.categories, Category.INTERMITTENT)[54:68:4, 54:68:4].mean() >= 0.9


def test_an_explanation_says_what_a_pixel_has_besides_the_light(small, tmp_path):
    reads, (warm, trap) = drawn(), np.zeros((2, SIZE, SIZE), bool)
    warm[60, 60] = trap[60, 55] = True
    glow(reads, disc(60, 60, 12), lambda t: 0.7 * 400 * np.log1p(t / 400))
    # Traps differ: this pixel glows by twice as much as the others.
    glow(reads, trap, lambda t: 0.7 * 400 * np.log1p(t / 400))
    add_rate(reads, warm, 0.2, *range(INTEGRATIONS))
    request = written(small, tmp_path, reads)
    explainer = Explainer(request, search_set(request).categories)
    told, other = explainer.explain(60, 60)["steady_rate"], explainer.explain(55, 60)["steady_rate"]
    assert told.outcome
    assert told.value == pytest.approx(0.2, abs=0.1)
    assert not other.outcome
    assert other.value < 0.1


@pytest.mark.parametrize("first", [2, 4])
def test_no_pixel_of_an_afterglow_is_called_warm_or_intermittent(small, tmp_path, first):
    reads, where = drawn(), disc(60, 60, 5)
    glow(reads, where, power(1.2, 300.0, 1.2), first=first)
    outcome = searched(small, tmp_path, reads)
    bad = outcome.categories & ~np.uint16(Category.TRANSIENT.bit)
    assert not bad[where].any()
    assert in_category(outcome.categories, Category.TRANSIENT)[where].mean() > 0.9
    (one,) = patches(outcome)
    assert one.first_integration == first + 1


def test_a_pixel_of_a_patch_that_glows_by_far_more_than_the_others_is_not_warm(small, tmp_path):
    reads, trap = drawn(), np.zeros((SIZE, SIZE), bool)
    trap[56:66:4, 56:66:4] = True
    glow(reads, disc(60, 60, 12), lambda t: 0.3 * 400 * np.log1p(t / 400))
    glow(reads, trap, lambda t: 1.8 * 400 * np.log1p(t / 400), seed=6)
    outcome = searched(small, tmp_path, reads)
    bad = outcome.categories & ~np.uint16(Category.TRANSIENT.bit)
    assert not bad[trap].any()


def test_a_pixel_of_a_patch_that_is_hot_at_times_is_found_though_the_light_fades(small, tmp_path):
    """The light's trend is its own as well, and is not all that it does."""
    reads, hot = drawn(), np.zeros((SIZE, SIZE), bool)
    hot[54:68:4, 54:68:4] = True
    glow(reads, disc(60, 60, 12), lambda t: 1.5 * 400 * np.log1p(t / 400))
    add_rate(reads, hot, 2.0, 1, 3)
    outcome = searched(small, tmp_path, reads)
    assert (outcome.categories[hot] & ~np.uint16(Category.TRANSIENT.bit) != 0).mean() > 0.9
    assert not outcome.flags.unusable(outcome.categories)[disc(60, 60, 12) & ~hot].any()


@pytest.mark.parametrize("rate", [0.025, 0.04])
def test_a_light_of_a_few_pixels_makes_none_of_them_bad(tmp_path, rate):
    """Five pixels, too few to be seen in a window: they are told by what their rates have in common."""
    long = 20 * TGROUP
    sci, groupdq = good_ramps(integrations=20, read_noise=5 / np.sqrt(8))
    where = np.zeros(sci.shape[2:], bool)
    for y, x in ((20, 20), (20, 75), (60, 40), (80, 20), (80, 80)):
        where[y - 1 : y + 2, x] = where[y, x - 1 : x + 2] = True
    for i in range(4, 20):
        sci[i][:, where] += rate / (i - 3) * long / DETECTOR.gain * np.arange(20)[:, None]
    times = [59_000 + 0.055 * i for i in range(20)]
    found = search_ramps(fitted(sci, groupdq, long), tmp_path / "files", readpatt="DEEP8", tgroup=long, times=times)
    assert not (found.categories[where] & ~np.uint16(Category.TRANSIENT.bit)).any()
    assert in_category(found.categories, Category.TRANSIENT)[where].mean() > 0.8


def test_pixels_whose_rates_scatter_stay_noisy_side_by_side(small, tmp_path):
    reads, where = drawn(), np.zeros((SIZE, SIZE), bool)
    for y, x in ((20, 20), (20, 90), (60, 50), (100, 20), (100, 100)):
        where |= disc(x, y, 1.1)
    scatter = np.random.default_rng(11).normal(0, 0.5, (INTEGRATIONS, int(where.sum())))
    reads[:, :, where] += scatter[:, None] / DETECTOR.gain * READS[None, 1:, None]
    outcome = searched(small, tmp_path, reads)
    assert (outcome.categories[where] & ~np.uint16(Category.TRANSIENT.bit) != 0).mean() > 0.9


def lit_twice(reads) -> tuple[np.ndarray, np.ndarray]:
    """Let two discs glow that overlap, the second one from later on; return where each is."""
    one, other = disc(54, 60, 7), disc(61, 60, 6)
    glow(reads, one, power(1.2, 300.0, 1.2), first=1)
    glow(reads, other, power(1.2, 300.0, 1.2), first=4, seed=5)
    return one, other


def test_two_lights_that_lie_upon_one_another_are_two_findings_and_no_pixel_is_bad_for_them(small, tmp_path):
    reads = drawn()
    one, other = lit_twice(reads)
    outcome = searched(small, tmp_path, reads)
    bad = outcome.categories & ~np.uint16(Category.TRANSIENT.bit)
    assert not bad[one | other].any()
    assert in_category(outcome.categories, Category.TRANSIENT)[other].mean() > 0.9
    first, second = sorted(patches(outcome), key=lambda patch: patch.first_integration)
    assert (first.first_integration, second.first_integration) == (2, 5)
    # Each is what it is without the other.
    assert second.amount == pytest.approx(first.amount, rel=0.1)


def test_defects_upon_which_two_lights_fall_are_what_they_are(small, tmp_path):
    reads, (hot, warm, sometimes) = drawn(), np.zeros((3, SIZE, SIZE), bool)
    one, other = lit_twice(reads)
    both = np.argwhere(one & other)
    for where, places in ((hot, both[::12]), (warm, both[4::12]), (sometimes, both[8::12])):
        where[tuple(places.T)] = True
    add_rate(reads, hot, 2.0, *range(INTEGRATIONS))
    add_rate(reads, warm, 0.2, *range(INTEGRATIONS))
    add_rate(reads, sometimes, 3.0, 3, 7)
    found = searched(small, tmp_path, reads).categories
    assert in_category(found, Category.HOT)[hot].all()
    assert in_category(found, Category.WARM)[warm].mean() >= 0.75
    assert in_category(found, Category.INTERMITTENT)[sometimes].all()
    clean = (one | other) & ~(hot | warm | sometimes)
    assert not (found & ~np.uint16(Category.TRANSIENT.bit))[clean].any()
