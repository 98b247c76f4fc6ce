"""Tell telegraph pixels from merely noisy ones by their ramps.

A telegraph pixel switches between two levels: its reads, less its slope, are those of a hidden Markov chain of two
states with the noise of a read. A noisy pixel has one level and more noise. Both models are fitted to the reads by
maximum likelihood, and the Bayesian information criterion tells which explains them better. Willott's NIRISS masks ask
the same of the distribution of group differences; the order of the reads shows smaller amplitudes.
"""

import numpy as np

from darkmask.core.kernels import kernel

from .averaged import ladder_likelihood
from .runs import Runs
from .walk import walk_likelihood

# Amplitudes to start from, in units of the root of the excess variance of a difference. A chain that switches in one
# group of two has an amplitude of 1.4 units, one that switches in one of fifty has 7.
_STARTS = (1.5, 2.3, 4.0)
_FIRST_STEPS, _LAST_STEPS = 3, 6
# This many reads decide nearly every pixel; all reads are used only when the evidence is within WEAK of what is asked.
ENOUGH_READS, WEAK = 120, 10.0
# ... and where groups average frames, levels show less in each.
ENOUGH_AVERAGED = 240
# Fewer reads than this decide nothing.
MIN_READS = 12
# Chance of a read between the levels, where a group averages frames; see :class:`Runs`.
_ASTRAY = 1e-3
# Logarithm of the largest ratio of two likelihoods.
_LARGEST = 600.0
# A step is large from so many times the noise of a difference on.
LARGE_STEP = 4.0
# A noisy pixel is hit as often as others; a group averages no more than the hits of so many are looked for.
_MOST_HITS = 8
# A step upwards by more than this many times the deepest fall and this many sigma has no second level to return from.
_COSMIC_RAY_FALLS, _COSMIC_RAY_SIGMA = 1.5, 5.0


@kernel
def telegraph_evidence(reads, slope, noise, enough, frames, shots):
    """Return how much better two levels explain a pixel's reads than one noisy level, or than shot noise.

    Parameters
    ----------
    reads : array, shape (nint, ngroup), float32, DN
        Reads; NaN when a group is not usable.
    slope : float
        Approximate slope of the pixel, DN/group.
    noise : float
        Standard deviation of a group difference of a good pixel of the same amplifier, DN.
    enough : float
        The search for better levels ends when this is exceeded.
    frames : int
        Frames that a group averages; of more than one, levels in between are looked for too.
    shots : array, shape (nint,), float64, DN**2
        Variance of a group difference by the shot noise of the signal, which makes the reads of a bright ramp walk.

    Returns
    -------
    float
        BIC of one level with free noise, or of one that walks, minus BIC of two levels; -inf when there are too few
        reads.

    Notes
    -----
    The fit is an expectation maximisation (Baum and Welch), begun from several amplitudes.
    """
    runs = _level_runs(reads, slope, noise, shots, _ASTRAY if frames > 1 else 0.0)
    count, number = runs.values.size, runs.begins.size - 1
    if count < MIN_READS or not noise > 0:
        return -np.inf
    read_noise = noise / np.sqrt(2.0)
    level = np.zeros(4)
    _maximise(runs, level, read_noise, np.zeros(count), np.empty(number), 0.0, 1)
    single, parted, cost = _with_hits(runs, read_noise, level[2])
    single = max(single, walk_likelihood(runs, read_noise))
    # One level has a noise; two have noise, amplitude and switching rate. Both have a slope, and an offset for each
    # run.
    penalty = 2 * np.log(count)
    needed = single + 0.5 * (enough + penalty)
    best = _two_levels(runs, noise, frames, needed)
    if parted.begins.size > runs.begins.size and not best > needed:
        # Pixels that switch are hit as well.
        best = max(best, _two_levels(parted, noise, frames, needed + cost) - cost)
    return 2 * (best - single) - penalty


