"""Statistics that every measurement shares: constants, the median of what is known, how surprising a result is."""

import numpy as np

# The ratio of the standard deviation of a Gaussian to its median absolute deviation, as in astropy.stats.mad_std.
MAD_TO_SIGMA = 1.482602218505602
# The rounded value that maps and pictures have always used. It is a millionth smaller, yet it stays: another value
# would move pixels at a threshold to the other side.
MAD_TO_SIGMA_ROUNDED = round(MAD_TO_SIGMA, 4)

# A number that chance exceeds in one case of so many is chance.
RARE = 1e-3


def median_of_finite(values: np.ndarray) -> float:
    """Return the median of the finite values of an array of any shape; NaN when there is none."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def level_and_scatter(values: np.ndarray) -> tuple[float, float]:
    """Return the median of the finite values of an array, and 1.4826 times their median distance from it."""
    level = median_of_finite(values)
    return level, MAD_TO_SIGMA_ROUNDED * median_of_finite(np.abs(values - level))


def medians_of_finite(values: np.ndarray) -> np.ndarray:
    """Return the median of the finite values of each column, float64; NaN where there is none.

    Parameters
    ----------
    values : numpy.ndarray, shape (n, ...)
    """
    if not len(values):
        return np.full(values.shape[1:], np.nan)
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), axis=0).astype(np.float64)  # NaN comes last
    number = np.isfinite(ordered).sum(axis=0)
    middle = np.stack([np.maximum(number - 1, 0) // 2, number // 2])
    medians: np.ndarray = np.take_along_axis(ordered, middle, axis=0).mean(axis=0)
    return medians


def errors_as_certain(sigmas: float, number: int) -> float:
    """Return how many errors are as certain as so many sigma, where the error is known from so few values.

    Parameters
    ----------
    sigmas : float
    number : int
        Values by whose scatter the error is known, two at least.

    Notes
    -----
    Source: Student (1908), Biometrika 6, 1. Of six values 5.5 errors are as certain as three sigma.
    """
    from scipy.special import ndtr, stdtrit

    return float(stdtrit(number - 1, ndtr(sigmas)))


def surprise(probability: float) -> float:
    """Return the Gaussian sigma beyond which so little lies; 0 for what chance gives in half of the cases or more."""
    # Of scipy.special, as all here: scipy.stats takes longer to load than a run needs whose masks are in the cache.
    from scipy.special import ndtri

    return float(max(0.0, -ndtri(max(probability, 1e-300))))


def binomial_at_least(count: int, number: int, share: float) -> float:
    """Return the probability that at least ``count`` of ``number`` are of a kind that has this share of all."""
    from scipy.special import betainc

    if count <= 0:
        return 1.0
    return float(betainc(count, number - count + 1, share)) if count <= number else 0.0


def binomial_at_most(count: int, number: int, share: float) -> float:
    """Return the probability that at most ``count`` of ``number`` are of a kind that has this share of all."""
    return binomial_at_least(number - count, number, 1 - share)


def poisson_at_least(count: int, mean: float) -> float:
    """Return the probability of at least ``count`` where ``mean`` are expected."""
    from scipy.special import gammainc

    return 1.0 if count <= 0 else float(gammainc(count, mean))


def reached_by_chance(mean: float, rarely: float = RARE) -> int:
    """Return the least number of events, of so many in the mean, that is exceeded as rarely at most (Poisson)."""
    from scipy.special import pdtrc

    number = 0
    while pdtrc(number, mean) > rarely:
        number += 1
    return number
