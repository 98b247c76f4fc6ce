"""Measure the two levels of telegraph pixels: how far they lie apart, and how long a pixel stays in each."""

from typing import NamedTuple

import numpy as np

from darkmask.core.kernels import kernel, work_in_blocks

from .chain import LARGE_STEP, STARTS, begin_model, begin_offsets, excess_of, fit, large_step, maximise
from .runs import MIN_READS, level_runs

_FIRST_STEPS, _LAST_STEPS = 3, 12
# So many pixels are fitted by a thread at once.
_AT_ONCE = 64


class Levels(NamedTuple):
    """What two levels say of some pixels; NaN where the reads are too few.

    Attributes
    ----------
    height, height_error : numpy.ndarray, shape (pixel,), float64, DN
        Distance of the levels.
    low : numpy.ndarray, shape (pixel,), float64, DN
        The lower level at the first group, mean over the integrations.
    reads_low, reads_high : numpy.ndarray, shape (pixel,), float64
        Number of reads on each level.
    steps_low, steps_high : numpy.ndarray, shape (pixel,), float64
        Number of reads of each level that another one follows without an interruption.
    rises, falls : numpy.ndarray, shape (pixel,), float64
        How often the next read lies on the other level.
    """

    height: np.ndarray
    height_error: np.ndarray
    low: np.ndarray
    reads_low: np.ndarray
    reads_high: np.ndarray
    steps_low: np.ndarray
    steps_high: np.ndarray
    rises: np.ndarray
    falls: np.ndarray


def measure_levels(reads: np.ndarray, slope: np.ndarray, noise: float) -> Levels:
    """Fit two levels to the reads of pixels that have them.

    Parameters
    ----------
    reads : numpy.ndarray, shape (pixel, integration, group), float32, DN
        NaN where a group is not usable.
    slope : numpy.ndarray, shape (pixel,), float64, DN/group
        Approximate slope of each pixel.
    noise : float
        Standard deviation of a group difference of a good pixel, DN.

    Returns
    -------
    Levels

    Notes
    -----
    The model and its fit are those of :func:`.telegraph.telegraph_evidence`: one slope, one distance, a level for each
    integration and after each cosmic ray. Each read then counts for the level that is the more probable one. The error
    of the distance is that of the normal equations.
    """
    found = np.full((len(Levels._fields), len(reads)), np.nan)

    def work(_room: None, start: int, count: int) -> None:
        for k in range(start, start + count):
            _measure(reads[k], slope[k], noise, found[:, k])

    if len(reads):
        work_in_blocks(work, len(reads), _AT_ONCE, lambda: None)
    return Levels(*found)


@kernel
def _measure(reads, slope, noise, found):
    # One slope is fitted whatever the shot noise, and every read counts for one of the levels.
    runs = level_runs(reads, slope, noise, np.zeros(reads.shape[0]))
    values, times, begins = runs.values, runs.times, runs.begins
    count, number = values.size, begins.size - 1
    if count < MIN_READS or not noise > 0:
        return
    read_noise = noise / np.sqrt(2.0)
    upper, offsets = np.zeros(count), np.empty(number)
    level = np.zeros(4)
    maximise(runs, level, read_noise, upper, offsets, 0.0, 1)
    excess = excess_of(runs, noise)
    best, best_model, best_offsets = -np.inf, np.empty(4), np.empty(number)
    model = np.empty(4)
    steps = large_step(runs, level[3], LARGE_STEP * noise)
    for k in range(-1, len(STARTS)):
        if not begin_model(model, k, excess, steps, read_noise, level[3]):
            continue
        begin_offsets(runs, model, offsets)
        likelihood = fit(runs, model, read_noise, _FIRST_STEPS, np.inf, upper, offsets)
        if likelihood > best:
            best = likelihood
            best_model[:] = model
            best_offsets[:] = offsets
    fit(runs, best_model, read_noise, _LAST_STEPS, np.inf, upper, best_offsets)
    uu, ut, tt = 0.0, 0.0, 0.0
    low, firsts = 0.0, 0
    for k in range(number):
        size = begins[k + 1] - begins[k]
        share, time = 0.0, 0.0
        for i in range(begins[k], begins[k + 1]):
            share += upper[i] / size
            time += times[i] / size
        for i in range(begins[k], begins[k + 1]):
            uu += upper[i] * (1 - share)
            ut += upper[i] * (times[i] - time)
            tt += (times[i] - time) ** 2
        # A level after a cosmic ray is that of its charge too.
        if times[begins[k]] == 0:
            low += best_offsets[k]
            firsts += 1
    determinant = uu * tt - ut * ut
    found[0] = best_model[0]
    found[1] = best_model[2] * np.sqrt(tt / determinant) if determinant > 1e-9 * tt else np.nan
    found[2] = low / firsts if firsts > 0 else np.nan
    for k in range(3, found.size):
        found[k] = 0
    for k in range(number):
        for i in range(begins[k], begins[k + 1]):
            high = upper[i] > 0.5
            found[4 if high else 3] += 1
            if i + 1 < begins[k + 1]:
                found[6 if high else 5] += 1
                if high != (upper[i + 1] > 0.5):
                    found[8 if high else 7] += 1
