"""How bad pixels are spread, how halves agree, and what good pixels say of the detector."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from darkmask.delivery.quality import difference_noise, jump_rate
from darkmask.masks.structure import amplifier_excess, amplifier_surprise, largest_clump, line_excess
from darkmask.validation.halves import every_other

SHAPE = (12, 16)
masks = arrays(bool, SHAPE)
AMPLIFIERS = tuple(slice(start, start + 4) for start in range(0, 16, 4))


@given(masks, masks, masks)
def test_rows_of_a_mask_are_columns_of_the_turned_one(bad, reference, science):
    rows = line_excess(bad, reference, science, 1)
    assert line_excess(bad.T, reference.T, science.T, 0) == rows
    excess, row, now, before = rows
    if science.any():
        assert excess == pytest.approx((now - before) / science[row].sum())
        each = [((bad & s).sum() - (reference & s).sum()) / s.sum() for s in map(only(science), range(12)) if s.any()]
        assert excess == pytest.approx(max(each))


def only(science: np.ndarray):
    def row(number: int) -> np.ndarray:
        return science & (np.arange(science.shape[0]) == number)[:, None]

    return row


@given(masks)
def test_what_the_reference_had_is_no_excess(bad):
    science = np.ones(SHAPE, bool)
    assert line_excess(bad, bad, science, 1)[0] == 0
    assert amplifier_excess(bad, bad, science, AMPLIFIERS)[0] == 0
    assert largest_clump(bad, bad, science)[0] == 0


@given(masks, masks)
def test_excess_of_the_worst_amplifier(bad, reference):
    excess, worst, new = amplifier_excess(bad, reference, np.ones(SHAPE, bool), AMPLIFIERS)
    assert sum(new) == (bad & ~reference).sum()
    assert new[worst] == max(new)
    assert excess == pytest.approx(max(new) / 48 - sum(new) / 192)


def test_an_amplifier_without_bad_pixels_surprises_and_one_with_half_as_many_does_not():
    science = np.ones((100, 400), bool)
    amplifiers = tuple(slice(start, start + 100) for start in range(0, 400, 100))

    def surprising(*numbers: int) -> tuple[float, int, list[int]]:
        bad = np.zeros_like(science)
        for columns, number in zip(amplifiers, numbers, strict=True):
            bad[np.arange(number) // 10, columns.start + np.arange(number) % 10] = True
        return amplifier_surprise(bad, np.zeros_like(bad), science, amplifiers)

    sigma, worst, new = surprising(32, 0, 32, 32)
    assert (worst, new) == (1, [32, 0, 32, 32])
    # Of 96 pixels none lies in an amplifier that is expected to hold a seventh of them: (6/7)**96.
    assert sigma == pytest.approx(4.95, abs=0.05)
    assert surprising(96, 0, 0, 0)[:2] == (pytest.approx(8, abs=5), 0)
    assert surprising(96, 0, 0, 0)[0] > 4
    # The hot pixels of NRCA4 in flight.
    assert surprising(279, 405, 327, 186)[0] < 1
    assert surprising(0, 0, 0, 0)[0] == 0


def test_the_largest_clump_holds_corners_and_no_reference_pixels():
    bad, reference, science = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool), np.ones(SHAPE, bool)
    bad[2:4, 3:6] = True
    bad[4, 6] = True  # touches by a corner
    bad[9, 9:14] = True
    assert largest_clump(bad, reference, science) == (7, (3, 2))
    reference[2:4, 3:6] = True
    assert largest_clump(bad, reference, science) == (5, (9, 9))
    science[9, 11] = False
    assert largest_clump(bad, reference, science)[0] == 2


@given(st.integers(2, 300))
def test_halves_share_every_integration(number):
    first, second = every_other(number)
    assert sorted(first + second) == list(range(number))
    assert abs(len(first) - len(second)) <= 1


def test_noise_and_jumps_of_good_pixels():
    good = np.array([[True, True, True, False]])
    assert difference_noise(np.array([[1.0, 2.0, np.nan, 9.0]], np.float32), good) == 1.5
    assert jump_rate(np.array([[1, 2, 3, 1000]]), good, 4.0) == 0.5
    assert np.isnan(difference_noise(np.zeros((1, 4), np.float32), good & False))
    assert np.isnan(jump_rate(np.zeros((1, 4), int), good & False, 4.0))
    assert np.isnan(jump_rate(np.zeros((1, 4), int), good, 0.0))
