"""Comparison of masks: counts against set algebra, kappa against scikit-learn's definition worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from darkmask.core.flags import FLIGHT_FLAGS, bits_of
from darkmask.masks.compare import Agreement, between_thresholds, compare, lost_bits

boolean = arrays(bool, (6, 7))
HOT, DEAD, RC, DNU = (bits_of((name,)) for name in ("HOT", "DEAD", "RC", "DO_NOT_USE"))


@given(boolean, boolean, boolean)
def test_every_compared_pixel_is_counted_once(first, second, where):
    found = Agreement.of(first, second, where)
    assert found.both + found.gone + found.new + found.neither == where.sum()
    swapped = Agreement.of(second, first, where)
    assert (found.gone, found.new) == (swapped.new, swapped.gone)


@given(boolean)
def test_a_mask_agrees_with_itself(mask):
    found = Agreement.of(mask, mask, np.ones_like(mask))
    assert found.gone == found.new == 0
    if mask.any() and not mask.all():
        assert found.kappa == pytest.approx(1)
        assert found.retained_fraction == 1


def test_kappa_is_cohens():
    # Cohen 1960: observed are (20 + 15) / 50 = 0.7, by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5.
    assert Agreement(both=20, gone=5, new=10, neither=15).kappa == pytest.approx(0.4)


def test_what_cannot_be_told_is_nan():
    nothing = Agreement(0, 0, 0, 9)
    assert np.isnan(nothing.retained_fraction)
    assert np.isnan(nothing.kappa)


def test_the_error_of_kappa_is_that_of_its_scatter():
    # With 50 pixels, 0.7 observed and 0.5 by chance: sqrt(0.7 * 0.3 / 50) / (1 - 0.5).
    found = Agreement(both=20, gone=5, new=10, neither=15)
    assert found.kappa_error == pytest.approx(np.sqrt(0.7 * 0.3 / 50) / 0.5)
    rng = np.random.default_rng(3)
    drawn = [Agreement(*rng.multinomial(500, [0.4, 0.1, 0.2, 0.3])).kappa for _ in range(2000)]
    assert Agreement(200, 50, 100, 150).kappa_error == pytest.approx(np.std(drawn), rel=0.1)
    assert Agreement(5, 0, 0, 5).kappa_error == 0
    assert np.isnan(Agreement(0, 0, 0, 9).kappa_error)


EVERYWHERE = np.ones((1, 4), bool)


def test_flags_that_ground_does_not_use_are_not_compared():
    ground, flight = np.array([[HOT, 0, 0, 0]], np.uint32), np.array([[HOT, RC, HOT, 0]], np.uint32)
    found = compare(ground, flight, EVERYWHERE)
    assert found.total == found.by_flag["HOT"] == Agreement(both=1, gone=0, new=1, neither=2)
    assert list(found.by_flag) == ["HOT"]
    assert found.new.tolist() == [[False, False, True, False]]
    assert found.left_out == 0


def test_hot_pixels_are_compared_above_the_brighter_threshold():
    rate = np.array([[0.3, 0.6, np.nan, 0.3]])
    faint = between_thresholds(rate, 0.5, 0.275)
    assert faint.tolist() == [[True, False, False, True]]
    ground, flight = np.array([[HOT, HOT, HOT, RC]], np.uint32), np.array([[0, HOT, HOT, HOT]], np.uint32)
    found = compare(ground, flight, EVERYWHERE, faint)
    # The first may be as hot as on the ground; the last was RC, whatever its rate.
    assert found.left_out == 1
    assert found.total == Agreement(both=3, gone=0, new=0, neither=0)
    assert found.by_flag["HOT"] == Agreement(both=2, gone=0, new=1, neither=0)


MEASURED = np.full((1, 3), FLIGHT_FLAGS.measured_bits)


def test_dead_may_give_way_to_hot_and_to_nothing_else():
    base = np.array([[DEAD | DNU, DEAD | DNU, 0]], np.uint32)
    assert lost_bits(base, np.array([[HOT | DNU, DEAD | DNU, RC]], np.uint32), MEASURED) == (0, {})
    warm = bits_of(("WARM",))
    found = lost_bits(base, np.array([[warm | DNU, DEAD | DNU, RC]], np.uint32), MEASURED)
    assert found == (1, {"DEAD": (1, 0, 0)})
    found = lost_bits(base, np.array([[RC | DNU, 0, 0]], np.uint32), MEASURED)
    assert found == (2, {"DEAD": (2, 0, 0), "DO_NOT_USE": (1, 1, 0)})


def test_do_not_use_is_kept_beside_what_darks_cannot_see_and_may_go_elsewhere():
    opened = bits_of(("OPEN",))
    base = np.array([[HOT | DNU, opened | DNU, opened]], np.uint32)
    assert lost_bits(base, np.array([[0, opened | DNU, opened]], np.uint32), MEASURED) == (0, {})
    found = lost_bits(base, np.array([[0, opened, opened]], np.uint32), MEASURED)
    assert found == (1, {"DO_NOT_USE": (1, 1, 0)})
    # Nothing was judged in the first: its HOT may not go either.
    unjudged = MEASURED * np.array([[0, 1, 1]], np.uint32)
    found = lost_bits(base, np.array([[0, opened | DNU, opened]], np.uint32), unjudged)
    assert found == (1, {"HOT": (1, 0, 0), "DO_NOT_USE": (1, 0, 0)})


def test_do_not_use_of_a_hot_pixel_stays_where_another_flag_is_never_without_it():
    opened = bits_of(("OPEN",))
    base = np.array([[HOT | opened | DNU, opened | DNU, HOT | DNU]], np.uint32)
    found = lost_bits(base, np.array([[opened, opened | DNU, 0]], np.uint32), MEASURED)
    assert found == (1, {"DO_NOT_USE": (1, 0, 0)})
    base[0, 1] = opened
    assert lost_bits(base, np.array([[opened, opened, 0]], np.uint32), MEASURED) == (0, {})
