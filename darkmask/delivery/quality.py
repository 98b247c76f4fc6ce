"""Measurements of a set that say whether it can be searched: pure functions of arrays."""

import hashlib

import numpy as np

from darkmask.core.flags import has_flag

# Fewer values give no standard error.
MIN_MEDIANS = 5


def unexplained_rates(rate: np.ndarray, dq: np.ndarray, science: np.ndarray) -> float:
    """Return the fraction of the science pixels' rates that are not finite although no DQ bit says why.

    Parameters
    ----------
    rate : numpy.ndarray, shape (nint, y, x), float, DN/s
    dq : numpy.ndarray, shape (nint, y, x), uint32
    science : numpy.ndarray, shape (y, x), bool
    """
    explained = has_flag(dq, "DO_NOT_USE", "SATURATED")
    bad = ~np.isfinite(rate) & ~explained & science
    return float(bad.sum() / max(science.sum() * len(rate), 1))


def lost_pixels(pixeldq: np.ndarray, science: np.ndarray) -> float:
    """Return the fraction of the science pixels that the ramp fit was told not to use; a search learns nothing of them.

    Parameters
    ----------
    pixeldq : numpy.ndarray, shape (y, x), uint32
    science : numpy.ndarray, shape (y, x), bool
    """
    lost = has_flag(pixeldq, "DO_NOT_USE") & science
    return float(lost.sum() / max(science.sum(), 1))


def usable_integrations(rates, science: np.ndarray) -> int:
    """Count the integrations that tell something: most rates are finite, not all are equal, no other has the same ones.

    Parameters
    ----------
    rates : iterable of numpy.ndarray, shape (y, x), float32, DN/s
        One per integration.
    science : numpy.ndarray, shape (y, x), bool
    """
    seen = set()
    for rate in rates:
        values = rate[science]
        finite = values[np.isfinite(values)]
        if finite.size > values.size / 2 and finite.min() < finite.max():
            seen.add(hashlib.sha256(np.ascontiguousarray(values).tobytes()).digest())
    return len(seen)


def dark_current(rates, good: np.ndarray) -> tuple[float, float]:
    """Return the median rate of good pixels, and its standard error.

    Parameters
    ----------
    rates : iterable of numpy.ndarray, shape (y, x), float32, DN/s
        One per integration.
    good : numpy.ndarray, shape (y, x), bool

    Returns
    -------
    rate, error : float, DN/s
        Mean of the medians of the integrations, and its standard error from their scatter, which shows offsets and
        drifts that all pixels of an integration share; NaN when fewer than ``MIN_MEDIANS`` of them differ.
    """
    medians = set()
    for rate in rates:
        values = rate[good]
        values = values[np.isfinite(values)]
        if values.size:
            medians.add(float(np.median(values)))
    if len(medians) < MIN_MEDIANS:
        return float("nan"), float("nan")
    ordered = sorted(medians)
    return float(np.mean(ordered)), float(np.std(ordered, ddof=1) / np.sqrt(len(ordered)))


def difference_noise(noise: np.ndarray, good: np.ndarray) -> float:
    """Return the median noise of a group difference of good pixels, DN; NaN when there is none.

    Parameters
    ----------
    noise : numpy.ndarray, shape (y, x), float32, DN
    good : numpy.ndarray, shape (y, x), bool
    """
    values = noise[good]
    values = values[np.isfinite(values)]
    return float(np.median(values)) if values.size else float("nan")


def jump_rate(jumps: np.ndarray, good: np.ndarray, seconds: float) -> float:
    """Return the jumps per good pixel and second.

    Parameters
    ----------
    jumps : numpy.ndarray, shape (y, x), int
        Jumps in all integrations together.
    good : numpy.ndarray, shape (y, x), bool
    seconds : float
        Time of all ramps together.

    Returns
    -------
    float
        1/s; NaN when there is no good pixel.
    """
    return float(jumps[good].mean() / seconds) if good.any() and seconds > 0 else float("nan")
