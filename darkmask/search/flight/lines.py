"""Find rows and columns that do something as one, from the combined maps, and tell what all of their pixels have in common.

A column whose level wanders adds the same to every pixel of it. Each of them then differs from the pixels of other
columns in noise, rate and shape, and none is bad: what they have in common is taken off before a pixel is judged, and
the column is one finding. A column whose pixels are noisy each by itself is no such column: nothing is taken off.
"""

from typing import NamedTuple

import numpy as np

from darkmask.core.statistics import MAD_TO_SIGMA
from darkmask.search.maps import CombinedMaps

from .robust import population

# So many values of a line say what its pixels have in common: a median is then good to a twentieth of a pixel's sigma.
_ENOUGH = 640
# A line with fewer good pixels is not judged.
_FEWEST = 24
# A line differs from the others when its median lies this many sigma of the others' medians away: none does by chance.
SIGNIFICANCE = 7.0
# ... and by this share of the noise or, DN, of the pedestal: less moves no name.
_LEAST_NOISE, _LEAST_OFFSET = 0.02, 5.0
# Noise that all pixels of a column share is the same share of their rates at least; noise of each pixel is none. The line
# between lies in the middle, and so many sigma of what chance gives.
_SHARED, AGREEMENT = 0.5, 5.0


class Lines(NamedTuple):
    """What the pixels of each line have in common beyond those of others; zeros where a line is like the others.

    Attributes
    ----------
    noise : numpy.ndarray, shape (n,), float32, DN**2
        Variance of a group difference that they share.
    own : numpy.ndarray, shape (n,), float32, DN**2
        Variance that each of them has by itself.
    rate, shape, pedestal : numpy.ndarray, shape (n,), float32
        Offsets of the combined maps, in their units.
    rate_error, shape_error : numpy.ndarray, shape (n,), float32
        How far the pixels of a line that shares noise still differ in rate and shape, standard deviation: the fewer
        integrations a mean or median goes by, the less of their own noise is averaged.
    wander : numpy.ndarray, shape (n,), float32, DN
        How far the level moves along a ramp, from integration to integration (standard deviation), beyond the others.
    """

    noise: np.ndarray
    own: np.ndarray
    rate: np.ndarray
    shape: np.ndarray
    pedestal: np.ndarray
    rate_error: np.ndarray
    shape_error: np.ndarray
    wander: np.ndarray

    @property
    def wandering(self) -> np.ndarray:
        """Which lines share noise, bool."""
        return self.noise > 0


def measure_lines(maps: CombinedMaps, rate: np.ndarray, shape: np.ndarray, good: np.ndarray, tgroup: float) -> Lines:
    """Measure what the pixels of each column have in common.

    Parameters
    ----------
    maps : CombinedMaps
        Maps of an amplifier; transposed ones give its rows.
    rate, shape : numpy.ndarray, shape (y, x), float32
        Rate (DN/s) without the large-scale dark, and shape (DN/group), after subtraction of the neighbours' coupling.
    good : numpy.ndarray, shape (y, x), bool
        Pixels that count.
    tgroup : float
        Group time, s.
    """
    rows = np.s_[:: max(1, len(good) // _ENOUGH)]
    counted = good[rows].sum(axis=0) >= _FEWEST

    def medians(image: np.ndarray) -> np.ndarray:
        values = np.where(good[rows], image[rows], np.nan)
        ordered = np.sort(values, axis=0)  # NaN sorts last
        number = np.isfinite(ordered).sum(axis=0)
        middle: np.ndarray = ordered[np.maximum(number - 1, 0) // 2, np.arange(number.size)]
        return middle.astype(np.float64)

    variance = maps.noise * maps.noise
    noise, usual, differs = _beyond(medians(variance), counted, variance[rows], good[rows])
    noise = np.where(differs & (np.abs(noise) > _LEAST_NOISE * usual), noise, 0).clip(0)
    rates, _, moved = _beyond(medians(rate), counted, rate[rows], good[rows])
    bends, _, bent = _beyond(medians(shape), counted, shape[rows], good[rows])
    levels, _, offset = _beyond(medians(maps.pedestal), counted, maps.pedestal[rows], good[rows])
    # Noise that all pixels share moves their rates together, as a share of them; that of each pixel by itself does not.
    together = np.sin(np.pi / 2 * maps.agreement.clip(0, 1))
    chance = AGREEMENT * np.sqrt(2 / maps.integrations) / np.maximum(good.sum(axis=0), 1)
    shared = (noise > 0) & (maps.agreement > chance) & (together > _SHARED * noise / (noise + usual))
    slopes = medians(maps.rate_scatter) ** 2
    typical, _ = population(slopes[counted].astype(np.float32))
    wander = np.sqrt((slopes - typical).clip(0)) * tgroup * (maps.groups - 1)
    # What a wandering column adds to a mean rate differs from one set of integrations to the next.
    drifts = 3 * np.sqrt(slopes.clip(0) * np.pi / 2 / maps.integrations)
    drift = moved & shared & (np.abs(rates) < drifts)
    about = [(image, medians(image).astype(np.float32)) for image in (rate, shape)]
    kept = (
        np.where(shared, noise, 0),
        np.where(shared, 0, noise),
        np.where(drift, rates, 0),
        np.where(bent & shared, bends, 0),
        np.where(offset & (np.abs(levels) > _LEAST_OFFSET), levels, 0),
        *(np.where(shared, MAD_TO_SIGMA * medians(np.abs(image - middle)), 0) for image, middle in about),
        np.where(shared, wander, 0),
    )
    return Lines(*(np.nan_to_num(values).astype(np.float32) for values in kept))


def _beyond(medians, counted, image, good) -> tuple[np.ndarray, float, np.ndarray]:
    """Return by how much the median of each line lies beyond the others', what is usual, and where it is significant."""
    usual, sigma = population(medians[counted].astype(np.float32))
    # With few lines their scatter is known badly, and that of their pixels well.
    some = np.s_[:: max(1, len(image) // 64)]
    _, of_pixel = population(image[some], good[some])
    least = np.sqrt(np.pi / 2 / np.maximum(good.sum(axis=0), 1)) * of_pixel
    beyond = medians - usual
    return beyond, usual, counted & (np.abs(beyond) > SIGNIFICANCE * np.fmax(sigma, least))
