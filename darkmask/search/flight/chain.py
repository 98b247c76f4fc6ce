"""Fit a hidden Markov chain of two levels to the reads of a pixel, by expectation maximisation (Baum and Welch).

A model is an array of amplitude (DN), switching rate (per group), noise of a read (DN) and slope (DN/group). Beside it
each run has an offset, its lower level (DN), and each read a probability of the upper level.
"""

import numpy as np

from darkmask.core.kernels import kernel

from .runs import Runs

# Amplitudes to start from, in units of the root of the excess variance of a difference. A chain that switches in one
# group of two has an amplitude of 1.4 units, one that switches in one of fifty has 7.
STARTS = (1.5, 2.3, 4.0)
# A step is large from so many times the noise of a difference on.
LARGE_STEP = 4.0
# Logarithm of the largest ratio of two likelihoods.
_LARGEST = 600.0


@kernel
def begin_model(model, start, excess, steps, read_noise, slope):
    """Set a model to begin with: from large steps (-1), or from one of ``STARTS``; return False when there is none."""
    model[0], model[1], model[3] = steps if start < 0 else STARTS[start] * excess, 0.2, slope
    # Levels that steps show are narrow from the beginning: widely begun ones may end as one level. Others are wide at
    # first, so that a wrong start does not decide where each read belongs.
    model[2] = read_noise if start < 0 else max(read_noise, 0.25 * model[0])
    return model[0] > 0


@kernel
def large_step(runs: Runs, slope, least):
    """Return the median height of the steps that are larger than noise makes them, DN; 0 when there is none."""
    values, begins = runs.values, runs.begins
    heights, count = np.empty(values.size), 0
    for k in range(begins.size - 1):
        for i in range(begins[k] + 1, begins[k + 1]):
            height = abs(values[i] - values[i - 1] - slope)
            if height > least:
                heights[count] = height
                count += 1
    return np.median(heights[:count]) if count > 0 else 0.0


@kernel
def excess_of(runs: Runs, noise):
    """Return the root of the variance of a pixel's differences beyond that of noise, DN, and half of noise at least."""
    values, begins = runs.values, runs.begins
    number, change = begins.size - 1, 0.0
    for k in range(number):
        for i in range(begins[k] + 1, begins[k + 1]):
            change += (values[i] - values[i - 1]) ** 2
    return np.sqrt(max(change / max(values.size - number, 1) - noise * noise, 0.25 * noise * noise))


@kernel
def begin_offsets(runs: Runs, model, offsets):
    """Set where the lower level of each run may lie, DN, shape (run,)."""
    values, times, begins = runs.values, runs.times, runs.begins
    for k in range(offsets.size):
        first, last = begins[k], begins[k + 1]
        lowest, highest, total = np.inf, -np.inf, 0.0
        for i in range(first, last):
            value = values[i] - model[3] * times[i]
            lowest, highest = min(lowest, value), max(highest, value)
            total += value
        # A run that spans less than the amplitude never left its level, whichever it was.
        spans = highest - lowest > 0.6 * model[0]
        offsets[k] = 0.5 * (lowest + highest - model[0]) if spans else total / (last - first)


@kernel
def fit(runs: Runs, model, read_noise, steps, needed, upper, offsets):
    """Improve model and offsets until the log-likelihood is what is needed; return the last that is known.

    Parameters
    ----------
    runs : Runs
    model : array, shape (4,), float64
        Is set, as ``upper``, shape (read,), and ``offsets``, shape (run,), are.
    read_noise : float
        Noise of a read of a good pixel, DN.
    steps : int
        The most that are taken.
    needed : float
    upper, offsets : array, float64
    """
    likelihood = -np.inf
    for _ in range(steps):
        likelihood, switches, pairs = _expect(runs, model, upper, offsets)
        if likelihood > needed:
            break
        maximise(runs, model, read_noise, upper, offsets, switches, pairs)
    return likelihood


