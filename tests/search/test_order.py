"""Sorted values, their deviations and the scatter of good pixels are those of NumPy and astropy."""

import numpy as np
import pytest
from astropy.stats import mad_std, sigma_clip
from hypothesis import given, settings
from hypothesis import strategies as st

from darkmask.search.flight.robust import population
from darkmask.search.maps.order import middle, scatter_about, sort_columns, sorting_network


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60, derandomize=True)
def test_the_network_sorts(count, seed):
    values = np.random.default_rng(seed).integers(0, 2, (count + 2, 50)).astype(np.float32)
    expected = np.sort(values[:count], axis=0)
    place = np.empty(count + 2, np.int64)
    sort_columns(values, sorting_network(count), place)
    np.testing.assert_array_equal(values[place[:count]], expected)


@given(st.integers(1, 24), st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=60, derandomize=True)
def test_two_sorted_runs_give_the_median_deviation(count, seed, ties, unknown):
    random = np.random.default_rng(seed)
    given_values = random.normal(3, 2, (count, 50)).astype(np.float32)
    if ties:
        given_values = np.round(given_values)
    if unknown:
        given_values[random.random(given_values.shape) < 0.3] = np.nan
    known = np.isfinite(given_values)
    values = np.append(np.where(known, given_values, np.float32(np.inf)), np.zeros((2, 50), np.float32), axis=0)
    place, finite = np.empty(count + 2, np.int64), known.sum(axis=0).astype(np.int32)
    centre, scatter = np.empty((2, 50), np.float32)
    sort_columns(values, sorting_network(count), place)
    middle(values, place, finite, centre)
    scatter_about(values, place, centre, finite, scatter)
    for x, column in enumerate(given_values.T):
        some = column[np.isfinite(column)]
        if some.size:
            # Halves of sums of two, in single precision.
            assert scatter[x] == np.float32(1.4826) * np.median(np.abs(some - centre[x]))
        else:
            assert np.isnan(scatter[x])


@given(st.integers(1, 200), st.integers(0, 2**32 - 1), st.booleans())
@settings(deadline=None, max_examples=100, derandomize=True)
def test_the_population_is_that_of_astropy(count, seed, ties):
    random = np.random.default_rng(seed)
    values = np.concatenate([random.normal(3, 2, count), random.normal(50, 30, count // 10)]).astype(np.float32)
    values = np.round(values) if ties else values
    kept = sigma_clip(values.astype(float), sigma=3, maxiters=None, stdfunc="mad_std", masked=False)
    assert population(values) == pytest.approx((np.median(kept), mad_std(kept)), rel=1e-6, abs=1e-9)
