"""Tell telegraph pixels from merely noisy ones by their ramps.

A pixel that switches between two levels has group differences of three kinds, about -A, 0 and +A, each with the noise
of a good pixel; a noisy pixel has one kind with more noise. Which explains the differences better is decided by the
Bayesian information criterion (Willott's NIRISS masks do the same with free widths; here the width of the three is
the detector's own, which tells smaller amplitudes).
"""

import numpy as np

# Amplitudes tried, in units of the noise of a difference: below one, three kinds cannot be told from one.
_AMPLITUDES = np.geomspace(1.0, 60.0, 48)
# Shares of the differences that are switches: from one in a hundred to two in three.
_SHARES = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65])


def telegraph_evidence(differences: np.ndarray, usable: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """How much better two levels explain a pixel's group differences than one noisy level.

    Parameters
    ----------
    differences : numpy.ndarray, shape (n, m), float, DN
        Group differences of all integrations, jumps included, less the pixel's median difference.
    usable : numpy.ndarray, shape (n, m), bool
        False where saturated.
    noise : numpy.ndarray, shape (n,), float, DN
        Standard deviation of a group difference of a good pixel of the same amplifier.

    Returns
    -------
    numpy.ndarray, shape (n,), float64
        BIC of one Gaussian of free width minus BIC of the best two-level model; -inf with fewer than 10 differences.
    """
    evidence = np.full(len(differences), -np.inf)
    for i, (values, good, sigma) in enumerate(zip(differences, usable, noise, strict=True)):
        chosen = _without_cosmic_rays(values[good].astype(np.float64), sigma)
        if chosen.size >= 10 and np.isfinite(sigma) and sigma > 0:
            evidence[i] = _bic_gain(chosen / sigma)
    return evidence


def _without_cosmic_rays(values: np.ndarray, sigma: float) -> np.ndarray:
    """A cosmic ray only adds: a rise far above the largest fall has no second level to come back from."""
    if values.size == 0:
        return values
    largest_fall = max(-values.min(), 0.0)
    return values[values <= 1.5 * largest_fall + 5 * sigma]


def _bic_gain(values: np.ndarray) -> float:
    """``values`` are in units of the nominal noise."""
    count = values.size
    width = max(values.std(), 1e-3)
    one = -count * np.log(width) - 0.5 * count  # log-likelihood without the constant that both models share
    centre = np.exp(-0.5 * values**2)
    sides = np.exp(-0.5 * (values - _AMPLITUDES[:, None]) ** 2) + np.exp(-0.5 * (values + _AMPLITUDES[:, None]) ** 2)
    shares = _SHARES[:, None, None]
    mixture = (1 - shares) * centre + 0.5 * shares * sides[None]
    two = np.log(np.maximum(mixture, 1e-300)).sum(axis=2).max()
    # One parameter (width) against two (amplitude, share).
    return float((-2 * one + np.log(count)) - (-2 * two + 2 * np.log(count)))
