"""Weigh the reads of a pixel as those of one level whose signal has shot noise.

Charge that comes in at random makes the reads of a bright ramp walk about their line. Where a group takes minutes, the
walk is many times as wide as the noise of a read, and two levels would follow it better than one that stands.
"""

import numpy as np

from darkmask.core.kernels import kernel

from .runs import Runs

# The noise of a read beside the walk lies between that of a good pixel and so many times the scatter about one level.
_MOST_NOISE = 1.05
# Rates that are not quite the same in all integrations, and noise that grows towards low frequencies, walk as well: by
# so many times the variance of shot noise, which is one more parameter.
_FARTHER = 3.0
# It is sought by golden section in so many steps: to 2 % where a pixel is ten times as noisy as others, which is worth
# 0.2 of the logarithm in 480 reads.
_STEPS, _GOLDEN = 10, 0.6180339887498949
# A walk that moves reads about their mean by less than this share of the variance of a read is none. What may matter is
# not its step but how far it goes: in forty groups 0.02 of a read's variance in each make 0.13 of it.
_LEAST_WALK = 0.01
# A level that walks lies about its mean by this share of the variance of a step, times the steps.
_OF_WALK = 1 / 6


@kernel
def walk_likelihood(runs: Runs, read_noise, width):
    """Return the largest log-likelihood of the reads about one level and one slope, with shot noise.

    Parameters
    ----------
    runs : Runs
    read_noise : float
        Standard deviation of a read of a good pixel, DN.
    width : float
        Standard deviation of the reads about one level that does not walk, DN.

    Returns
    -------
    fitted : float
        On the scale of :mod:`.telegraph`, whose offsets and slope are fitted too; -inf when the signal is too faint to
        walk.
    free : float
        The same with offsets integrated over, here and in one level that does not walk: where a run began is known
        less well when its level walks.

    Notes
    -----
    The level is a random walk seen with the noise of a read. Its likelihood is that of a Kalman filter's innovations,
    and offsets and slope are regressors (Durbin and Koopman, "Time Series Analysis by State Space Methods", 6.2).
    """
    if runs.shots.size == 0 or walk_variance(runs) < _LEAST_WALK * read_noise * read_noise:
        return -np.inf, -np.inf
    best, looser = _with_best_noise(runs, read_noise, width)
    farther = Runs(runs.values, runs.times, runs.begins, _FARTHER * runs.shots, runs.astray, runs.span, runs.known)
    likelihood, here = _with_best_noise(farther, read_noise, width)
    likelihood -= 0.5 * np.log(runs.values.size)
    if likelihood > best:
        best, looser = likelihood, here
    free = best + looser
    number = runs.begins.size - 1
    for k in range(number):
        free += 0.5 * np.log((runs.begins[k + 1] - runs.begins[k]) / (width * width))
    return best, free


@kernel
def _with_best_noise(runs: Runs, read_noise, width):
    # In the logarithm of the noise the likelihood has one top.
    low, high = np.log(read_noise), np.log(max(_MOST_NOISE * width, read_noise))
    best, looser = _with_noise(runs, read_noise * read_noise)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    of_left, of_right = _with_noise(runs, np.exp(2 * left)), _with_noise(runs, np.exp(2 * right))
    for _ in range(_STEPS):
        if of_left[0] > of_right[0]:
            high, right, of_right = right, left, of_left
            left = high - _GOLDEN * (high - low)
            of_left = _with_noise(runs, np.exp(2 * left))
        else:
            low, left, of_left = left, right, of_right
            right = low + _GOLDEN * (high - low)
            of_right = _with_noise(runs, np.exp(2 * right))
    for likelihood, here in (of_left, of_right):
        if likelihood > best:
            best, looser = likelihood, here
    return best, looser


@kernel
def walk_variance(runs: Runs):
    """Return the variance of reads about a mean level of each run that shot noise alone makes, DN**2."""
    variance = 0.0
    for k in range(runs.shots.size):
        length = runs.begins[k + 1] - runs.begins[k]
        variance += _OF_WALK * runs.shots[k] * length * length
    return variance / runs.values.size


@kernel
def _with_noise(runs: Runs, variance):
    values, times, begins = runs.values, runs.times, runs.begins
    likelihood, squares, products, total, looser = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(runs.shots.size):
        # What the walk did since the run began; the filter's values of the reads, of an offset and of a slope.
        spread, value, one, time = 0.0, 0.0, 0.0, 0.0
        vv, v1, vt, oo, mix, tt = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(begins[k], begins[k + 1]):
            if i > begins[k]:
                spread += runs.shots[k] * (times[i] - times[i - 1])
            full = spread + variance
            v, o, t = values[i] - value, 1.0 - one, times[i] - time
            likelihood -= 0.5 * np.log(full)
            vv += v * v / full
            v1 += v * o / full
            vt += v * t / full
            oo += o * o / full
            mix += o * t / full
            tt += t * t / full
            share = spread / full
            value, one, time = value + share * v, one + share * o, time + share * t
            spread *= 1 - share
        total += vv - v1 * v1 / oo
        looser -= 0.5 * np.log(oo)
        products += vt - v1 * mix / oo
        squares += tt - mix * mix / oo
    if squares > 0:
        total -= products * products / squares
    return likelihood - 0.5 * total, looser