@kernel
def _two_levels(runs: Runs, noise, frames, needed):
    """Return the largest log-likelihood of two levels, or one that is more than is needed."""
    values, begins, count, number = runs.values, runs.begins, runs.values.size, runs.begins.size - 1
    read_noise = noise / np.sqrt(2.0)
    upper, offsets = np.zeros(count), np.empty(number)
    level = np.zeros(4)
    _maximise(runs, level, read_noise, upper, offsets, 0.0, 1)
    excess, steps = excess_of(runs, noise), large_step(runs, level[3], LARGE_STEP * noise)
    best, best_model, best_offsets = -np.inf, np.empty(4), np.empty(number)
    model = np.empty(4)
    for k in range(-1, len(_STARTS)):
        if not begin_model(model, k, excess, steps, read_noise, level[3]):
            continue
        _begin(runs, model, offsets)
        likelihood = _fit(runs, model, read_noise, _FIRST_STEPS, needed, upper, offsets)
        if likelihood > best:
            best = likelihood
            best_model[:] = model
            best_offsets[:] = offsets
        if best > needed:
            break
    else:
        last = _fit(runs, best_model, read_noise, _LAST_STEPS, needed, upper, best_offsets)
        best = max(best, last)
    if frames > 1 and not best > needed:
        slope, width = level[3], max(level[2], read_noise)
        ladder = ladder_likelihood(values, runs.times, begins, slope, read_noise, width, frames, needed)
        best = max(best, ladder)
    return best


@kernel
def begin_model(model, start, excess, steps, read_noise, slope):
    """Set a model to begin with: from large steps (-1), or from one of ``_STARTS``; return False when there is none."""
    model[0], model[1], model[3] = steps if start < 0 else _STARTS[start] * excess, 0.2, slope
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
def _with_hits(runs: Runs, read_noise, width):
    """Part runs where hits explain the reads of one level better.

    A noisy pixel hides hits that the jump step would find in others. Each makes later reads lie higher, and costs
    two parameters, its place and its height; it never makes them fall.

    Returns
    -------
    likelihood : float
        The largest log-likelihood of one level with free noise, on the scale of the fit, less ``cost``.
    parted : Runs
    cost : float
        Of the hits.
    """
    count = runs.values.size
    upper, level = np.zeros(count), np.zeros(4)
    best, best_cost, cost = -count * (np.log(max(width, 1e-3 * read_noise)) + 0.5), 0.0, 0.0
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
        here = Runs(runs.values, runs.times, begins, shots, runs.astray, np.ones(count))
        level[:] = 0.0
        _maximise(here, level, read_noise, upper, np.empty(begins.size - 1), 0.0, 1)
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
def _level_runs(reads, slope, noise, shots, astray):
    """Sort the reads into runs."""
    integrations, groups = reads.shape
    values, times = np.empty(integrations * groups, np.float64), np.empty(integrations * groups, np.float64)
    begins, shot = np.zeros(integrations * groups + 1, np.int64), np.empty(integrations * groups)
    deepest = 0.0
    for i in range(integrations):
        for g in range(1, groups):
            fall = slope - (np.float64(reads[i, g]) - np.float64(reads[i, g - 1]))
            if fall > deepest:  # false when one is NaN
                deepest = fall
    highest = slope + _COSMIC_RAY_FALLS * deepest + _COSMIC_RAY_SIGMA * noise
    count, runs = 0, 0
    for i in range(integrations):
        length = 0
        for g in range(groups):
            read = np.float64(reads[i, g])
            hit = g > 0 and read - np.float64(reads[i, g - 1]) > highest
            if length > 0 and (hit or not np.isfinite(read)):
                shot[runs] = shots[i]
                runs, count = _end_run(begins, runs, count, length)
                length = 0
            if np.isfinite(read):
                values[count] = read
                times[count] = g
                count += 1
                length += 1
        if length > 0:
            shot[runs] = shots[i]
            runs, count = _end_run(begins, runs, count, length)
    return Runs(values[:count], times[:count], begins[: runs + 1], shot[:runs], astray, np.ones(count))


@kernel
def _end_run(begins, runs, count, length):
    """Close a run; a run of two reads or fewer tells nothing and is dropped."""
    if length < 3:
        return runs, count - length
    begins[runs + 1] = count
    return runs + 1, count


# A model holds amplitude (DN), switching rate (per group), noise of a read (DN) and slope (DN/group).


@kernel
def _begin(runs: Runs, model, offsets):
    """Set where the lower level of each run may lie."""
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
def _fit(runs: Runs, model, read_noise, steps, needed, upper, offsets):
    """Improve model and offsets until the log-likelihood is what is needed; return the last that is known."""
    likelihood = -np.inf
    for _ in range(steps):
        likelihood, switches, pairs = _expect(runs, model, upper, offsets)
        if likelihood > needed:
            break
        _maximise(runs, model, read_noise, upper, offsets, switches, pairs)
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
def _maximise(runs: Runs, model, read_noise, upper, offsets, switches, pairs):
    """Fit the best model for these probabilities: normal equations of amplitude and slope, offsets eliminated.

    With no read on the upper level the model has one level, whose noise may be anything.
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
