"""The reads of a pixel that switches within groups of averaged frames: a ladder of rungs on a level that walks.

Of the frames of a group any number may see the upper level, so that its reads lie on as many rungs and one. The level
that carries the ladder is that of a run of reads, and walks by the shot noise of the signal. It is integrated over: a
ladder whose rungs lie apart may be shifted so that the reads of any noisy pixel lie near some of them, and how exactly
it must be shifted says how little that is worth.
"""

from typing import NamedTuple

import numpy as np

from darkmask.core.kernels import kernel

from .runs import Runs

# A read that a cosmic ray or a burst leads astray costs no more than this chance, in units of the top of a Gaussian.
_ASTRAY = 1e-5
# ... and a whole run no more than this, in the logarithm.
_ONE_LEVEL = -6.0
# Rungs are this share of the way to the next wide at first, and become narrower by this factor in each step.
WIDE, _NARROWER = 0.33, 0.6
# A level walks by this share of the variance of a read at least, so that there is one way to follow it.
_LEAST_WALK = 1e-4
# The chance of a read is known for each such share of its noise, and so many times its noise beyond the last rungs.
_FINE, _TAIL = 0.15, 5.0
# A level is sought at so many places at the most, and its chance spreads by this variance at once, in units of places.
_MOST_PLACES, _IN_ONE_PASS = 800, 0.4
# Noise is taken to be this share of a step of the walk at least, and the levels so many times it apart at the most.
_OF_WALK, _LONGEST = 0.4, 2000.0
# Rungs that are less likely than this do not count. The largest exponent that a number holds.
_LEAST_HEIGHT, _LARGEST = 1e-12, 600.0


class LadderReads(NamedTuple):
    """The reads of a pixel, and what is known of their noise.

    Attributes
    ----------
    runs : Runs
    read_noise : float
        Standard deviation of a group of good pixels, DN.
    one_level : float
        Standard deviation of the reads about one level for each run, DN: a run in which a cosmic ray left a step that
        is smaller than switches is taken as such.
    """

    runs: Runs
    read_noise: float
    one_level: float


class Rungs(NamedTuple):
    """Where each read lies between the levels.

    Attributes
    ----------
    mean, spread : array, shape (read,), float64
        Mean and variance of the share of the frames that see the upper level.
    known : array, shape (read,), float64
        How surely the read lies on one of the rungs.
    """

    mean: np.ndarray
    spread: np.ndarray
    known: np.ndarray


@kernel
def ladder_weights(frames, switch):
    """Return the chance that none, one, ..., all of a group's frames see the upper level, shape (frames + 1,)."""
    # By the number of upper frames, and by the level of the last.
    low, high = np.zeros(frames + 1), np.zeros(frames + 1)
    low[0], high[1] = 0.5, 0.5
    for _ in range(1, frames):
        next_low, next_high = np.zeros(frames + 1), np.zeros(frames + 1)
        for k in range(frames + 1):
            next_low[k] = low[k] * (1 - switch) + high[k] * switch
            if k > 0:
                next_high[k] = high[k - 1] * (1 - switch) + low[k - 1] * switch
        low, high = next_low, next_high
    return low + high


@kernel
def ladder_spread(weights):
    """Return the standard deviation of a read on a ladder, in units of the distance of the levels."""
    rungs = weights.size - 1
    variance = 0.0
    for k in range(rungs + 1):
        variance += weights[k] * (k / rungs - 0.5) ** 2
    return np.sqrt(variance)


@kernel
def run_likelihood(reads: LadderReads, run, slope, offset, distance, width, weights):
    """Return the log-likelihood of the reads of a run on a ladder at one place."""
    total = 0.0
    for i in range(reads.runs.begins[run], reads.runs.begins[run + 1]):
        chance, _, _ = _chances(reads.runs.values[i] - slope * reads.runs.times[i] - offset, distance, width, weights)
        total += np.log((chance + _ASTRAY) / width)
    return total


