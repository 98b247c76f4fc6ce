"""How many falls and jumps chance leaves to a pixel: one with more is restless."""

from statistics import NormalDist

import numpy as np

from darkmask.search.maps.layout import FALL_SIGMA

# This many falls of more than chance allows make a pixel restless; one happens by chance in some tens of pixels. A
# pixel that is noisier than the detector's read noise says falls more often by chance: then so many are asked for that
# they have a chance of less than this. Its noise is rounded up to one of some steps.
MIN_FALLS, CHANCE_OF_FALLS = 2, 1e-10
# Two integrations that jump may both have been hit, however rare hits are.
MIN_JUMPING = 3
# Where more pixels than this are hit, how many hits they have is not known.
_MOST_HIT = 0.999
_NOISE_STEPS = np.geomspace(1, 16, 49)


def least_falls(falls: np.ndarray, noise: np.ndarray, differences: int) -> np.ndarray:
    """Return how many falls make a pixel restless, by its noise where there is no jump.

    Parameters
    ----------
    falls : numpy.ndarray, int
        Number of falls of each pixel.
    noise : numpy.ndarray, float32
        Noise of its differences, in units of that of the detector's read noise.
    differences : int
        Number of differences of each pixel.

    Returns
    -------
    numpy.ndarray, int16
    """
    least = np.array([_rare(differences * NormalDist().cdf(-FALL_SIGMA / step)) for step in _NOISE_STEPS])
    # Hardly any pixel falls at all; NaN sorts last.
    some = falls >= MIN_FALLS
    needed = np.full(noise.shape, MIN_FALLS, np.int16)
    needed[some] = least[np.searchsorted(_NOISE_STEPS, noise[some]).clip(max=len(least) - 1)]
    return needed


def least_jumps(jumps: np.ndarray, good: np.ndarray) -> int:
    """Return how many jumps radiation hardly ever leaves in a pixel.

    Parameters
    ----------
    jumps : numpy.ndarray, shape (y, x), int
        Number of jumps of each pixel.
    good : numpy.ndarray, shape (y, x), bool
        Pixels that tell how often they are hit: by how many have no jump, since a bad pixel may have any number.
    """
    hit = np.count_nonzero((jumps > 0) & good) / max(int(np.count_nonzero(good)), 1)
    return _rare(float(-np.log1p(-min(hit, _MOST_HIT))))


def least_jumping(jumping: np.ndarray, integrations: int, chance: float) -> int:
    """Return in how many integrations radiation hardly ever makes a pixel jump; one more than all if it may in all.

    Parameters
    ----------
    jumping : numpy.ndarray, any shape, int
        In how many integrations each of some pixels does.
    integrations : int
    chance : float
        Of a pixel to jump in so many of them, or in more, by radiation.

    Notes
    -----
    Hits of a pixel in different integrations do not know of each other, so that their number is binomial. A bad pixel
    may jump in all: how many never do tells how often radiation makes one.
    """
    from scipy.special import bdtrc

    never = np.count_nonzero(jumping == 0) / max(jumping.size, 1)
    hit = 1 - never ** (1 / integrations)
    number = integrations + 1
    while number > MIN_JUMPING and bdtrc(number - 2, integrations, hit) <= chance:
        number -= 1
    return number


def _rare(mean: float) -> int:
    """Return how many independent events, ``MIN_FALLS`` at least, have a chance of less than ``CHANCE_OF_FALLS``."""
    number, term = 0, float(np.exp(-mean))
    beyond = 1.0
    while number < MIN_FALLS or beyond > CHANCE_OF_FALLS:
        beyond -= term
        number += 1
        term *= mean / number
    return number
