"""Tell what the noise of a few pixels certainly is, and how far their rates scatter beside it."""

from typing import Any

import numpy as np

from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.maps.stacks import MEDIAN_EFFICIENCY, SLOPE_SHOT

from .changing import ROWS_OF_SCATTER
from .robust import population

# A noise that is so many of its errors above a border lies above it, in all but one case of 740.
CERTAIN = 3.0


def median_error(scatter: np.ndarray, integrations: int) -> np.ndarray:
    """Return the standard error of a median of Gaussian values that scatter so much.

    Parameters
    ----------
    scatter : numpy.ndarray, float32
        Standard deviation, in any unit.
    integrations : int
        Number of values.

    Returns
    -------
    numpy.ndarray, float32
        In the same unit.
    """
    return np.float32(np.sqrt(1 / MEDIAN_EFFICIENCY / integrations)) * scatter


def rate_sigma(maps: CombinedMaps, where: Any, tgroup: float, gain: float) -> np.ndarray:
    """Return the error of the rate of one integration without a jump, by the pixel's own noise and shot noise.

    Parameters
    ----------
    maps : CombinedMaps
    where
        Index of the pixels.
    tgroup : float, s
    gain : float, e-/DN

    Returns
    -------
    numpy.ndarray, float32, DN/s
        NaN where nothing is known of the noise.

    Notes
    -----
    Half the variance of a difference is that of a read; Robberto 2009 gives the variance of a slope.
    """
    reading, shot = slope_variances(maps.noise[where], maps.rate[where], maps.groups, tgroup, gain)
    error: np.ndarray = np.sqrt(reading + shot)
    return error


def slope_variances(
    noise: np.ndarray, rate: np.ndarray, groups: int, tgroup: float, gain: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the variance of a slope by the noise of a group difference, DN, and by the shot noise of a rate, DN/s."""
    reading = np.float32(6 / (tgroup**2 * groups * (groups**2 - 1))) * np.square(noise)
    return reading, np.float32(SLOPE_SHOT / (gain * tgroup * max(groups - 1, 1))) * np.fmax(rate, 0)


def moved_rates(rate_scatter: np.ndarray, noise: np.ndarray, good: np.ndarray, at: Any) -> np.ndarray:
    """Return how far the rates of pixels scatter by their noise, in units of what good pixels do.

    Parameters
    ----------
    rate_scatter : numpy.ndarray, shape (y, x), float32, DN/s
    noise : numpy.ndarray, shape (y, x), float32, DN
        Noise of a group difference.
    good : numpy.ndarray, shape (y, x), bool
    at : index of an image
        The pixels that are asked.

    Returns
    -------
    numpy.ndarray, float32
        Of those pixels.
    """
    some = np.s_[:: max(1, len(good) // ROWS_OF_SCATTER)]
    centre, _ = population(rate_scatter[some] / noise[some], good[some])
    moved: np.ndarray = rate_scatter[at] / (noise[at] * np.float32(centre))
    return moved


def least_scatter(ratio: np.ndarray, integrations: int, unusable: float) -> np.ndarray:
    """Return by how much rates certainly scatter, in units of what good pixels do.

    Parameters
    ----------
    ratio : numpy.ndarray, float32
        Scatter in that unit, without the two farthest integrations.
    integrations : int
    unusable : float
        What scatters so much that it is not used is noisy, however few its integrations.

    Returns
    -------
    numpy.ndarray, float32
    """
    error = np.float32(CERTAIN * np.sqrt(0.5 / max(integrations - 2, 1)))
    certain: np.ndarray = np.where(ratio >= unusable, ratio, ratio / (1 + error)).astype(np.float32)
    return certain


def least_noise(
    quiet: np.ndarray,
    loud: np.ndarray,
    differences: np.ndarray,
    jumps: np.ndarray,
    unusable: float,
) -> np.ndarray:
    """Return what the noise of pixels certainly is, in units of that of good pixels.

    Parameters
    ----------
    quiet, loud : numpy.ndarray, float32
        Noise of the differences without jumps, and with them, in that unit.
    differences, jumps : numpy.ndarray, int
        How many differences are without a jump, and with one.
    unusable : float
        What is so noisy that it is not used is noisy, however few its differences.

    Returns
    -------
    numpy.ndarray, float32

    Notes
    -----
    A pixel of 1.4 times the noise is usable, and 160 differences may say 1.6. Of neighbouring differences the
    correlation is -1/2, so that the variance of n has a relative variance of 3 / n; a median has its own.
    """
    number = np.maximum(differences, 1)
    every = np.maximum(differences + jumps, 1) * MEDIAN_EFFICIENCY
    least = np.fmax(quiet / (1 + CERTAIN * np.sqrt(0.75 / number)), loud / (1 + CERTAIN * np.sqrt(0.75 / every)))
    louder = np.fmax(quiet, loud)
    certain: np.ndarray = np.where(louder >= unusable, louder, least).astype(np.float32)
    return certain