@kernel
def fit_ladder(reads: LadderReads, slope, path, distance, weights, steps):
    """Improve slope, path and distance by expectation maximisation.

    The rungs are wide at first where they lie far apart, so that a slope or path that is a little wrong finds its way.

    Parameters
    ----------
    reads : LadderReads
    slope : float
        DN/group.
    path : array, shape (read,), float64
        The lower level at each read, less its slope, DN; is set.
    distance : float
        Of the levels, DN.
    weights : array, shape (frames + 1,), float64
    steps : int

    Returns
    -------
    slope, distance : float
    """
    values, times, begins, read_noise = reads.runs.values, reads.runs.times, reads.runs.begins, reads.read_noise
    rungs, count = weights.size - 1, values.size
    rung = Rungs(np.empty(count), np.empty(count), np.empty(count))
    mean, spread, known = rung.mean, rung.spread, rung.known
    # What a level that follows the shares, the times and the values would be; see _follow.
    followed, series, room = np.empty((3, count)), np.empty((3, count)), np.empty(count)
    width = distance / rungs * WIDE
    for step in range(steps):
        width = read_noise if step >= steps - 1 else max(read_noise, width)
        for r in range(begins.size - 1):
            _expect(reads, r, (slope, distance, width), path, weights, rung)
        uu, ut, tt, uv, tv = 0.0, 0.0, 0.0, 0.0, 0.0
        series[0], series[1], series[2] = mean, times, values
        for r in range(begins.size - 1):
            first, last = begins[r], begins[r + 1]
            _follow(reads, r, width, known, series, followed, room)
            for i in range(first, last):
                w, u, t = known[i], mean[i], times[i]
                own, time, value = u - followed[0, i], t - followed[1, i], values[i] - followed[2, i]
                uu += w * (u * own + spread[i])
                ut += w * t * own
                uv += w * u * value
                tt += w * t * time
                tv += w * t * value
        determinant = uu * tt - ut * ut
        if determinant <= 1e-9 * tt:
            break
        distance, slope = (uv * tt - ut * tv) / determinant, (uu * tv - ut * uv) / determinant
        for i in range(count):
            path[i] = followed[2, i] - distance * followed[0, i] - slope * followed[1, i]
        width *= _NARROWER
        if not distance > read_noise:
            break
    return slope, distance


@kernel
def ladder_evidence(reads: LadderReads, slope, path, distance, weights):
    """Return the log-likelihood of reads on a ladder whose level is integrated over, wherever it walks.

    It is on the scale of :mod:`.telegraph`, whose single level is integrated over as well. The level has a chance at
    each of some evenly spaced places, that each read changes, and that spreads from one read to the next.
    """
    if not distance > reads.read_noise:
        return -np.inf
    # A walk that is far wider than the noise of a read, or a ladder far longer, is told as well by wider rungs.
    noise = max(reads.read_noise, _OF_WALK * np.sqrt(reads.runs.shots.max()), distance / _LONGEST)
    # The chance of a read by how far it lies above the level.
    fine = _FINE * noise
    table = np.empty(int((distance + 2 * _TAIL * noise) / fine) + 3)
    for k in range(table.size):
        table[k] = _chances(k * fine - _TAIL * noise, distance, noise, weights)[0] + _ASTRAY
    likelihood, one_level = 0.0, reads.one_level
    step = distance / (weights.size - 1)
    for r in range(reads.runs.begins.size - 1):
        first, last = reads.runs.begins[r], reads.runs.begins[r + 1]
        n, total, squares = last - first, 0.0, 0.0
        for i in range(first, last):
            value = reads.runs.values[i] - slope * reads.runs.times[i]
            total += value
            squares += value * value
        here = _integrate(reads, r, slope, path, noise, step, table) - n * np.log(noise)
        here += 0.5 * np.log(n / (2 * np.pi * one_level * one_level))
        likelihood += max(here, _one_level(n, total, squares, one_level))
    return likelihood


@kernel
def _one_level(n, total, squares, one_level):
    """Return the log-likelihood of the reads of a run about one level that does not walk, and what such a run costs."""
    return -n * np.log(one_level) - 0.5 * (squares - total * total / n) / (one_level * one_level) + _ONE_LEVEL


