"""Fit slopes to ramps without the jumps of their own, and measure how far slopes scatter, as the release does."""

from functools import cache

import numpy as np

from darkmask.core.kernels import kernel
from darkmask.core.statistics import MAD_TO_SIGMA
from darkmask.search.maps.jumps import MIN_CLEAN_SLOPES

from .own_ramps import OwnRamps
from .standing import MISSED_HIT


def scatter(slopes: np.ndarray) -> np.ndarray:
    """Return the standard deviation of finite slopes (integration, pixel), as the release does; NaN if too few."""
    known = np.isfinite(slopes)
    number = known.sum(axis=0)
    mean = np.where(known, slopes, 0).sum(axis=0) / np.maximum(number, 1)
    variance = np.where(known, (slopes - mean) ** 2, 0).sum(axis=0) / np.maximum(number, 1)
    return np.where(number >= MIN_CLEAN_SLOPES, np.sqrt(variance), np.nan)


def scatter_without_one(slopes: np.ndarray) -> np.ndarray:
    """Return the standard deviation without the farthest slope, on the scale of one with it; NaN if few are left."""
    others = slopes.copy()
    some = np.flatnonzero(np.isfinite(slopes).any(axis=0))
    distance = np.abs(slopes[:, some] - np.nanmedian(slopes[:, some], axis=0))
    others[np.nanargmax(distance, axis=0), some] = np.nan
    return scatter(others) / _share_without_one(len(slopes))


@cache
def _share_without_one(number: int) -> float:
    """Return what the scatter of so many Gaussian values keeps without the farthest of them."""
    drawn = np.random.default_rng(0).normal(size=(number, 20_000))
    far = np.abs(drawn - np.median(drawn, axis=0)).argmax(axis=0)
    rest = drawn.copy()
    rest[far, np.arange(drawn.shape[1])] = np.nan
    return float(np.median(np.nanstd(rest, axis=0) / drawn.std(axis=0)))


def fit_slopes(ramps: OwnRamps, tgroup: float, number: int, shared: np.ndarray | None = None) -> np.ndarray:
    """Return straight-line slopes of the first ramps without the steps of their own jumps, DN/s (integration, pixel).

    ``shared`` group differences are taken off before, (integration, group - 1, pixel), and a flag is none of a jump
    if the jump step passes what is left: a read that lies off by noise is flagged on the side to which a column moves.
    """
    integrations, groups, _ = ramps.signals.shape
    slopes = np.empty((integrations, number))
    if shared is None:
        _fit_lines(ramps.signals, ramps.jumps, np.empty((0, groups - 1, number)), slopes)
    else:
        steps = np.diff(ramps.signals.astype(np.float64), axis=1) - shared
        off = np.abs(steps - np.median(steps))
        passed = off <= MISSED_HIT * MAD_TO_SIGMA * np.median(off)
        jumps = ramps.jumps.copy()
        jumps[:, 1:] &= ~passed
        _fit_lines(ramps.signals, jumps, shared, slopes)
    return slopes / tgroup


@kernel
def _fit_lines(signals, jumps, shared, slopes):
    """Set the slopes of lines through the first ramps, DN/group, with mean steps in place of jumps.

    Parameters
    ----------
    signals : array, shape (integration, group, pixel), float32, DN
    jumps : array, shape (integration, group, pixel), bool
        Groups that differ from the one before by a jump.
    shared : array, shape (integration, group - 1, pixel), float64, DN
        Group differences that are taken off before; nothing where it has no integrations.
    slopes : array, shape (integration, n), float64
        Array to set, for the first n pixels.
    """
    (integrations, groups, _), pixels = signals.shape, slopes.shape[1]
    mean, ramp, number = np.empty(pixels), np.empty(pixels), np.empty(pixels, np.int64)
    step = np.empty(pixels)
    weights = np.arange(groups - 1) - (groups - 2) / 2
    squares = (weights * weights).sum()
    for i in range(integrations):
        slope = slopes[i]
        slope[:], mean[:], ramp[:], number[:] = 0, 0, 0, 0
        for g in range(1, groups):
            _step(signals[i], g, shared, i, step)
            for x in range(pixels):
                quiet = not jumps[i, g, x]
                mean[x] += step[x] if quiet else 0.0
                number[x] += 1 if quiet else 0
        for x in range(pixels):
            mean[x] /= max(number[x], 1)
        for g in range(1, groups):
            _step(signals[i], g, shared, i, step)
            for x in range(pixels):
                ramp[x] += mean[x] if jumps[i, g, x] else step[x]
                slope[x] += weights[g - 1] * ramp[x]
        for x in range(pixels):
            slope[x] /= squares


@kernel
def _step(signals, group, shared, integration, step):
    now, before = signals[group], signals[group - 1]
    for x in range(step.size):
        step[x] = np.float64(now[x]) - np.float64(before[x])
    if shared.shape[0]:
        taken = shared[integration, group - 1]
        for x in range(step.size):
            step[x] -= taken[x]
