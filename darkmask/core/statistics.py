"""Statistics that every measurement shares: constants, the median of what is known, how surprising a result is."""

import numpy as np

# The ratio of the standard deviation of a Gaussian to its median absolute deviation, as in astropy.stats.mad_std.
MAD_TO_SIGMA = 1.482602218505602
# The rounded value that maps and pictures have always used. It is a millionth smaller, yet it stays: another value
# would move pixels at a threshold to the other side.
MAD_TO_SIGMA_ROUNDED = round(MAD_TO_SIGMA, 4)


def median_of_finite(values: np.ndarray) -> float:
    """Return the median of the finite values of an array of any shape; NaN when there is none."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def surprise(probability: float) -> float:
    """Return the Gaussian sigma beyond which so little lies; 0 for what chance gives in half of the cases or more."""
    from scipy.stats import norm

    return float(max(0.0, norm.isf(max(probability, 1e-300))))