@kernel
def _expect(runs: Runs, model, upper, offsets):
    """Set the probability of the upper level at each read; return the expected switches and the log-likelihood."""
    values, times, begins = runs.values, runs.times, runs.begins
    amplitude, rate, width, slope = model[0], model[1], model[2], model[3]
    stay = 1 - rate
    likelihood, switches, pairs = 0.0, 0.0, 0
    ratios = np.empty(values.size)
    for k in range(offsets.size):
        first, last = begins[k], begins[k + 1]
        squares = 0.0
        up = 0.5
        for i in range(first, last):
            deviation = values[i] - slope * times[i] - offsets[k]
            # The ratio of the likelihood of the upper level to that of the lower one.
            if runs.astray > 0:
                low = np.exp(-0.5 * (deviation / width) ** 2)
                high = np.exp(-0.5 * ((deviation - amplitude) / width) ** 2)
                ratio = (high + runs.astray) / (low + runs.astray)
                likelihood += np.log(low + runs.astray)
            else:
                squares += deviation * deviation
                logarithm = amplitude * (deviation - 0.5 * amplitude) / (width * width)
                ratio = np.exp(min(max(logarithm, -_LARGEST), _LARGEST))
                # Of levels far apart the ratio is more than a number holds, and the likelihood is not.
                likelihood += max(logarithm - _LARGEST, 0.0)
            ratios[i] = ratio
            if i > first:
                up = up * stay + (1 - up) * rate
            norm = up * ratio + 1 - up
            likelihood += np.log(norm)
            up = up * ratio / norm
            upper[i] = up
            if runs.astray > 0:
                chance = up * high + (1 - up) * low
                runs.known[i] = chance / (chance + runs.astray)
        likelihood -= (last - first) * np.log(width) + 0.5 * squares / (width * width)
        # Reads that may lie astray are so many fewer on the levels.
        likelihood -= (last - first) * np.log(1 + runs.astray * runs.span / (np.sqrt(2 * np.pi) * width))
        # Backwards, b is the likelihood of what follows from the upper level, over that from the lower one.
        b = 1.0
        for i in range(last - 2, first - 1, -1):
            here = upper[i]
            weight = ratios[i + 1] * b
            from_up, from_low = stay * weight + rate, rate * weight + stay
            switches += rate * (here + (1 - here) * weight) / (here * from_up + (1 - here) * from_low)
            pairs += 1
            upper[i + 1] = upper[i + 1] * b / (upper[i + 1] * b + 1 - upper[i + 1])
            b = from_up / from_low
        upper[first] = upper[first] * b / (upper[first] * b + 1 - upper[first])
    return likelihood, switches, pairs


@kernel
def maximise(runs: Runs, model, read_noise, upper, offsets, switches, pairs):
    """Fit the best model for these probabilities: normal equations of amplitude and slope, offsets eliminated.

    With no read on the upper level the model has one level, whose noise may be anything. ``switches`` of so many
    ``pairs`` of reads are expected; the rest is that of :func:`fit`.
    """
    values, times, begins = runs.values, runs.times, runs.begins
    known = runs.known
    uu, ut, tt, uv, tv = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(offsets.size):
        share, time, value, n = 0.0, 0.0, 0.0, 1e-9 if runs.astray > 0 else 0.0
        for i in range(begins[k], begins[k + 1]):
            n += known[i]
            share += known[i] * upper[i]
            time += known[i] * times[i]
            value += known[i] * values[i]
        share, time, value = share / n, time / n, value / n
        for i in range(begins[k], begins[k + 1]):
            t, v = times[i] - time, values[i] - value
            uu += known[i] * upper[i] * (1 - share)
            ut += known[i] * upper[i] * t
            uv += known[i] * upper[i] * v
            tt += known[i] * t * t
            tv += known[i] * t * v
    determinant = uu * tt - ut * ut
    if determinant > 1e-9 * tt:
        amplitude, slope = (uv * tt - ut * tv) / determinant, (uu * tv - ut * uv) / determinant
    else:
        amplitude, slope = model[0], tv / tt
    squares, number = 0.0, 0.0
    for k in range(offsets.size):
        total, n = 0.0, 1e-9 if runs.astray > 0 else 0.0
        for i in range(begins[k], begins[k + 1]):
            n += known[i]
            total += known[i] * (values[i] - slope * times[i] - amplitude * upper[i])
        offsets[k] = total / n
        number += n
        for i in range(begins[k], begins[k + 1]):
            low = values[i] - slope * times[i] - offsets[k]
            squares += known[i] * ((1 - upper[i]) * low * low + upper[i] * (low - amplitude) ** 2)
    model[0] = max(amplitude, 0.5 * read_noise) if uu > 0 else 0.0
    model[1] = min(max(switches / max(pairs, 1), 1e-3), 0.5)
    # Two levels with less than the noise of a read are not levels but a fit to the noise.
    model[2] = max(np.sqrt(squares / number), 0.8 * read_noise if uu > 0 else 0.0)
    model[3] = slope