@kernel
def _integrate(reads: LadderReads, run, slope, path, noise, step, table):
    """Return the logarithm of the integral over the level of a run, whose first read has it anywhere."""
    values, times, first, last = reads.runs.values, reads.runs.times, reads.runs.begins[run], reads.runs.begins[run + 1]
    n, walk, fine = last - first, max(reads.runs.shots[run], _LEAST_WALK * noise * noise), _FINE * noise
    lowest, highest = np.inf, -np.inf
    for i in range(first, last):
        lowest, highest = min(lowest, path[i]), max(highest, path[i])
    # Places lie as near to one another as the level is known: to the error of a filter of a walk, or of a mean.
    known = np.sqrt(max(0.5 * (np.sqrt(walk * walk + 4 * walk * noise * noise) - walk), noise * noise / n))
    reach = min(2.5 * reads.one_level / np.sqrt(n), 1.5 * step) + 2 * known + np.sqrt(walk)
    reach = min(reach, 0.25 * _MOST_PLACES * known)
    start, places = lowest - reach, int((highest - lowest + 2 * reach) / known) + 2
    if places > _MOST_PLACES:
        return -np.inf
    chance, moved = np.ones(places), np.empty(places)
    logarithm = np.log(known)
    for i in range(first, last):
        if i > first:
            spread = walk * (times[i] - times[i - 1]) / (known * known)
            passes = int(spread / _IN_ONE_PASS) + 1
            side = 0.5 * spread / passes
            for _ in range(passes):
                for k in range(places):
                    lower, upper = chance[max(k - 1, 0)], chance[min(k + 1, places - 1)]
                    moved[k] = chance[k] + side * (lower - 2 * chance[k] + upper)
                chance, moved = moved, chance
        at = (values[i] - slope * times[i] - start) / fine + _TAIL / _FINE
        norm = 0.0
        for k in range(places):
            place = at - k * known / fine
            whole = int(place)
            if 0 <= place < table.size - 1:
                chance[k] *= table[whole] + (place - whole) * (table[whole + 1] - table[whole])
            else:
                chance[k] *= _ASTRAY
            norm += chance[k]
        logarithm += np.log(norm)
        for k in range(places):
            chance[k] /= norm
    return logarithm


@kernel
def _expect(reads: LadderReads, run, model, path, weights, rung: Rungs):
    """Set the rungs of the reads of a run, by slope, distance and width."""
    (slope, distance, width), mean, spread, known = model, rung.mean, rung.spread, rung.known
    values, times, first, last = reads.runs.values, reads.runs.times, reads.runs.begins[run], reads.runs.begins[run + 1]
    likelihood, total, squares = 0.0, 0.0, 0.0
    for i in range(first, last):
        value = values[i] - slope * times[i]
        total += value
        squares += value * value
        chance, share, square = _chances(value - path[i], distance, width, weights)
        known[i] = chance / (chance + _ASTRAY)
        mean[i] = share / max(chance, 1e-300)
        spread[i] = square / max(chance, 1e-300) - mean[i] * mean[i]
        likelihood += np.log((chance + _ASTRAY) / width)
    if _one_level(last - first, total, squares, reads.one_level) > likelihood:
        known[first:last] = 0.0


@kernel
def _follow(reads: LadderReads, run, width, known, series, followed, room):
    """Set the level that follows each series best, within what the walk allows: a tridiagonal system (Thomas)."""
    times, first, last = reads.runs.times, reads.runs.begins[run], reads.runs.begins[run + 1]
    walk = max(reads.runs.shots[run], _LEAST_WALK * reads.read_noise**2)
    for i in range(first, last):
        weight = max(known[i], 1e-9) / (width * width)
        pivot = weight
        link = 1 / (walk * (times[i] - times[i - 1])) if i > first else 0.0
        if i > first:
            pivot += link - link * room[i - 1]
        after = 1 / (walk * (times[i + 1] - times[i])) if i + 1 < last else 0.0
        pivot += after
        room[i] = after / pivot
        for s in range(3):
            before = link * followed[s, i - 1] if i > first else 0.0
            followed[s, i] = (weight * series[s, i] + before) / pivot
    for i in range(last - 2, first - 1, -1):
        for s in range(3):
            followed[s, i] += room[i] * followed[s, i + 1]


@kernel
def _chances(value, distance, width, weights):
    """Return the chance of a read, in units of the top of a Gaussian, and the mean rung and its square, times it.

    Of a Gaussian at evenly spaced places, each value follows from the one before by a factor that shrinks evenly.
    """
    rungs = weights.size - 1
    step = distance / (rungs * width)
    nearest = int(min(max(np.rint(value / (step * width)), 0.0), float(rungs)))
    z = value / width - nearest * step
    top, shrink = np.exp(-0.5 * z * z), np.exp(-step * step)
    here, share = weights[nearest] * top, nearest / rungs
    chance, mean, square = here, here * share, here * share * share
    half, tilt = np.exp(-0.5 * step * step), np.exp(min(max(z * step, -_LARGEST), _LARGEST))
    for side in (1, -1):
        height, factor = top, half * tilt if side > 0 else half / tilt
        k = nearest + side
        while 0 <= k <= rungs:
            height *= factor
            if height < _LEAST_HEIGHT:
                break
            factor *= shrink
            here, share = weights[k] * height, k / rungs
            chance += here
            mean += here * share
            square += here * share * share
            k += side
    return chance, mean, square
