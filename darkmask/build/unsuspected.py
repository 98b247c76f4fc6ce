"""Look again at pixels that a search calls good: at those that nothing about a ramp makes suspicious.

Each test of a search asks for too much of something: rate, noise, jumps, a bend. A pixel that is stuck, or full from
the first group on, has none of these.
"""

from collections.abc import Sequence

import numpy as np

from darkmask.core.statistics import median_of_finite

# NIRCam pixels hold 55,000 to 65,000 DN with their bias; what a superbias leaves of good ones is a hundredth of this.
THIRD_OF_A_WELL = 20_000.0
# What rc pixels have in their first group at the least (jwst_reffiles, development head), besides a ramp that bends.
HIGH_START = 1000.0
# Of the noise of its neighbours; a hundred differences tell half of it from all by seven sigma.
_QUIET, _TELLING = 0.5, 100
# The chance that noise makes all rates of a pixel alike; and how far apart, in sigma, no rates are alike.
BY_CHANCE, _MOST_ALIKE = 1e-9, 0.3
# More pixels than this are listed nowhere: they fail by any bound.
MOST_TOLD = 10_000


def places_told(y: np.ndarray, x: np.ndarray) -> list[tuple[int, int]]:
    """Return x and y of pixels, shape (n,), of the first ``MOST_TOLD``."""
    return list(zip(x[:MOST_TOLD].tolist(), y[:MOST_TOLD].tolist(), strict=True))


def full_pixels(first: np.ndarray, good: np.ndarray) -> list[tuple[int, int]]:
    """Return which pixels are called good although they hold a third of a full well, or lack it, after each reset.

    Parameters
    ----------
    first : numpy.ndarray, shape (y, x), float32, DN
        The first group, median of all integrations, without its bias.
    good : numpy.ndarray, shape (y, x), bool

    Returns
    -------
    list of (int, int)
        x and y. A pixel that is full from its first group on has a flat ramp, without noise and without a rate: where
        the saturation step did not flag it, nothing else about it stands out.
    """
    y, x = np.nonzero(good & (np.abs(first) > THIRD_OF_A_WELL))
    return list(zip(x.tolist(), y.tolist(), strict=True))


def high_pixels(first: np.ndarray, good: np.ndarray, amplifiers: Sequence[slice]) -> list[tuple[int, int]]:
    """Return which pixels are called good although they begin far above others, and are not full.

    Parameters
    ----------
    first : numpy.ndarray, shape (y, x), float32, DN
        The first group, median of all integrations, without its bias.
    good : numpy.ndarray, shape (y, x), bool
    amplifiers : sequence of slice
        The columns that each amplifier reads.

    Returns
    -------
    list of (int, int)
        x and y, ``MOST_TOLD`` at most, of pixels that begin ``HIGH_START`` above the median of their amplifier. With a
        flat ramp they are not hot, not noisy and not rc; those that begin as far below have a low pedestal.
    """
    high = np.zeros(good.shape, dtype=bool)
    for columns in amplifiers:
        here, of_good = first[:, columns], good[:, columns]
        usual = median_of_finite(here[of_good])
        high[:, columns] = of_good & (here - usual > HIGH_START) & (np.abs(here) <= THIRD_OF_A_WELL)
    return places_told(*np.nonzero(high))


def quiet_pixels(
    noise: np.ndarray,
    differences: np.ndarray,
    good: np.ndarray,
    amplifiers: Sequence[slice],
    alike: np.ndarray | None = None,
) -> list[tuple[int, int]] | None:
    """Return which pixels are called good although their reads hardly change.

    Parameters
    ----------
    noise : numpy.ndarray, shape (y, x), float32, DN
        Noise of a group difference.
    differences : numpy.ndarray, shape (y, x), int
        Number of differences by which it is known.
    good : numpy.ndarray, shape (y, x), bool
    amplifiers : sequence of slice
        The columns that each amplifier reads.
    alike : numpy.ndarray, shape (y, x), bool, optional
        Where all integrations have one rate, see :func:`same_rates`.

    Returns
    -------
    list of (int, int) or None
        x and y of pixels with less than half of the median noise of their amplifier, or with one rate, ``MOST_TOLD``
        at most; None where too few differences tell. A pixel that is stuck at one value has no noise, no rate and no
        jump.
    """
    told = good & (differences >= _TELLING)
    if not told.any():
        return None
    quiet = np.zeros(good.shape, dtype=bool) if alike is None else told & alike
    for columns in amplifiers:
        here = noise[:, columns]
        quiet[:, columns] |= told[:, columns] & (here < _QUIET * median_of_finite(here[told[:, columns]]))
    return places_told(*np.nonzero(quiet))


def same_rates(farthest: np.ndarray, integrations: int) -> np.ndarray:
    """Return which pixels have one rate in all integrations, as noise makes in none of 200 detectors.

    Parameters
    ----------
    farthest : numpy.ndarray, shape (y, x), float
        Largest distance of a rate from the pixel's mean, in sigma of its own noise.
    integrations : int

    Returns
    -------
    numpy.ndarray, shape (y, x), bool
    """
    # Of Gaussian values 0.8 t lie within t sigma, and one of them is used up by the mean.
    limit = min(BY_CHANCE ** (1 / max(integrations - 1, 1)) / np.sqrt(2 / np.pi), _MOST_ALIKE)
    alike: np.ndarray = farthest <= limit
    return alike
