"""Measurements of a set that say whether it can be searched: pure functions of arrays."""

import hashlib

import numpy as np

from ..flags import bits_of


def unexplained_rates(rate: np.ndarray, dq: np.ndarray, science: np.ndarray) -> float:
    """Fraction of the science pixels' rates that are not finite although no DQ bit says why.

    Parameters
    ----------
    rate : numpy.ndarray, shape (nint, y, x), float, DN/s
    dq : numpy.ndarray, shape (nint, y, x), uint32
    science : numpy.ndarray, shape (y, x), bool

    Returns
    -------
    float
    """
    explained = (dq & bits_of(("DO_NOT_USE", "SATURATED"))) != 0
    bad = ~np.isfinite(rate) & ~explained & science
    return float(bad.sum() / max(science.sum() * len(rate), 1))


def lost_pixels(pixeldq: np.ndarray, science: np.ndarray) -> float:
    """Fraction of the science pixels that the ramp fit was told not to use; nothing can be learnt of them.

    Parameters
    ----------
    pixeldq : numpy.ndarray, shape (y, x), uint32
    science : numpy.ndarray, shape (y, x), bool

    Returns
    -------
    float
    """
    lost = ((pixeldq & bits_of(("DO_NOT_USE",))) != 0) & science
    return float(lost.sum() / max(science.sum(), 1))


def usable_integrations(rates, science: np.ndarray) -> int:
    """Integrations that tell something: most rates are finite, they are not all equal, and no other has the same ones.

    Parameters
    ----------
    rates : iterable of numpy.ndarray, shape (y, x), float32, DN/s
        One per integration.
    science : numpy.ndarray, shape (y, x), bool

    Returns
    -------
    int
    """
    seen = set()
    for rate in rates:
        values = rate[science]
        finite = values[np.isfinite(values)]
        if finite.size > values.size / 2 and finite.min() < finite.max():
            seen.add(hashlib.sha256(np.ascontiguousarray(values).tobytes()).digest())
    return len(seen)
