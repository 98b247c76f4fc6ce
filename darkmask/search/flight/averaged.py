"""Tell telegraph pixels from noisy ones where a group averages several frames.

A pixel that switches between two frames of a group shows a level in between: of eight frames, any number may be the
upper ones. Reads then lie on a ladder of as many rungs, with the noise of an averaged group, small beside the distance
of the levels; the reads of a noisy pixel lie anywhere. Groups are apart by the dropped frames, and are taken to be
independent.
"""

import numpy as np

from darkmask.core.kernels import kernel

from .ladder import WIDE, LadderReads, fit_ladder, ladder_evidence, ladder_spread, ladder_weights, run_likelihood
from .runs import WEAK, Runs
from .walk import walk_variance

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
_FIRST_STEPS, _LAST_STEPS = 5, 8
# A level that is fitted follows a little of the switches, so that the levels may lie so much farther apart.
_LEVELS_APART = (1.05, 1.1)
# Runs span the levels as a rule when the usual one spans so much of what the widest does.
_SEEN_OFTEN = 0.6
# What is left of the scatter of the reads beside read noise and walk is this share of read noise at least.
_LEAST_EXCESS = 0.05
# Distance and slope are integrated over until the evidence has sunk by so much, in steps that begin with this share of
# the error they have where rungs lie apart, and become longer by this factor where they are known less well.
_SUNK, _TRIED, _STRETCHED = 6.0, 0.4, 1.4
# The root of the variance of the rungs of a ladder, in units of the distance, is about this.
_OF_RUNGS = 0.3
# It makes no ladder less likely than by this, in the logarithm: levels 300 DN apart, known to 0.4 DN, by 10.
_KNOWN_AT_MOST = 12.0
# Nor more likely than by this: the integral over the distance is no more than twice that, ln 2, and that over the slope
# no more than 2 _SUNK of its error with one level, ln(12 / sqrt(2 pi)).
_GAINED_AT_MOST = 2.3


@kernel
def ladder_likelihood(runs: Runs, slope, read_noise, one_level, frames, needed):
    """Return the log-likelihood of reads on a ladder, on the scale of :mod:`.telegraph`, or one that suffices.

    Parameters
    ----------
    runs : Runs
    slope : float
        Approximate slope, DN/group.
    read_noise : float
        Standard deviation of a group of good pixels, DN.
    one_level : float
        Standard deviation of the reads about one level for each run, DN.
    frames : int
        Frames that a group averages.
    needed : float
        The search ends when this is exceeded. What decides may be as much as ``WEAK`` of BIC less on either side of
        what is asked, so that this much less is told as exactly.
    """
    reads = LadderReads(runs, read_noise, one_level)
    number, count = runs.begins.size - 1, runs.values.size
    tables = np.empty((_SWITCHES.size, frames + 1))
    for k in range(_SWITCHES.size):
        tables[k] = ladder_weights(frames, _SWITCHES[k])
    # The evidence for each chance to switch: none is likelier than others beforehand, and their mean counts.
    evidence = np.full(_SWITCHES.size, -np.inf)
    enough = needed + np.log(_SWITCHES.size) + _KNOWN_AT_MOST
    path, begin, moved, best_path = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    best, best_tilt, best_distance, usual = -np.inf, slope, 0.0, 0
    widest = _widest(reads, slope)
    if widest > _APART * frames * read_noise:
        # Rungs that lie apart are seen by their waves.
        distance, tilt = _step_of_ladder(reads, slope, widest, frames)
        width = max(read_noise, distance / frames * WIDE)
        for r in range(number):
            _step_onto(reads, r, tilt, distance, width, tables[_USUAL], best_path)
        best_tilt, best_distance = fit_ladder(reads, tilt, best_path, distance, tables[_USUAL], _FIRST_STEPS)
        best, usual = ladder_evidence(reads, best_tilt, best_path, best_distance, tables[_USUAL]), _USUAL
        evidence[usual] = best
    # Where the noise of a read fills the steps of the ladder, no wave tells them, and the share of reads at its ends
    # does. How far the levels are apart follows from the scatter of the reads and from how often a pixel switches, and
    # runs lie about the middle.
    excess = max(one_level * one_level - walk_variance(runs), (1 + _LEAST_EXCESS) * read_noise * read_noise)
    for k in range(_SWITCHES.size):
        if best > enough:
            break
        start = np.sqrt(excess - read_noise * read_noise) / ladder_spread(tables[k])
        _centre(reads, slope, start, path)
        tilt, distance = fit_ladder(reads, slope, path, start, tables[k], _FIRST_STEPS)
        evidence[k] = max(evidence[k], ladder_evidence(reads, tilt, path, distance, tables[k]))
        if evidence[k] > best:
            best, best_tilt, best_distance, usual = evidence[k], tilt, distance, k
            best_path[:] = path
    start, begun, first = best_tilt, best_distance, usual
    begin[:] = best_path
    for k in range(max(first - 1, 0), min(first + 2, _SWITCHES.size)):
        if best > enough:
            break
        path[:] = begin
        tilt, distance = fit_ladder(reads, start, path, begun, tables[k], _LAST_STEPS)
        for longer in (1.0, *_LEVELS_APART):
            for i in range(count):
                moved[i] = path[i] - 0.5 * (longer - 1) * distance
            here = ladder_evidence(reads, tilt, moved, longer * distance, tables[k])
            evidence[k] = max(evidence[k], here)
            if here > best:
                best, best_tilt, best_distance, usual = here, tilt, longer * distance, k
                best_path[:] = moved
    if not np.isfinite(best):
        return best
    if best > enough:
        return best - np.log(_SWITCHES.size) - _KNOWN_AT_MOST
    likelihood = best + np.log(np.exp(evidence - best).mean())
    if likelihood <= needed - WEAK - _GAINED_AT_MOST:
        # No integral would make it suffice, and a large noise has many steps.
        return likelihood
    return likelihood + _how_known(reads, best_tilt, best_path, best_distance, tables[usual])


