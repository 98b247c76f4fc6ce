"""Weigh the reads of a pixel as those of one level: with noise of any size, with hits, and with a signal that walks.

Whatever one level leaves unexplained, two levels would seem to explain. A pixel that is a little noisier than others
hides hits that the jump step would find in others, and its signal has shot noise, both at once.
"""

from typing import NamedTuple

import numpy as np

from darkmask.core.kernels import kernel

from .chain import maximise
from .runs import Runs
from .walk import walk_likelihood

# A noisy pixel is hit as often as others; a group averages no more than the hits of so many are looked for.
_MOST_HITS = 8


class OneLevel(NamedTuple):
    """How well one level explains the reads of a pixel.

    Attributes
    ----------
    likelihood : float
        The largest log-likelihood of one level, on the scale of :mod:`.telegraph`, less what its hits cost.
    free : float
        The same with offsets integrated over, of one that walks; -inf where the signal is too faint for that.
    parted : Runs
        The reads, parted where they were hit.
    cost : float
        What the hits cost.
    width : float, DN
        Standard deviation of the reads about one level that is not hit.
    """

    likelihood: float
    free: float
    parted: Runs
    cost: float
    width: float


@kernel
def one_level(runs: Runs, read_noise):
    """Return how well one level explains the reads of a pixel.

    Parameters
    ----------
    runs : Runs
    read_noise : float
        Standard deviation of a read of a good pixel, DN.

    Returns
    -------
    OneLevel
    """
    level = np.zeros(4)
    maximise(runs, level, read_noise, np.zeros(runs.values.size), np.empty(runs.begins.size - 1), 0.0, 1)
    likelihood, parted, cost = _with_hits(runs, read_noise, level)
    walking, free = walk_likelihood(runs, read_noise, level[2])
    return OneLevel(max(likelihood, walking), free, parted, cost, level[2])


@kernel
def with_walk_between_hits(one: OneLevel, read_noise):
    """Return the same of a level that walks where it is not hit, if it explains the reads better.

    Parameters
    ----------
    one : OneLevel
    read_noise : float
        Standard deviation of a read of a good pixel, DN.
    """
    if one.cost == 0:
        return one
    walking, free = walk_likelihood(one.parted, read_noise, one.width)
    likelihood, free = max(one.likelihood, walking - one.cost), max(one.free, free - one.cost)
    return OneLevel(likelihood, free, one.parted, one.cost, one.width)


@kernel
def with_own_slopes(parted: Runs, runs: Runs):
    """Return reads without the slope of each integration, and what these slopes cost but for one.

    Parameters
    ----------
    parted : Runs
        The reads, parted where they were hit, by which slopes are measured.
    runs : Runs
        The same reads, as they are returned.

    Returns
    -------
    flat : Runs
    cost : float
    """
    values, times, begins = runs.values.copy(), runs.times, parted.begins
    number, first = 0, 0
    while first < begins.size - 1:
        # Times begin again with each integration.
        last = first + 1
        while last < begins.size - 1 and times[begins[last]] > times[begins[last] - 1]:
            last += 1
        squares, products = 0.0, 0.0
        for k in range(first, last):
            here = slice(begins[k], begins[k + 1])
            away = times[here] - times[here].mean()
            squares += (away * away).sum()
            products += (away * values[here]).sum()
        if squares > 0:
            values[begins[first] : begins[last]] -= products / squares * times[begins[first] : begins[last]]
        number, first = number + 1, last
    flat = Runs(values, times, runs.begins, runs.shots, runs.astray, runs.span, np.ones(values.size))
    return flat, 0.5 * (number - 1) * np.log(values.size)


@kernel
def _with_hits(runs: Runs, read_noise, whole):
    """Part runs where hits explain the reads of one level better.

    Each makes later reads lie higher, and costs two parameters, its place and its height; it never makes them fall.

    Parameters
    ----------
    runs : Runs
    read_noise : float
    whole : array, shape (4,), float64
        The model of one level without hits, see :mod:`.chain`.

    Returns
    -------
    likelihood : float
        The largest log-likelihood of one level with free noise, on the scale of the fit, less ``cost``.
    parted : Runs
    cost : float
        Of the hits.
    """
    count = runs.values.size
    # The slope of the ramp is no rise.
    upper, level = np.zeros(count), whole.copy()
    best, best_cost, cost = -count * (np.log(max(whole[2], 1e-3 * read_noise)) + 0.5), 0.0, 0.0
    parted, here = runs, runs
    for _ in range(_MOST_HITS):
        place = _highest_rise(here, level[3])
        if place < 0:
            break
        begins, shots = np.empty(here.begins.size + 1, np.int64), np.empty(here.shots.size + 1)
        k = 0
        while here.begins[k] < place:
            begins[k], shots[k] = here.begins[k], here.shots[k]
            k += 1
        begins[k], shots[k] = place, here.shots[k - 1]
        begins[k + 1 :] = here.begins[k:]
        shots[k + 1 :] = here.shots[k:]
        here = Runs(runs.values, runs.times, begins, shots, runs.astray, runs.span, np.ones(count))
        level[:] = 0.0
        maximise(here, level, read_noise, upper, np.empty(begins.size - 1), 0.0, 1)
        cost += np.log(count)
        likelihood = -count * (np.log(max(level[2], 1e-3 * read_noise)) + 0.5) - cost
        if likelihood <= best:
            break
        best, best_cost, parted = likelihood, cost, here
    return best, parted, best_cost


@kernel
def _highest_rise(runs: Runs, slope):
    """Return the read before which a run is parted best into a lower and a higher one; -1 when there is none."""
    values, times, begins = runs.values, runs.times, runs.begins
    best, place = 0.0, -1
    for k in range(begins.size - 1):
        first, last = begins[k], begins[k + 1]
        total = 0.0
        for i in range(first, last):
            total += values[i] - slope * times[i]
        before = 0.0
        for i in range(first, last - 1):
            before += values[i] - slope * times[i]
            n, m = i + 1 - first, last - i - 1
            rise = (total - before) / m - before / n
            gain = rise * abs(rise) * n * m / (n + m)
            if gain > best:
                best, place = gain, i + 1
    return place
