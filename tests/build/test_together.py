"""Rates and pedestals of another exposure, or in another unit, are told by the noise that they share with ramps."""

import numpy as np
import pytest

from darkmask.build.steps import steps_of
from darkmask.build.straight import Straight, most_flagged, most_off_lines
from darkmask.build.together import shares, together
from darkmask.delivery import OpenExposure
from tests.support.requests import flight_request

INTEGRATIONS, PIXELS = 6, 20_000


def fitted(ramps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return slope and intercept of a straight line through each ramp (integration, group, pixel)."""
    x = np.arange(1, ramps.shape[1] + 1)
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    slope = np.einsum("g,igp->ip", weights, ramps)
    return slope, ramps.mean(axis=1) - slope * x.mean()


@pytest.fixture(params=[5, 20, 100])
def ramps(request) -> np.ndarray:
    """Return ramps of read noise and reset noise, with a pattern that all integrations have and some bright pixels."""
    random = np.random.default_rng(request.param)
    pattern, bright = random.normal(0, 30, PIXELS), np.where(random.random(PIXELS) < 0.01, 50.0, 0.0)
    reads = random.normal(0, 5, (INTEGRATIONS, request.param, PIXELS))
    reset = random.normal(0, 14, (INTEGRATIONS, 1, PIXELS))
    return reads + reset + pattern + bright * np.arange(request.param)[:, None]


def straight(ramps: np.ndarray, rates: np.ndarray, pedestals: np.ndarray) -> list[Straight]:
    """Return lines through ramps (integration, group, pixel) beside what is said to be theirs."""
    each = (fitted(ramps)[0], rates, ramps[:, 0], pedestals)
    return [Straight(*(values[None].astype(np.float32) for values in one)) for one in zip(*each, strict=True)]


NAMES = [f"integration {i}" for i in range(1, INTEGRATIONS + 1)]


def test_what_was_fitted_to_a_ramp_is_its_line(ramps):
    slope, intercept = fitted(ramps)
    found = together(straight(ramps, slope, ramps[:, 0] - slope), NAMES)
    assert found.share == pytest.approx(1, abs=1e-4)
    # Another version may take the level of the line, which is better known than that of the first group.
    found = together(straight(ramps, slope, intercept), NAMES)
    assert found.share == pytest.approx(1, abs=0.04)


@pytest.mark.parametrize(("factor", "share"), [(0.9, 1.11), (1.82, 0.55), (2.13, 0.47)])
def test_another_unit_is_a_share_of_its_own(ramps, factor, share):
    slope, _ = fitted(ramps)
    found = together(straight(ramps, factor * slope, ramps[:, 0] - slope), NAMES)
    assert (found.share, found.derived) == (pytest.approx(share, abs=0.01), "rates")


@pytest.mark.parametrize("derived", ["rates", "PEDESTAL"])
def test_what_belongs_to_another_exposure_does_not(ramps, derived):
    slope, _ = fitted(ramps)
    rates, pedestals = slope, ramps[:, 0] - slope
    if derived == "rates":
        rates = np.roll(slope, 1, axis=0)
    else:
        pedestals = np.roll(pedestals, 1, axis=0)
    found = together(straight(ramps, rates, pedestals), NAMES)
    assert abs(found.share) < 0.4
    assert found.derived == derived


def test_a_better_fit_than_a_line_shares_all_of_it():
    """Where charge makes the noise, the two ends of a ramp tell its slope best (Gauss and Markov)."""
    ramps = np.random.default_rng(3).normal(0, 5, (INTEGRATIONS, 100, PIXELS)).cumsum(axis=1)
    ends = (ramps[:, -1] - ramps[:, 0]) / 99
    assert shares(ends, fitted(ramps)[0]) == pytest.approx(1, abs=0.03)


def test_one_integration_and_few_pixels_tell_nothing(ramps):
    slope, intercept = fitted(ramps)
    assert together(straight(ramps, slope, intercept)[:1], NAMES[:1]) is None
    few = straight(ramps[..., :100], slope[:, :100], intercept[:, :100])
    assert together(few, NAMES) is None


def test_a_read_that_is_not_finite_counts_for_nothing(small, monkeypatch):
    request, good = flight_request(small.delivery), np.zeros((128, 128), bool)
    good[4:-4, 4:-4] = True
    steps = steps_of(request, good)
    usual, group = together(steps.straight, steps.names), OpenExposure.group

    def with_one_lost(self, *place):
        reads = group(self, *place).copy()
        reads[5, 60] = np.nan
        return reads

    monkeypatch.setattr(OpenExposure, "group", with_one_lost)
    steps = steps_of(request, good)
    found = together(steps.straight, steps.names)
    assert usual is not None
    assert found is not None
    assert found.share == pytest.approx(usual.share, abs=0.001)
    assert usual.share == pytest.approx(1, abs=0.02)


def test_what_was_subtracted_from_rates_lies_off_the_lines(ramps):
    slope, _ = fitted(ramps)
    good = straight(ramps, slope, ramps[:, 0] - slope)
    assert most_off_lines(good, NAMES)[0] < 0.001
    pattern = np.random.default_rng(1).normal(0, 0.4 * slope.std(axis=0).mean(), PIXELS)
    off = straight(ramps, slope - pattern, ramps[:, 0] - slope)
    assert most_off_lines(off, NAMES)[0] > 0.3
    # What rises with the noise of its ramp is of that ramp, whatever was subtracted from all integrations.
    assert together(off, NAMES).share == pytest.approx(1, abs=0.04)
    assert most_off_lines(straight(ramps[..., :50], slope[:, :50], slope[:, :50]), NAMES) is None


def test_a_group_with_a_flag_in_most_pixels():
    flags, good = np.zeros((6, 4, 100), np.uint8), np.ones((4, 100), bool)
    flags[2, 0, :10], flags[4] = 4, 1
    flags[4, :, :20] |= 4
    assert most_flagged(flags, good) == (1.0, 5, 1)
    assert most_flagged(flags, ~good) == (0.0, 1, 0)
