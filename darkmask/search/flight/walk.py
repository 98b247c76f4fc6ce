"""Weigh the reads of a pixel as those of one level whose signal has shot noise.

Charge that comes in at random makes the reads of a bright ramp walk about their line. Where a group takes minutes, the
walk is many times as wide as the noise of a read, and two levels would follow it better than one that stands.
"""

import numpy as np

from darkmask.core.kernels import kernel

from .runs import Runs

# The noise of a read, in units of that of a good pixel, beside the walk.
_READ_NOISES = (1.0, 1.6, 2.5)
# ... and in units of what the walk leaves of the scatter of a pixel's own.
_OWN_NOISES = (0.92, 1.0, 1.08)
# A walk of less than this share of the variance of a read is none.
_LEAST_WALK = 0.05
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
    best, free = -np.inf, -np.inf
    if runs.shots.size == 0 or runs.shots.max() < _LEAST_WALK * read_noise * read_noise:
        return best, free
    for scale in _READ_NOISES:
        likelihood, looser = _with_noise(runs, (scale * read_noise) ** 2)
        best, free = max(best, likelihood), max(free, likelihood + looser)
    # A noisy pixel has what the walk leaves of the scatter of its reads.
    variance = width * width - walk_variance(runs)
    for scale in _OWN_NOISES:
        if variance > read_noise * read_noise:
            likelihood, looser = _with_noise(runs, scale * scale * variance)
            best, free = max(best, likelihood), max(free, likelihood + looser)
    number = runs.begins.size - 1
    for k in range(number):
        free += 0.5 * np.log((runs.begins[k + 1] - runs.begins[k]) / (width * width))
    return best, free


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
