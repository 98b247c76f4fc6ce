"""The statistics of the official search against scipy's and astropy's, which jwst_reffiles calls."""

import numpy as np
import pytest
from astropy.stats import sigma_clip
from scipy.stats import sigmaclip

from darkmask.search.official.categories import early_late_cutoffs, noise_statistics, pedestal_limits

# These are around the sizes at which numpy sums otherwise: 8 values, 128 of them, and its buffer of 8192.
SIZES = (1, 7, 8, 9, 127, 128, 129, 136, 137, 257, 1000, 8191, 8192, 8193, 8200, 20_000, 300_000)


@pytest.mark.parametrize("size", SIZES)
def test_pedestals_are_clipped_to_the_last_bit(size):
    pedestal = np.random.default_rng(size).normal(3, 4, size).astype(np.float32)
    pedestal[::50] *= 20
    clipped = sigmaclip(pedestal.astype(">f4"), 3, 3).clipped
    high, low = pedestal_limits(pedestal.copy(), 5.0)
    assert (high, low) == (clipped.mean() + clipped.std() * 5.0, clipped.mean() - clipped.std() * 5.0)
    assert high.dtype == low.dtype == np.float32
    for void in (np.nan, np.inf):
        pedestal[size // 2] = void
        assert np.isnan(pedestal_limits(pedestal.copy(), 5.0)).all()


@pytest.mark.parametrize("iterations", [1, 2, 5, 50])
@pytest.mark.parametrize("size", SIZES)
def test_scatters_are_clipped_to_the_last_bit(size, iterations):
    scatter = np.random.default_rng(size).gamma(9, 0.001, size)
    scatter[::50] *= np.linspace(1, 20, scatter[::50].size)
    survivors = sigma_clip(scatter, sigma=3.0, maxiters=iterations, masked=False)
    assert noise_statistics(scatter.copy(), 3.0, iterations) == (np.mean(survivors), np.std(survivors))


def test_early_and_late_groups():
    assert [early_late_cutoffs(n) for n in (20, 42, 108, 3)] == [(5, 15), (10, 31), (27, 81), (0, 2)]
