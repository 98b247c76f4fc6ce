"""What a catalogue says of levels, time constants and rates lies within its errors of what was put in."""

import numpy as np
import pytest
from astropy.table import Table

from darkmask.build.catalogue import catalogue_of
from darkmask.build.fitted_columns import RampFits, dwell_times
from darkmask.build.rates import rates_table
from darkmask.core.categories import Category, in_category
from darkmask.delivery import OpenSet
from darkmask.search.engines import search_set
from darkmask.search.exponential import fit_exponential, mean_ramps
from darkmask.search.flight.levels import measure_levels
from tests.search.test_changes import DETECTOR, HOURS, SPREAD, add_rate, drawn, written

NOISE, GROUPS, INTEGRATIONS = 5.0, 40, 10


def assert_good_errors(value, error, truth) -> None:
    """Errors are those of the values, and no value lies far beyond its own."""
    pull = (np.asarray(value) - truth) / error
    assert np.isfinite(pull).mean() > 0.97
    pull = pull[np.isfinite(pull)]
    assert 0.8 < np.sqrt(np.mean(pull**2)) < 1.25
    assert abs(np.mean(pull)) < 4 / np.sqrt(pull.size)
    assert np.abs(pull).max() < 6


def switching(random, height, up, down, pixels=200) -> np.ndarray:
    """Return reads (pixel, integration, group) of pixels that rise and fall at these rates, per group."""
    level = random.random((pixels, INTEGRATIONS)) < up / (up + down)
    reads = random.normal(0, 30, (pixels, INTEGRATIONS, 1)) + NOISE * random.standard_normal(
        (pixels, INTEGRATIONS, GROUPS)
    )
    # Many small steps in time: nothing of how dwell times are told from one look in each group.
    steps = 200
    for g in range(GROUPS):
        reads[:, :, g] += height * level
        for _ in range(steps):
            change = random.random(level.shape) < np.where(level, down, up) / steps
            level = level ^ change
    return reads.astype(np.float32)


@pytest.mark.parametrize(("height", "up", "down"), [(25, 0.2, 0.2), (60, 0.1, 0.4), (300, 0.5, 0.25)])
def test_levels_dwell_times_and_duty(height, up, down):
    reads = switching(np.random.default_rng(int(height)), height, up, down)
    levels = measure_levels(reads, np.zeros(len(reads)), NOISE * np.sqrt(2))
    assert_good_errors(levels.height, levels.height_error, height)
    assert np.median(levels.height_error) < 0.05 * height
    low, low_error, high, high_error = dwell_times(levels)
    for value, error, truth in ((low, low_error, 1 / up), (high, high_error, 1 / down)):
        pull = (value - truth) / error
        assert np.isfinite(pull).all()
        assert 0.8 < np.std(pull) < 1.25
        # A time known from some ten switches is a little too long where it is known badly.
        assert abs(np.median(pull)) < 0.35


@pytest.mark.parametrize(("amplitude", "constant"), [(2000.0, 2.0), (-800.0, 4.0), (12_000.0, 8.0)])
def test_amplitude_and_time_constant(amplitude, constant):
    random = np.random.default_rng(3)
    times, pixels = np.arange(1, GROUPS + 1.0), 200
    charge = amplitude * (1 - np.exp(-times / constant)) + 3 * times
    reads = charge[:, None] + random.normal(0, 14, (INTEGRATIONS, 1, pixels))
    reads = reads + NOISE * random.standard_normal((INTEGRATIONS, GROUPS, pixels))
    # Hits in one integration each are no part of the ramp.
    reads[2, 20:, ::3] += 900
    reads[5, 3:, 1::3] += 4000
    groupdq = np.zeros(reads.shape, np.uint8)
    groupdq[:, 1:4] |= 4
    groupdq[:, 30:, 0] |= 2
    ramps, usable = mean_ramps(reads.astype(np.float32), groupdq, NOISE**2, 1e9)
    assert (usable[0], set(usable[1:])) == (30, {GROUPS})
    found = fit_exponential(ramps, usable, NOISE**2, 1e9, INTEGRATIONS)
    assert_good_errors(found.amplitude, found.amplitude_error, amplitude)
    assert_good_errors(found.time, found.time_error, constant)
    # Charge that gathers at random is known less well; what goes was there before.
    shot = fit_exponential(ramps, usable, NOISE**2, 1.8, INTEGRATIONS)
    assert ((shot.amplitude_error > found.amplitude_error) == (amplitude > 0)).all()


