"""Tell telegraph pixels from noisy ones where a group averages several frames.

A pixel that switches between two frames of a group shows a level in between: of eight frames, any number may be the
upper ones. Reads then lie on a ladder of as many rungs, with the noise of an averaged group, small beside the distance
of the levels; the reads of a noisy pixel lie anywhere. Groups are apart by the dropped frames, and are taken to be
independent.
"""

from typing import NamedTuple

import numpy as np

from darkmask.core.kernels import kernel

# Chance to switch from one frame to the next, from which the ladder's weights follow: a slow pixel has the lowest and
# the highest rung, one that switches in every other frame a Gaussian of rungs.
_SWITCHES = np.array([0.03, 0.06, 0.1, 0.15, 0.2, 0.26, 0.34])
_USUAL = 4
# The distance of the levels is sought from a little less than the widest run spans to where it lacks three of eight
# rungs, and the slope about the given one, which switching moves by some thousandths of the distance.
_DISTANCES, _SHORTEST, _LONGER = 24, 0.92, 1.025
_TILTS, _TILT = 12, 0.0012
# Rungs that lie closer than so many times the noise of a read show no waves.
_APART = 1.5
_FIRST_STEPS, _LAST_STEPS = 5, 20
# Runs span the levels as a rule when the usual one spans so much of what the widest does.
_SEEN_OFTEN = 0.6
# At first a rung is as wide as this share of the way to the next.
_WIDE = 0.33
# A read that a cosmic ray or a burst leads astray costs no more than this chance, in units of the top of a Gaussian.
_ASTRAY = 1e-4
# ... and a whole run no more than this, in the logarithm.
_ONE_LEVEL = -6.0
# Rungs that are less likely than this do not count. The largest exponent that a number holds.
_LEAST_HEIGHT, _LARGEST = 1e-12, 600.0


class _Reads(NamedTuple):
    """The reads of a pixel, see :func:`ladder_likelihood`."""

    values: np.ndarray
    times: np.ndarray
    begins: np.ndarray
    read_noise: float
    one_level: float


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
def ladder_likelihood(values, times, begins, slope, read_noise, one_level, frames, needed):
    """Return the largest log-likelihood of reads on a ladder, on the scale of :mod:`.telegraph`, or one that suffices.

    Parameters
    ----------
    values, times : array, shape (n,), float64
        Reads (DN), and the group of each.
    begins : array, shape (runs + 1,), int64
        Where each run of reads begins, and the last ends.
    slope : float
        Approximate slope, DN/group.
    read_noise : float
        Standard deviation of a group of good pixels, DN.
    one_level : float
        Standard deviation of the reads about one level for each run, DN: a run in which a cosmic ray left a step that
        is smaller than switches is taken as such.
    frames : int
        Frames that a group averages.
    needed : float
        The search ends when this is exceeded.

    Notes
    -----
    The offset of a run is integrated over, and of one level as well: a ladder whose rungs lie apart may be shifted so
    that the reads of any noisy pixel lie near some of them, and how exactly it must be shifted says how little that is
    worth (Laplace's approximation of the integral).
    """
    runs = begins.size - 1
    reads = _Reads(values, times, begins, read_noise, one_level)
    tables = np.empty((_SWITCHES.size, frames + 1))
    for k in range(_SWITCHES.size):
        tables[k] = ladder_weights(frames, _SWITCHES[k])
    offsets, best_offsets = np.empty(runs), np.empty(runs)
    best, best_tilt, best_distance, usual = -np.inf, slope, 0.0, 0
    widest = _widest(reads, slope)
    if widest > _APART * frames * read_noise:
        # Rungs that lie apart are seen by their waves.
        distance, tilt = _step_of_ladder(reads, slope, widest, frames)
        width = max(read_noise, distance / frames * _WIDE)
        for r in range(runs):
            _step_onto(reads, r, tilt, distance, width, tables[_USUAL], best_offsets)
        best, best_tilt, best_distance = _fit(reads, tilt, best_offsets, distance, tables[_USUAL], _FIRST_STEPS)
        usual = _USUAL
    # Where the noise of a read fills the steps of the ladder, no wave tells them, and the share of reads at its ends
    # does. How far the levels are apart follows from the scatter of the reads and from how often a pixel switches, and
    # runs lie about the middle.
    excess = np.sqrt(max(one_level * one_level - read_noise * read_noise, 0.05 * read_noise * read_noise))
    for k in range(_SWITCHES.size):
        if best > needed:
            break
        start = excess / _spread(tables[k])
        _centre(reads, slope, start, offsets)
        found, tilt, distance = _fit(reads, slope, offsets, start, tables[k], _FIRST_STEPS)
        if found > best:
            best, best_tilt, best_distance, usual = found, tilt, distance, k
            best_offsets[:] = offsets
    first, tilt, distance = usual, best_tilt, best_distance
    for k in range(max(first - 1, 0), min(first + 2, _SWITCHES.size)):
        if best > needed:
            break
        offsets[:] = best_offsets
        found, _, _ = _fit(reads, tilt, offsets, distance, tables[k], _LAST_STEPS)
        best = max(best, found)
    return best


