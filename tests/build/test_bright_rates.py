"""Rates of bright pixels lie close to what their ramps rise by, whatever was done to a part of them."""

from contextlib import nullcontext

import numpy as np
import pytest

from darkmask.build.bright_rates import bright_rates
from darkmask.core.detectors import detector
from darkmask.delivery import OpenSet
from tests.support.requests import flight_request

GAIN = detector("NRCA1").gain


@pytest.fixture
def compared(small, monkeypatch):
    """Return what compares bright pixels after a change of what is read of their rates."""
    request = flight_request(small.delivery)
    read = OpenSet.rates_of

    def compare(change=None):
        with monkeypatch.context() if change else nullcontext() as patched:
            if change:
                patched.setattr(OpenSet, "rates_of", lambda self, y, x: change(read(self, y, x).copy()))
            with OpenSet(request.exposures, request.folder, request.integrations) as opened:
                asked = ~request.reference_pixels()
                return bright_rates(opened, asked, 7.5, request.exposures[0].jump.tgroup)

    return compare


def test_good_rates_are_those_of_their_ramps(compared):
    found = compared()
    assert found.rise[0] == pytest.approx(1, abs=0.01)
    assert found.off[0] <= 0.05


@pytest.mark.parametrize("factor", [0.85, 1.2])
def test_one_integration_tells(compared, factor):
    def scaled(rates):
        rates[3] *= factor
        return rates

    found = compared(scaled)
    assert found.rise[0] == pytest.approx(1 / factor, abs=0.01)
    assert found.off[0] > 0.9
    assert found.rise[2] == found.off[3]


@pytest.mark.parametrize(("low", "high"), [(0.3, 2.0), (0.275, 1.0), (3.0, 20.0)])
def test_rates_between_two_brightnesses(compared, low, high):
    """Scaled in all integrations: neither faint nor the brightest pixels tell."""

    def scaled(rates):
        rates[(rates * GAIN > low) & (rates * GAIN < high)] *= 0.62
        return rates

    found = compared(scaled)
    assert found.off[0] > 0.3
    assert found.off[1] == len(found.off[4])


def test_rates_that_were_exchanged_among_pixels(compared):
    found = compared(lambda rates: np.roll(rates, 1, axis=1))
    assert found.off[0] > 0.5


def test_rates_of_nothing_are_no_rates(compared):
    assert compared(np.zeros_like).rise[0] == 1000
    assert compared(lambda rates: np.full_like(rates, np.nan)) is None
