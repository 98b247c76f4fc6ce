"""Sort the reads of a pixel in question into runs, as its models are fitted to them."""

from typing import NamedTuple

import numpy as np

from darkmask.core.kernels import kernel

# Fewer reads than this decide nothing.
MIN_READS = 12
# Of some of its reads a pixel is judged where the gain in BIC lies further than this from what is asked.
WEAK = 10.0
# A step upwards by more than this many times the deepest fall and this many sigma has no second level to return from.
_COSMIC_RAY_FALLS, _COSMIC_RAY_SIGMA = 1.5, 5.0

# Chance of a read between the levels where a group averages frames, see :class:`Runs`, and the most reads of all that
# may lie there.
_ASTRAY, _ANYWHERE = 1e-3, 0.05


class Runs(NamedTuple):
    """Runs of reads that no cosmic ray or unusable group interrupts.

    Attributes
    ----------
    values, times : array, shape (read,), float64
        The reads, DN, and the group of each.
    begins : array, shape (run + 1,), int64
        The first read of each run, and the number of reads.
    shots : array, shape (run,), float64, DN**2
        Variance of a group difference by the shot noise of each run's signal.
    astray : float
        A read that lies on neither level costs no more than this chance, in units of the top of a Gaussian: where a
        group averages frames, it may have seen both. 0 where it does not.
    span : float, DN
        Where such reads may lie: as far as the widest run spans.
    known : array, shape (read,), float64
        Set to the chance that a read lies on one of the levels.
    """

    values: np.ndarray
    times: np.ndarray
    begins: np.ndarray
    shots: np.ndarray
    astray: float
    span: float
    known: np.ndarray


@kernel
def level_runs(reads, slope, noise, shots):
    """Sort the reads of a pixel into runs, each of three reads or more.

    Parameters
    ----------
    reads : array, shape (nint, ngroup), float32, DN
        NaN where a group is not usable.
    slope : float
        Approximate slope, DN/group.
    noise : float
        Standard deviation of a group difference of a good pixel, DN.
    shots : array, shape (nint,), float64, DN**2
        As in :class:`Runs`, of each integration.

    Returns
    -------
    Runs
        Of which no read lies astray; see :func:`may_lie_astray`.
    """
    integrations, groups = reads.shape
    values, times = np.empty(integrations * groups, np.float64), np.empty(integrations * groups, np.float64)
    begins, shot = np.zeros(integrations * groups + 1, np.int64), np.empty(integrations * groups)
    # The falls of a hot integration's shot noise say nothing of the rises of one that is not.
    deepest = 0.0
    for i in range(integrations):
        usual = np.sqrt(noise * noise + shots[i])
        for g in range(1, groups):
            fall = (slope - (np.float64(reads[i, g]) - np.float64(reads[i, g - 1]))) / usual
            if fall > deepest:  # false when one is NaN
                deepest = fall
    count, runs = 0, 0
    for i in range(integrations):
        length = 0
        falls = _COSMIC_RAY_FALLS * deepest * np.sqrt(noise * noise + shots[i])
        highest = slope + falls + _COSMIC_RAY_SIGMA * noise
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
    return Runs(values[:count], times[:count], begins[: runs + 1], shot[:runs], 0.0, 0.0, np.ones(count))


@kernel
def may_lie_astray(runs: Runs, slope, read_noise):
    """Return the same runs of groups that average frames, of which some reads may lie between the levels.

    Parameters
    ----------
    runs : Runs
    slope : float
        Approximate slope, DN/group.
    read_noise : float
        Standard deviation of a read of a good pixel, DN.
    """
    widest = read_noise
    for k in range(runs.begins.size - 1):
        lowest, highest = np.inf, -np.inf
        for i in range(runs.begins[k], runs.begins[k + 1]):
            value = runs.values[i] - slope * runs.times[i]
            lowest, highest = min(lowest, value), max(highest, value)
        widest = max(widest, highest - lowest)
    astray = min(_ASTRAY, _ANYWHERE * np.sqrt(2 * np.pi) * read_noise / widest)
    return Runs(runs.values, runs.times, runs.begins, runs.shots, astray, widest, runs.known)


@kernel
def _end_run(begins, runs, count, length):
    """Close a run; a run of two reads or fewer tells nothing and is dropped."""
    if length < 3:
        return runs, count - length
    begins[runs + 1] = count
    return runs + 1, count
