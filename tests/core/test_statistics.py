"""Probabilities that say how surprising a count is, beside those of scipy.stats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm, poisson

from darkmask.core.statistics import (
    RARE,
    binomial_at_least,
    binomial_at_most,
    errors_as_certain,
    poisson_at_least,
    reached_by_chance,
    surprise,
)

_counts = st.integers(0, 100_000)


@given(_counts, _counts, st.floats(1e-6, 1 - 1e-6))
def test_shares_are_as_surprising_as_scipy_says(count, number, share):
    for ours, theirs in (
        (binomial_at_least(count, number, share), binom.sf(count - 1, number, share)),
        (binomial_at_most(count, number, share), binom.cdf(count, number, share)),
    ):
        assert surprise(ours) == pytest.approx(max(0.0, norm.isf(max(theirs, 1e-300))), rel=1e-4, abs=1e-6)


@given(_counts, st.floats(1e-6, 1e5))
def test_counts_are_as_surprising_as_scipy_says(count, mean):
    theirs = max(0.0, norm.isf(max(poisson.sf(count - 1, mean), 1e-300)))
    assert surprise(poisson_at_least(count, mean)) == pytest.approx(theirs, rel=1e-4, abs=1e-6)


@given(st.floats(0, 300))
def test_what_chance_reaches_is_exceeded_in_one_case_of_a_thousand(mean):
    number = reached_by_chance(mean)
    assert poisson.sf(number, mean) <= RARE
    assert number == 0 or poisson.sf(number - 1, mean) > RARE


def test_what_cannot_be_is_told_as_such():
    assert binomial_at_least(4, 3, 0.5) == 0
    assert binomial_at_least(0, 0, 0.5) == binomial_at_most(0, 0, 0.5) == poisson_at_least(0, 3.0) == 1


@pytest.mark.parametrize("number", [2, 5, 6, 10, 40])
def test_means_of_few_values_lie_beyond_their_errors_no_more_often_than_those_of_many(number):
    values = np.random.default_rng(number).normal(size=(400_000, number))
    errors = values.std(axis=1, ddof=1) / np.sqrt(number)
    beyond = np.mean(values.mean(axis=1) > errors_as_certain(2.0, number) * errors)
    # Nine thousand lie beyond it.
    assert beyond == pytest.approx(norm.sf(2.0), rel=0.05)
    assert errors_as_certain(3.0, number) > 3