@kernel
def _how_known(reads: LadderReads, slope, path, distance, weights):
    """Return what an integral over distance and slope has that their best values have not, in the logarithm.

    Beforehand no distance is likelier than another in its logarithm, and no slope than another, also of one level. The
    reads of a noisy pixel have some ladder that suits them, among many that do not; so its levels would have to lie
    very exactly so far apart, and those of a ladder whose rungs the noise of a read fills would not.
    """
    values, times, begins = reads.runs.values, reads.runs.times, reads.runs.begins
    squares = 0.0
    for r in range(begins.size - 1):
        first, last = begins[r], begins[r + 1]
        middle = times[first:last].mean()
        for i in range(first, last):
            squares += (times[i] - middle) ** 2
    top = ladder_evidence(reads, slope, path, distance, weights)
    moved = np.empty(values.size)
    logarithm = 0.5 * np.log(squares / (2 * np.pi)) - np.log(reads.one_level)
    for what in range(2):
        error = reads.read_noise / (_OF_RUNGS * np.sqrt(values.size) if what == 0 else np.sqrt(squares))
        # Where single levels stand for most runs, neither matters; one level's slope is known as well as that.
        farthest = distance if what == 0 else _SUNK * reads.one_level / np.sqrt(squares)
        total = 0.0
        for side in (-1, 1):
            step, away, before = _TRIED * error, 0.0, 1.0
            while abs(away) + step < farthest:
                away += side * step
                longer = away if what == 0 else 0.0
                if distance + longer <= reads.read_noise:
                    break
                for i in range(values.size):
                    moved[i] = path[i] - 0.5 * longer
                tilt = slope if what == 0 else slope + away
                here = np.exp(ladder_evidence(reads, tilt, moved, distance + longer, weights) - top)
                total += 0.5 * (before + here) * step
                if not here >= np.exp(-_SUNK):
                    break
                before, step = here, step * _STRETCHED
        logarithm += np.log(total / distance if what == 0 else total)
    return logarithm


@kernel
def _widest(reads: LadderReads, slope):
    """Return how far the levels lie apart at least, DN, by what runs span."""
    runs = reads.runs.begins.size - 1
    spans = np.empty(runs)
    for r in range(runs):
        first, last = reads.runs.begins[r], reads.runs.begins[r + 1]
        lowest, highest = _range(reads.runs.values, reads.runs.times, first, last, slope)
        spans[r] = highest - lowest
    spans.sort()
    # A cosmic ray widens a run; hardly ever half of them. Of a pixel that switches seldom, few runs span the levels.
    usual, widest = spans[runs // 2], spans[max(runs - 2, 0)] if runs > 2 else spans[runs - 1]
    return (usual if usual > _SEEN_OFTEN * widest else widest) - 2 * reads.read_noise


@kernel
def _step_onto(reads: LadderReads, run, slope, distance, width, weights, path):
    """Set the lower level of a run so that its lowest read stands on the one of the lower rungs that suits it best."""
    first, last, frames = reads.runs.begins[run], reads.runs.begins[run + 1], weights.size - 1
    lowest, _ = _range(reads.runs.values, reads.runs.times, first, last, slope)
    cosine, sine = _waves(reads.runs.values, reads.runs.times, first, last, slope, frames / distance)
    above = (lowest * frames / distance - np.arctan2(sine, cosine) / (2 * np.pi) + 0.5) % 1.0 - 0.5
    top = -np.inf
    # The lowest read may stand on any of the lower rungs.
    for rung in range(frames // 2 + 1):
        offset = lowest - (above + rung) * distance / frames
        here = run_likelihood(reads, run, slope, offset, distance, width, weights)
        if here > top:
            top = here
            path[first:last] = offset


@kernel
def _centre(reads: LadderReads, slope, distance, path):
    """Set where the lower level of each run lies when its reads lie evenly about the middle of both."""
    for r in range(reads.runs.begins.size - 1):
        first, last = reads.runs.begins[r], reads.runs.begins[r + 1]
        total = 0.0
        for i in range(first, last):
            total += reads.runs.values[i] - slope * reads.runs.times[i]
        path[first:last] = total / (last - first) - 0.5 * distance


@kernel
def _range(values, times, first, last, slope):
    lowest, highest = np.inf, -np.inf
    for i in range(first, last):
        value = values[i] - slope * times[i]
        lowest, highest = min(lowest, value), max(highest, value)
    return lowest, highest


@kernel
def _step_of_ladder(reads: LadderReads, slope, widest, frames):
    """Return the distance of the levels, DN, and the slope, for which reads of each run lie on rungs most nearly.

    Reads on a ladder have a common phase in waves of its step, whatever the offset of the run.
    """
    values, times, begins = reads.runs.values, reads.runs.times, reads.runs.begins
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
