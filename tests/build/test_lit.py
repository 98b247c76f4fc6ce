"""An exposure that saw light is told by its squares, and neither noise nor a spot is light."""

import numpy as np
import pytest

from darkmask.build.lit import most_lit

PATHS = [f"exposure {number}" for number in range(1, 6) for _ in range(2)]
SHAPE = (64, 128)


@pytest.fixture
def rates() -> np.ndarray:
    return np.random.default_rng(2).normal(0.01, 0.03, (len(PATHS), *SHAPE)).astype(np.float32)


def lit(rates: np.ndarray, order=slice(None)):
    good = np.ones(SHAPE, bool)
    return most_lit(rates[order], good, list(np.array(PATHS)[order]), 4 * np.arange(SHAPE[0]))


def certain(found) -> float:
    return abs(found[0]) - 3 * found[1]


def test_noise_is_no_light(rates):
    assert certain(lit(rates)) <= 0


def test_light_in_one_square(rates):
    rates[4:6, 16:32, 96:] += 0.05
    apart, _, path, where = lit(rates)
    assert apart == pytest.approx(0.05, abs=0.005)
    assert (path, where) == ("exposure 3", "columns 96 to 127 and rows 64 to 124")


def test_what_all_exposures_saw_and_a_spot_are_none(rates):
    rates[:, :32] += 0.1
    rates[4, 2:10, 2:20] += 5
    assert certain(lit(rates)) <= 0.001


def test_the_order_of_integrations_changes_nothing(rates):
    rates[4:6] += 0.05
    assert lit(rates) == lit(rates, slice(None, None, -1))


def test_two_exposures_tell_nothing(rates):
    assert most_lit(rates[:4], np.ones(SHAPE, bool), PATHS[:4], np.arange(SHAPE[0])) is None
