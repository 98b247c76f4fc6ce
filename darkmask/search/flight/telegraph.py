"""Tell telegraph pixels from merely noisy ones by their ramps.

A telegraph pixel switches between two levels: its reads, less its slope, are those of a hidden Markov chain of two
states with the noise of a read. A noisy pixel has one level and more noise. Both models are fitted to the reads by
maximum likelihood, and the Bayesian information criterion tells which explains them better. Willott's NIRISS masks ask
the same of the distribution of group differences; the order of the reads shows smaller amplitudes.
"""

import numpy as np

from darkmask.core.kernels import kernel

from .averaged import ladder_likelihood
from .chain import LARGE_STEP, STARTS, begin_model, begin_offsets, excess_of, fit, large_step, maximise
from .runs import MIN_READS, Runs, level_runs, may_lie_astray
from .walk import walk_likelihood

_FIRST_STEPS, _LAST_STEPS = 3, 6
# This many reads decide nearly every pixel; all reads are used only when the evidence is within WEAK of what is asked.
ENOUGH_READS = 120
# ... and where groups average frames, levels show less in each.
ENOUGH_AVERAGED = 240
# What counts for a ladder beforehand, in the logarithm. Its level, its distance, its slope and its chance to switch are
# integrated over, so that it pays for no parameters, unlike a chain. Of simulated long-wave pixels in DEEP8 (seeds 7 to
# 9) 0.968 telegraph ones are named with 6.5 and 0.058 of the noisy ones called so, with 5.5 0.935 and 0.019, with 4.5
# 0.896 and 0.010; one pixel in fifty of Gaussian noise is allowed.
_LADDER = 5.5
# A noisy pixel is hit as often as others; a group averages no more than the hits of so many are looked for.
_MOST_HITS = 8


@kernel
def telegraph_evidence(reads, slope, noise, enough, frames, shots, bad=True):
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
    bad : bool
        Whether the pixel is bad in any case. What counts for a ladder beforehand is how many of the bad pixels have
        one: of good ones that are a little noisier than others hardly any has.

    Returns
    -------
    float
        BIC of one level with free noise, or of one that walks, minus BIC of two levels; -inf when there are too few
        reads.

    Notes
    -----
    The fit is an expectation maximisation (Baum and Welch), begun from several amplitudes.
    """
    runs = level_runs(reads, slope, noise, shots)
    count, number = runs.values.size, runs.begins.size - 1
    if count < MIN_READS or not noise > 0:
        return -np.inf
    read_noise = noise / np.sqrt(2.0)
    if frames > 1:
        runs = may_lie_astray(runs, slope, read_noise)
    level = np.zeros(4)
    maximise(runs, level, read_noise, np.zeros(count), np.empty(number), 0.0, 1)
    single, parted, cost = _with_hits(runs, read_noise, level[2])
    walking, free = walk_likelihood(runs, read_noise, level[2])
    single = max(single, walking)
    # A ladder's level is integrated over, and must be better than one that is as well.
    odds = (_LADDER if bad else 0.0) - max(free - single, 0.0)
    needed = single + 0.5 * enough
    best = _two_levels(runs, noise, frames, needed, odds)
    if parted.begins.size > runs.begins.size and not best > needed:
        # Pixels that switch are hit as well.
        best = max(best, _two_levels(parted, noise, frames, needed + cost, odds) - cost)
    return 2 * (best - single)


@kernel
def _two_levels(runs: Runs, noise, frames, needed, odds):
    """Return the largest log-likelihood of two levels less its cost, or one that is more than is needed."""
    count, number = runs.values.size, runs.begins.size - 1
    read_noise = noise / np.sqrt(2.0)
    upper, offsets = np.zeros(count), np.empty(number)
    level = np.zeros(4)
    maximise(runs, level, read_noise, upper, offsets, 0.0, 1)
    excess, steps = excess_of(runs, noise), large_step(runs, level[3], LARGE_STEP * noise)
    best, best_model, best_offsets = -np.inf, np.empty(4), np.empty(number)
    model = np.empty(4)
    # One level has a noise; two have noise, amplitude and switching rate. Both have a slope, and an offset for each
    # run.
    penalty = np.log(count)
    for k in range(-1, len(STARTS)):
        if not begin_model(model, k, excess, steps, read_noise, level[3]):
            continue
        begin_offsets(runs, model, offsets)
        likelihood = fit(runs, model, read_noise, _FIRST_STEPS, needed + penalty, upper, offsets)
        if likelihood > best:
            best = likelihood
            best_model[:] = model
            best_offsets[:] = offsets
        if best > needed + penalty:
            break
    else:
        last = fit(runs, best_model, read_noise, _LAST_STEPS, needed + penalty, upper, best_offsets)
        best = max(best, last)
    best -= penalty
    if frames > 1 and not best > needed:
        slope, width = level[3], max(level[2], read_noise)
        ladder = ladder_likelihood(runs, slope, read_noise, width, frames, needed - odds)
        best = max(best, ladder + odds)
    return best


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
