"""Rates and pedestals of another exposure, or in another unit, are told by the noise that they share with ramps."""

import numpy as np
import pytest

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


def ends(ramps: np.ndarray) -> np.ndarray:
    return (ramps[:, -1] - ramps[:, 0]) / (ramps.shape[1] - 1)


@pytest.fixture(params=[5, 20, 100])
def ramps(request) -> np.ndarray:
    """Return ramps of read noise and reset noise, with a pattern that all integrations have and some bright pixels."""
    random = np.random.default_rng(request.param)
    pattern, bright = random.normal(0, 30, PIXELS), np.where(random.random(PIXELS) < 0.01, 50.0, 0.0)
    reads = random.normal(0, 5, (INTEGRATIONS, request.param, PIXELS))
    reset = random.normal(0, 14, (INTEGRATIONS, 1, PIXELS))
    return reads + reset + pattern + bright * np.arange(request.param)[:, None]


def test_what_was_fitted_to_a_ramp_shares_its_noise(ramps):
    slope, intercept = fitted(ramps)
    assert shares(slope, ends(ramps)) == pytest.approx(1, abs=0.12)
    assert shares(intercept, ramps[:, 0]) == pytest.approx(1, abs=0.12)


def test_what_belongs_to_another_exposure_does_not(ramps):
    slope, intercept = fitted(np.roll(ramps, 1, axis=0))
    assert (np.abs(shares(slope, ends(ramps))) < 0.4).all()
    assert (np.abs(shares(intercept, ramps[:, 0])) < 0.4).all()


@pytest.mark.parametrize("gain", [1.82, 2.13])
def test_another_unit_is_a_share_of_its_own(ramps, gain):
    slope, _ = fitted(ramps)
    assert shares(gain * slope, ends(ramps)) == pytest.approx(1 / gain, abs=0.1)


def test_noise_of_charge_leaves_most_of_it():
    ramps = np.random.default_rng(3).normal(0, 5, (INTEGRATIONS, 100, PIXELS)).cumsum(axis=1)
    assert shares(fitted(ramps)[0], ends(ramps)) == pytest.approx(5 / 6, abs=0.03)


def test_a_read_that_is_not_finite_counts_for_nothing(small, monkeypatch):
    request, good = flight_request(small.delivery), np.zeros((128, 128), bool)
    good[4:-4, 4:-4] = True
    usual = together(request, good)
    ramps = OpenExposure.ramps

    def with_one_lost(self, *places):
        sci, flags = ramps(self, *places)
        sci = sci.copy()
        sci[0, 0, 5] = np.nan
        return sci, flags

    monkeypatch.setattr(OpenExposure, "ramps", with_one_lost)
    found = together(request, good)
    assert usual is not None
    assert found is not None
    assert found.share == pytest.approx(usual.share, abs=0.02)
