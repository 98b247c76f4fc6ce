"""Constants of the statistics that every measurement shares, and how surprising a result is."""

# The ratio of the standard deviation of a Gaussian to its median absolute deviation, as in astropy.stats.mad_std.
MAD_TO_SIGMA = 1.482602218505602
# The rounded value that maps and pictures have always used. It is a millionth smaller, yet it stays: another value
# would move pixels at a threshold to the other side.
MAD_TO_SIGMA_ROUNDED = round(MAD_TO_SIGMA, 4)


def surprise(probability: float) -> float:
    """Return the Gaussian sigma beyond which so little lies; 0 for what chance gives in half of the cases or more."""
    from scipy.stats import norm

    return float(max(0.0, norm.isf(max(probability, 1e-300))))
