"""How many good pixels the thresholds of the flight search call bad by chance."""

from statistics import NormalDist

from .parameters import SearchParameters

# False pixels allowed in a detector of SCIENCE_PIXELS: a thousandth of the pixels that its mask holds.
BUDGET = 20.0
SCIENCE_PIXELS = 2040 * 2040


def expected_false_pixels(parameters: SearchParameters, pixels: int = SCIENCE_PIXELS) -> dict[str, float]:
    """Return how many good pixels each test of the flight search is expected to call bad.

    Every test compares a map with its own good pixels in units of their scatter, on a scale on which good pixels are
    Gaussian far into the tail, so that the expectation is that of a normal distribution. See docs/thresholds.md.

    Parameters
    ----------
    parameters : SearchParameters
    pixels : int
        Number of pixels that are judged.

    Returns
    -------
    dict of str to float
        Number of pixels by test.
    """
    sigmas = {
        "bright": parameters.hot_significance,
        "falling": parameters.hot_significance,
        "rc": parameters.shape_significance,
        "inverse_rc": parameters.shape_significance,
        "unstable": parameters.noise_significance,
        "scattering": parameters.scatter_significance,
        "low_pedestal": parameters.pedestal_significance,
    }
    return {test: pixels * NormalDist().cdf(-sigma) for test, sigma in sigmas.items()}
