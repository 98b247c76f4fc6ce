"""Rows, columns and squares whose ramps lie elsewhere than their rates are told, and those in their place are not."""

from types import SimpleNamespace

import numpy as np
import pytest

from darkmask.build.places import least_alike, places_in_maps, places_in_ramps
from darkmask.build.steps import steps_of
from darkmask.delivery import OpenExposure
from tests.support.requests import flight_request

SIZE, INTEGRATIONS, GROUPS = 256, 10, 8
AMPLIFIERS = [slice(start, start + SIZE // 4) for start in range(0, SIZE, SIZE // 4)]
GOOD = np.ones((SIZE, SIZE), bool)
BOUND = 0.4


@pytest.fixture(scope="module")
def measured() -> tuple[np.ndarray, np.ndarray]:
    """Return what ramps of read noise rise by and their rates, with columns that wander and a glow."""
    random = np.random.default_rng(5)
    group = np.arange(GROUPS) - (GROUPS - 1) / 2
    changes, rates = [], []
    for _ in range(INTEGRATIONS):
        reads = random.normal(0, 5, (GROUPS, SIZE, SIZE)).astype(np.float32)
        reads[:, :, ::40] += random.normal(0, 15, (GROUPS, 1, len(range(0, SIZE, 40))))
        changes.append(reads[-1] - reads[0])
        rates.append(np.einsum("gyx,g->yx", reads, group) / (group @ group))
    glow = np.linspace(0, 3, SIZE)
    return np.median(changes, axis=0) + glow * GROUPS, np.mean(rates, axis=0) + glow


def maps_of(change: np.ndarray, rate: np.ndarray) -> SimpleNamespace:
    change, rate = change.astype(np.float32), rate.astype(np.float32)
    return SimpleNamespace(change=change, rate=rate, first=change, pedestal=rate)


def least(change: np.ndarray, rate: np.ndarray):
    found = least_alike(places_in_maps(maps_of(change, rate), GOOD, AMPLIFIERS))
    assert found is not None
    return found


def test_what_lies_in_its_place_has_nearly_all_in_common(measured):
    assert least(*measured).most > 0.85


def test_two_rows_exchanged(measured):
    change, rate = measured
    change = change.copy()
    change[[100, 101]] = change[[101, 100]]
    found = least(change, rate)
    assert found.name in ("rates of row 100", "rates of row 101", "PEDESTAL of row 100", "PEDESTAL of row 101")
    assert found.most < BOUND


def test_a_block_moved_by_a_pixel(measured):
    change, rate = measured
    change = change.copy()
    change[130:230, 130:230] = np.roll(change[130:230, 130:230], 1, axis=1)
    squares = {place.name: place.most for place in places_in_maps(maps_of(change, rate), GOOD, AMPLIFIERS)}
    assert squares["rates of the 64x64 pixels from x 128, y 128 on"] < BOUND
    assert squares["rates of the 64x64 pixels from x 0, y 0 on"] > BOUND


def test_what_is_not_finite_counts_for_nothing(measured):
    change, rate = (values.copy() for values in measured)
    change[7, 7], rate[9, 9] = np.nan, np.inf
    assert least(change, rate).most == pytest.approx(least(*measured).most, abs=0.02)


def test_without_a_good_pixel_nothing_is_told(measured):
    assert places_in_maps(maps_of(*measured), ~GOOD, AMPLIFIERS) == []


def columns_of(request, good):
    steps = steps_of(request, good)
    return least_alike(places_in_ramps(steps.straight, steps.names))


def test_columns_of_a_delivery(small, monkeypatch):
    request, good = flight_request(small.delivery), np.zeros((128, 128), bool)
    good[4:-4, 4:-4] = True
    usual = columns_of(request, good)
    assert usual is not None
    assert usual.most > 0.8
    for derived, said in (("rate", "rates"), ("pedestal", "PEDESTAL")):
        with monkeypatch.context() as changed:
            exchange_columns(changed, derived)
            found = columns_of(request, good)
        assert found is not None
        assert found.name.startswith((f"{said} of column 60", f"{said} of column 61"))
        assert found.most < BOUND


def exchange_columns(monkeypatch, derived: str) -> None:
    """Let rates or pedestals be read with two columns exchanged."""
    read = getattr(OpenExposure, derived)

    def with_columns_exchanged(self, *places, **named):
        values = read(self, *places, **named).copy()
        values[..., [60, 61]] = values[..., [61, 60]]
        return values

    monkeypatch.setattr(OpenExposure, derived, with_columns_exchanged)