@kernel
def _widest(reads: _Reads, slope):
    """Return how far the levels lie apart at least, DN, by what runs span."""
    runs = reads.begins.size - 1
    spans = np.empty(runs)
    for r in range(runs):
        lowest, highest = _range(reads.values, reads.times, reads.begins[r], reads.begins[r + 1], slope)
        spans[r] = highest - lowest
    spans.sort()
    # A cosmic ray widens a run; hardly ever half of them. Of a pixel that switches seldom, few runs span the levels.
    usual, widest = spans[runs // 2], spans[max(runs - 2, 0)] if runs > 2 else spans[runs - 1]
    return (usual if usual > _SEEN_OFTEN * widest else widest) - 2 * reads.read_noise


@kernel
def _spread(weights):
    """Return the standard deviation of a read on a ladder, in units of the distance of the levels."""
    rungs = weights.size - 1
    variance = 0.0
    for k in range(rungs + 1):
        variance += weights[k] * (k / rungs - 0.5) ** 2
    return np.sqrt(variance)


@kernel
def _step_onto(reads: _Reads, run, slope, distance, width, weights, offsets):
    """Set the lower level of a run so that its lowest read stands on the one of the lower rungs that suits it best."""
    first, last, frames = reads.begins[run], reads.begins[run + 1], weights.size - 1
    lowest, _ = _range(reads.values, reads.times, first, last, slope)
    cosine, sine = _waves(reads.values, reads.times, first, last, slope, frames / distance)
    above = (lowest * frames / distance - np.arctan2(sine, cosine) / (2 * np.pi) + 0.5) % 1.0 - 0.5
    top = -np.inf
    for rung in range(frames // 2 + 1):
        offset = lowest - (above + rung) * distance / frames
        here = _run(reads, run, slope, offset, distance, width, weights)
        if here > top:
            top, offsets[run] = here, offset


@kernel
def _centre(reads: _Reads, slope, distance, offsets):
    """Set where the lower level of each run lies when its reads lie evenly about the middle of both."""
    for r in range(offsets.size):
        first, last = reads.begins[r], reads.begins[r + 1]
        total = 0.0
        for i in range(first, last):
            total += reads.values[i] - slope * reads.times[i]
        offsets[r] = total / (last - first) - 0.5 * distance


@kernel
def _range(values, times, first, last, slope):
    lowest, highest = np.inf, -np.inf
    for i in range(first, last):
        value = values[i] - slope * times[i]
        lowest, highest = min(lowest, value), max(highest, value)
    return lowest, highest


@kernel
def _step_of_ladder(reads: _Reads, slope, widest, frames):
    """Return the distance of the levels, DN, and the slope, for which reads of each run lie on rungs most nearly.

    Reads on a ladder have a common phase in waves of its step, whatever the offset of the run.
    """
    values, times, begins = reads.values, reads.times, reads.begins
    best, distance, tilt = -1.0, widest, slope
    waves, turns = np.empty(values.size, np.complex128), np.empty(values.size, np.complex128)
    for i in range(values.size):
        # From one slope to the next, whatever the distance.
        turns[i] = np.exp(-2j * np.pi * frames * _TILT * times[i])
    for d in range(_DISTANCES):
        long = widest * _SHORTEST * _LONGER**d
        for i in range(values.size):
            waves[i] = np.exp(2j * np.pi * frames / long * (values[i] - (slope - _TILTS * _TILT * long) * times[i]))
        for s in range(-_TILTS, _TILTS + 1):
            power = 0.0
            for r in range(begins.size - 1):
                together = 0j
                for i in range(begins[r], begins[r + 1]):
                    together += waves[i]
                    waves[i] *= turns[i]
                power += abs(together)
            if power > best:
                best, distance, tilt = power, long, slope + s * _TILT * long
    return distance, tilt


@kernel
def _waves(values, times, first, last, slope, frequency):
    cosine, sine = 0.0, 0.0
    for i in range(first, last):
        angle = 2 * np.pi * frequency * (values[i] - slope * times[i])
        cosine += np.cos(angle)
        sine += np.sin(angle)
    return cosine, sine


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
    here = weights[nearest] * top
    share = nearest / rungs
    chance, mean, square = here, here * share, here * share * share
    half = np.exp(-0.5 * step * step)
    tilt = np.exp(min(max(z * step, -_LARGEST), _LARGEST))
    for side in range(2):
        height, factor = top, half * tilt if side == 0 else half / tilt
        for far in range(1, rungs + 1):
            k = nearest + far if side == 0 else nearest - far
            height *= factor
            if k < 0 or k > rungs or height < _LEAST_HEIGHT:
                break
            factor *= shrink
            here, share = weights[k] * height, k / rungs
            chance += here
            mean += here * share
            square += here * share * share
    return chance, mean, square


@kernel
def _run(reads: _Reads, run, slope, offset, distance, width, weights):
    """Return the log-likelihood of the reads of a run."""
    total = 0.0
    for i in range(reads.begins[run], reads.begins[run + 1]):
        chance, _, _ = _chances(reads.values[i] - slope * reads.times[i] - offset, distance, width, weights)
        total += np.log((chance + _ASTRAY) / width)
    return total


@kernel
def _fit(reads: _Reads, slope, offsets, distance, weights, steps):
    """Improve slope, offsets and distance by expectation maximisation.

    The rungs are wide at first where they lie far apart, so that a slope or offset that is a little wrong finds its
    way. Return the last log-likelihood with the noise of a read, the slope and the distance.
    """
    values, times, begins = reads.values, reads.times, reads.begins
    read_noise, one_level = reads.read_noise, reads.one_level
    rungs, runs = weights.size - 1, begins.size - 1
    expected, squares, known = np.empty(values.size), np.empty(values.size), np.empty(values.size)
    likelihood = -np.inf
    width = distance / rungs * _WIDE
    for step in range(steps + 1):
        width = read_noise if step >= steps - 1 else max(read_noise, width)
        likelihood = 0.0
        for r in range(runs):
            here_likely, total, total_squares, certain = 0.0, 0.0, 0.0, 0.0
            for i in range(begins[r], begins[r + 1]):
                value = values[i] - slope * times[i] - offsets[r]
                total += value
                total_squares += value * value
                chance, mean, square = _chances(value, distance, width, weights)
                known[i] = chance / (chance + _ASTRAY)
                expected[i], squares[i] = mean / max(chance, 1e-300), square / max(chance, 1e-300)
                here_likely += np.log((chance + _ASTRAY) / width)
                spread = (squares[i] - expected[i] * expected[i]) * (distance / width) ** 2
                certain += known[i] * (1 - spread)
            n = begins[r + 1] - begins[r]
            about = total_squares - total * total / n
            level = -n * np.log(one_level) - 0.5 * about / (one_level * one_level) + _ONE_LEVEL
            # How much better the offset is known than one level is.
            better = certain * (one_level / width) ** 2 / n
            if better > 1:
                here_likely -= 0.5 * np.log(better)
            if level > here_likely:
                known[begins[r] : begins[r + 1]] = 0.0
            likelihood += max(here_likely, level)
        width *= 0.6
        if step == steps:
            break
        uu, ut, tt, uv, tv = 0.0, 0.0, 0.0, 0.0, 0.0
        for r in range(runs):
            n, share, time, value = 1e-12, 0.0, 0.0, 0.0
            for i in range(begins[r], begins[r + 1]):
                n += known[i]
                share += known[i] * expected[i]
                time += known[i] * times[i]
                value += known[i] * values[i]
            share, time, value = share / n, time / n, value / n
            for i in range(begins[r], begins[r + 1]):
                t, v, w = times[i] - time, values[i] - value, known[i]
                uu += w * (squares[i] - expected[i] * share)
                ut += w * expected[i] * t
                uv += w * expected[i] * v
                tt += w * t * t
                tv += w * t * v
        determinant = uu * tt - ut * ut
        if determinant <= 1e-9 * tt:
            break
        distance, slope = (uv * tt - ut * tv) / determinant, (uu * tv - ut * uv) / determinant
        for r in range(runs):
            n, offset = 1e-12, 0.0
            for i in range(begins[r], begins[r + 1]):
                n += known[i]
                offset += known[i] * (values[i] - slope * times[i] - distance * expected[i])
            offsets[r] = offset / n
    return likelihood, slope, distance