def test_a_straight_ramp_has_no_time_constant():
    random = np.random.default_rng(4)
    reads = 30 * np.arange(GROUPS)[:, None] + NOISE * random.standard_normal((INTEGRATIONS, GROUPS, 100))
    ramps, usable = mean_ramps(reads, np.zeros(reads.shape, np.uint8), NOISE**2, 1e9)
    found = fit_exponential(ramps, usable, NOISE**2, 1e9, INTEGRATIONS)
    assert np.isnan(found.time).mean() > 0.5
    short = fit_exponential(ramps, np.full(100, 5), NOISE**2, 1e9, INTEGRATIONS)
    assert np.isnan(np.array(short)).all()


def opened(request):
    return OpenSet(request.exposures, request.folder, request.integrations)


@pytest.fixture(scope="module")
def intermittent(small, tmp_path_factory):
    """Return request and outcome of pixels that are hot in two integrations of the second of two epochs."""
    reads = drawn()
    add_rate(reads, SPREAD, 5.0, 5, 6)
    times = (*HOURS[:4], *(time + 40 for time in HOURS[4:]))
    request = written(small, tmp_path_factory.mktemp("intermittent"), reads, times)
    return request, search_set(request)


def test_rates_of_each_exposure_and_epoch_lie_within_their_errors(intermittent, tmp_path):
    request, outcome = intermittent
    table = rates_table(request, opened(request), outcome, DETECTOR, request.exposures[0].jump)
    table.write(tmp_path / "rates.ecsv", format="ascii.ecsv")
    table = Table.read(tmp_path / "rates.ecsv")
    assert (len(set(zip(table["x"], table["y"], strict=True))), str(table["rate"].unit)) == (
        SPREAD.sum(),
        "electron / s",
    )
    exposures, epochs = table[table["exposure"] > 0], table[table["exposure"] == 0]
    assert len(exposures) == 8 * SPREAD.sum()
    assert len(epochs) == 2 * SPREAD.sum()
    np.testing.assert_array_equal(exposures["epoch"], np.where(exposures["exposure"] > 4, 2, 1))
    high = np.isin(exposures["exposure"], (6, 7))
    assert_good_errors(exposures["rate"], exposures["rate_error"], np.where(high, 5.0, 0.0))
    np.testing.assert_allclose(epochs["rate"][epochs["epoch"] == 2], 2.5, atol=0.3)
    np.testing.assert_allclose(epochs["rate"][epochs["epoch"] == 1], 0, atol=0.3)
    assert (epochs["mjd"][epochs["epoch"] == 2] > 59_040).all()


def test_a_catalogue_says_how_often_and_when(intermittent):
    request, outcome = intermittent
    fits = RampFits(request, outcome, DETECTOR).fits(opened(request))
    table = catalogue_of(outcome, request.exposures[0].jump, fits)
    chosen = table[in_category(outcome.categories, Category.INTERMITTENT)[table["y"], table["x"]]]
    assert len(chosen) > 0.9 * SPREAD.sum()
    assert set(chosen["high_epochs"]) == {"2"}
    np.testing.assert_allclose(chosen["share_high"], 0.25)
    assert (chosen["share_high_error"] > 0.1).all()
    assert np.isnan(chosen["rc_time"]).all()


def test_fits_stand_beside_their_pixels(small):
    """The simulated delivery's own truth, through all of the search."""
    from darkmask import bad_pixels
    from darkmask.simulate import read_truth

    table = bad_pixels(small.delivery, detector="NRCA1").table()
    truth = {(row["y"], row["x"]): row for row in read_truth(small.truth, "NRCA1")}
    for category, name, sign in (
        ("telegraph", "telegraph_height", 1),
        ("rc", "rc_amplitude", 1),
        ("inverse_rc", "rc_amplitude", -1),
    ):
        here = [
            (row, truth[row["y"], row["x"]])
            for row in table
            if (row["y"], row["x"]) in truth and row["categories"] == truth[row["y"], row["x"]]["category"] == category
        ]
        assert len(here) >= 5
        found = [row[name].value for row, _ in here]
        np.testing.assert_allclose(found, [sign * true["strength"] for _, true in here], rtol=0.15)
        others = [row[name].value for row in table if row["categories"] != category and "rc" not in row["categories"]]
        assert category != "rc" or np.isnan(others).all()
