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
from .one_level import OneLevel, one_level, with_own_slopes, with_walk_between_hits
from .runs import MIN_READS, Runs, level_runs, may_lie_astray

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
    count = runs.values.size
    if count < MIN_READS or not noise > 0:
        return -np.inf
    read_noise = noise / np.sqrt(2.0)
    if frames > 1:
        runs = may_lie_astray(runs, slope, read_noise)
    one = one_level(runs, read_noise)
    best = _best_levels(runs, one, noise, frames, enough, bad)
    if not best > one.likelihood + 0.5 * enough:
        return 2 * (best - one.likelihood)
    # Of what seems to have two levels it is asked whether one would do that is hit and walks.
    closer = with_walk_between_hits(one, read_noise)
    if not _surely(best, one, closer, 0.0, enough):
        best = _best_levels(runs, closer, noise, frames, enough, bad)
        if not best > closer.likelihood + 0.5 * enough:
            return 2 * (best - closer.likelihood)
    # A signal that fades, or that low frequencies move, has another slope in each integration: of either model.
    flat, cost = with_own_slopes(one.parted, runs)
    own = with_walk_between_hits(one_level(flat, read_noise), read_noise)
    if not own.likelihood - cost > closer.likelihood:
        return 2 * (best - closer.likelihood)
    if not _surely(best, closer, own, cost, enough):
        # Slopes that were fitted to one level take some of what two levels do: these may have one slope all the same.
        least = OneLevel(own.likelihood - cost, own.free - cost, closer.parted, closer.cost, closer.width)
        best = _best_levels(runs, least, noise, frames, enough, bad)
        if not best > least.likelihood + 0.5 * enough:
            best = max(best, _best_levels(flat, own, noise, frames, enough, bad) - cost)
    return 2 * (best - own.likelihood + cost)


@kernel
def _surely(best, one: OneLevel, other: OneLevel, cost, enough):
    """Return whether two levels that are enough better than one level are so than another, whatever its ladder."""
    odds = max(other.free - other.likelihood, 0.0) - max(one.free - one.likelihood, 0.0)
    return best - max(odds, 0.0) > other.likelihood - cost + 0.5 * enough


@kernel
def _best_levels(runs: Runs, one: OneLevel, noise, frames, enough, bad):
    """Return the largest log-likelihood of two levels, or one that exceeds that of one level by enough."""
    # A ladder's level is integrated over, and must be better than one that is as well.
    odds = (_LADDER if bad else 0.0) - max(one.free - one.likelihood, 0.0)
    needed = one.likelihood + 0.5 * enough
    best = _two_levels(runs, noise, frames, needed, odds)
    if one.parted.begins.size > runs.begins.size and not best > needed:
        # Pixels that switch are hit as well.
        best = max(best, _two_levels(one.parted, noise, frames, needed + one.cost, odds) - one.cost)
    return best


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
