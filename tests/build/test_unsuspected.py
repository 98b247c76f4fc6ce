"""What no test of a search looks for in good pixels, and whether integrations are independent: arrays made by hand."""

import numpy as np
import pytest

from darkmask.build.dark import scatter_of_means
from darkmask.build.unsuspected import full_pixels, high_pixels, quiet_pixels, same_rates


def noise(*shape):
    return np.random.default_rng(4).normal(0, 0.01, shape).astype(np.float32)


AMPLIFIERS = [slice(0, 50), slice(50, 100)]


def test_means_of_independent_integrations_scatter_as_their_integrations_say():
    good, rates = np.ones((100, 100), bool), noise(12, 100, 100)
    assert scatter_of_means(iter(rates), good, AMPLIFIERS) == pytest.approx(1, abs=0.03)
    assert scatter_of_means(iter(rates + noise(100, 100)), good, AMPLIFIERS) > 3
    assert scatter_of_means(iter(rates - rates.mean(axis=0)), good, AMPLIFIERS) < 0.01
    # A glow that comes and goes, and outputs that drift, change nothing either.
    glow = np.random.default_rng(5).normal(0, 0.1, (12, 1, 1))
    drift = np.where(np.arange(100) < 50, 0, 2 * glow)
    assert scatter_of_means(iter(rates + glow + drift), good, AMPLIFIERS) == pytest.approx(1, abs=0.03)
    # A hit in one integration of a pixel in ten, and a pixel without a rate, change nothing.
    hit = rates.copy()
    hit[3].flat[::10] += 5
    hit[4, 0, 0] = np.nan
    assert scatter_of_means(iter(hit), good, AMPLIFIERS) == pytest.approx(1, abs=0.05)
    assert np.isnan(scatter_of_means(iter(rates[:1]), good, AMPLIFIERS))
    assert np.isnan(scatter_of_means(iter(rates), ~good, AMPLIFIERS))


def test_few_integrations_do_not_seem_to_be_dependent():
    for number in (2, 3, 5):
        assert scatter_of_means(iter(noise(number, 100, 100)), np.ones((100, 100), bool), AMPLIFIERS) > 0.95


def test_a_good_pixel_that_is_full():
    first, good = noise(20, 20) * 1000, np.ones((20, 20), bool)
    assert full_pixels(first, good) == []
    first[3, 7], first[4, 4], good[4, 4] = 50_000, 50_000, False
    first[9, 9] = np.nan
    assert full_pixels(first, good) == [(7, 3)]


def test_good_pixels_that_begin_high_in_their_amplifier():
    first, good = noise(20, 20) * 1000, np.ones((20, 20), bool)
    first[:, 10:] += 400
    amplifiers = [slice(0, 10), slice(10, 20)]
    assert high_pixels(first, good, amplifiers) == []
    # A bad one, a full one, one that nothing is known of, and one that begins low.
    first[3, 7], first[4, 15], first[5, 5], first[6, 6], first[7, 7] = 1100, 1300, 5000, 50_000, np.nan
    first[8, 12], first[9, 9], good[5, 5] = 5000, -5000, False
    assert high_pixels(first, good, amplifiers) == [(7, 3), (12, 8)]


def test_good_pixels_whose_reads_hardly_change():
    good, differences = np.ones((20, 20), bool), np.full((20, 20), 100)
    noise_of = 8 + noise(20, 20) * 50
    noise_of[:, 10:] *= 3
    amplifiers = [slice(0, 10), slice(10, 20)]
    assert quiet_pixels(noise_of, differences, good, amplifiers) == []
    noise_of[3, 7], noise_of[4, 15], noise_of[5, 5], noise_of[6, 6] = 0, 10, 0, 0
    good[5, 5], differences[6, 6] = False, 99
    assert quiet_pixels(noise_of, differences, good, amplifiers) == [(7, 3), (15, 4)]
    assert quiet_pixels(noise_of, differences - 1, good, amplifiers) is None


def test_noise_makes_no_two_rates_alike_in_all_integrations():
    rates = np.random.default_rng(1).standard_normal((8, 100, 1000))
    rates[:, 3, 7] = 0.4
    farthest = np.abs(rates - rates.mean(axis=0)).max(axis=0)
    assert np.argwhere(same_rates(farthest, 8)).tolist() == [[3, 7]]
