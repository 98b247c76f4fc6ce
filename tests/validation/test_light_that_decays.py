"""Light that begins within a delivery and decays is judged by all measurements as the delivered search judges it."""

from dataclasses import replace

import numpy as np
import pytest

from darkmask.build.drift import drift_of
from darkmask.build.turned import passing
from darkmask.core.categories import Category, in_category
from darkmask.core.detectors import detector as look_up
from darkmask.search.engines import search_set
from darkmask.search.flight.light import arrays_of, lights_of
from darkmask.validation import recovery
from darkmask.validation.halves import stability
from darkmask.validation.residuals import left_in_exposures
from darkmask.validation.standing import HOT
from tests.checks.planting import every_exposure
from tests.checks.ramp_faults import FRAME
from tests.support.raw_exposures import TGROUP
from tests.support.requests import flight_request

# The first integration that is lit, of ten; the rate in it; and the time to 1/e in integrations.
FIRST, RATE, TIME = 5, 2.0, 1.5
Y, X = np.indices(FRAME)
LIT = (Y - 64) ** 2 + (X - 60) ** 2 < 10**2
# Pixels in the light that turn hot with it, and stay so.
TURNING = LIT & (np.indices(FRAME) % 5 == 0).all(axis=0)


@pytest.fixture(scope="module")
def lit(small, tmp_path_factory):
    """Return the request and the search of a delivery with light, and what passes there."""
    delivery = small.copy(tmp_path_factory.mktemp("lit"), "darks")
    for number, ramps in enumerate(every_exposure(delivery)):
        for i in range(2):
            since = 2 * number + i - FIRST
            if since >= 0:
                ramps.add_signal(LIT, RATE * np.exp(-since / TIME), np.s_[i : i + 1])
                ramps.add_signal(TURNING, 6.0, np.s_[i : i + 1])
    request = flight_request(delivery)
    outcome = search_set(request)
    assert in_category(outcome.categories, Category.TRANSIENT)[LIT & ~TURNING].mean() > 0.9
    drift = drift_of(outcome, ~request.reference_pixels(), look_up("NRCA1"), TGROUP, request.parameters)
    return request, outcome, drift


def test_it_leaves_no_hot_pixel_in_any_exposure_and_what_turned_hot_in_it_does_not_pass(lit):
    request, outcome, drift = lit
    as_hot, passes = (
        passing(outcome.categories, drift.changed, outcome.flags, lights) for lights in ((), outcome.lights)
    )
    unlit = [exposure[HOT]["left"] for exposure in left_in_exposures(request, as_hot)]
    left = [exposure[HOT]["left"] for exposure in left_in_exposures(request, passes, outcome.lights)]
    assert max(unlit) > 200
    assert max(left) <= 1
    assert not passes[TURNING].any()
    assert passes[LIT & ~TURNING].mean() > 0.9


def test_halves_agree_in_it(lit):
    request, outcome, _ = lit
    without, found = (stability(request, lights) for lights in ((), outcome.lights))
    assert without["lost"] > 2
    assert found["lost"] <= 1
    # Pixels that turned hot are in both halves.
    assert found["clear"] >= 2 * TURNING.sum()


def test_no_good_pixel_becomes_bad_for_it_when_defects_are_injected(lit, monkeypatch):
    request, outcome, _ = lit
    false = []
    for lights in ((), outcome.lights):
        before = replace(outcome, lights=lights)
        monkeypatch.setattr(recovery, "search_set", lambda _request, before=before, **_: before)
        false.append(recovery.inject_and_recover(request).false_pixels)
    assert false[0] > 100
    assert false[1] <= 1


def test_lights_are_read_back_from_a_file_as_they_were(lit, tmp_path):
    lights = lit[1].lights
    assert lights
    for kept in (lights, ()):
        np.savez(tmp_path / "lights.npz", **arrays_of(kept))
        with np.load(tmp_path / "lights.npz") as arrays:
            again = lights_of(arrays)
        assert len(again) == len(kept)
        for one, other in zip(again, kept, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
