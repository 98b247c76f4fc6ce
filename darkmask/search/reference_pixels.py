"""Search the reference pixels, which no category can tell of: they see no light.

The pipeline's reference-pixel step takes means over them and leaves out only those with DO_NOT_USE, so that a noisy one
adds its noise to every pixel of its amplifier.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from darkmask.core.detectors import Geometry
from darkmask.core.reference_border import reference_kinds

from .maps import CombinedMaps
from .parameters import SearchParameters

# Sigma of its own error by which a noise must differ: in a short set 1.5 times the median is chance. A false one among
# the 32 704 reference pixels of a detector is expected in 100 detectors.
SIGNIFICANCE = 5.0
# This many falls of more than chance allows show two levels, as in science pixels.
MIN_FALLS = 2
# A median of n values has this many times the error of their mean.
_ERROR_OF_MEDIAN = float(np.sqrt(np.pi / 2))


@dataclass(frozen=True)
class ReferencePixels:
    """The bad reference pixels of a full frame, each array of shape (y, x), bool.

    Attributes
    ----------
    judged : numpy.ndarray
        Reference pixels with enough group differences to be judged.
    noisy : numpy.ndarray
        More noise than others of their kind.
    switching : numpy.ndarray
        Jumps that fall, or that scatter more than the noise of others: telegraph.
    stuck : numpy.ndarray
        No noise, or saturated from the first group on.
    """

    judged: np.ndarray
    noisy: np.ndarray
    switching: np.ndarray
    stuck: np.ndarray

    @property
    def bad(self) -> np.ndarray:
        return self.noisy | self.switching | self.stuck

    def counts(self) -> dict[str, int]:
        """Return the number of pixels that were judged, and of the bad ones of each sort; a pixel may have two."""
        return {name: int(where.sum()) for name, where in vars(self).items()}


def search_reference_pixels(
    maps: CombinedMaps, geometry: Geometry, amplifiers: Sequence[slice], parameters: SearchParameters
) -> ReferencePixels:
    """Find the noisy, switching and stuck reference pixels in the combined maps of full frames.

    Parameters
    ----------
    maps : CombinedMaps
    geometry : Geometry
        Of the full frame, which the maps must cover.
    amplifiers : sequence of slice
        Columns of each amplifier: a reference pixel is stuck if it has little of the noise of its science pixels.
    parameters : SearchParameters
        ``reference_noise``, ``reference_stuck`` and ``min_differences`` count.

    Notes
    -----
    The noise of a group difference is compared with the median of the pixel's kind (amplifier, edge, parity of column),
    as the NIRISS masks do (C. Willott). A whole side may be stuck, so what is stuck is asked of the science pixels.
    """
    kinds = reference_kinds(geometry)
    border = kinds.label >= 0
    judged = border & (maps.differences >= parameters.min_differences) & np.isfinite(maps.noise)
    full = border & (maps.saturated_first > maps.integrations / 2)
    noisy, switching, stuck = np.zeros_like(border), np.zeros_like(border), np.zeros_like(border)
    with np.errstate(invalid="ignore", divide="ignore"):
        # Of a standard deviation of n differences, and of the median of those of each integration.
        error = 1 / np.sqrt(2 * np.maximum(maps.differences - maps.integrations, 1))
        ramp = 1 / np.sqrt(2 * max(maps.groups - 2, 1)) * _ERROR_OF_MEDIAN / np.sqrt(maps.integrations)
        for number in range(len(kinds.names)):
            here = judged & (kinds.label == number)
            if not here.any():
                continue
            limit = np.maximum(parameters.reference_noise, 1 + SIGNIFICANCE * error[here])
            noisy[here] = maps.noise[here] > limit * np.median(maps.noise[here])
            limit = max(parameters.reference_noise, 1 + SIGNIFICANCE * ramp)
            switching[here] = maps.scatter[here] > limit * np.nanmedian(maps.scatter[here])
        switching |= judged & (maps.falls >= MIN_FALLS)
        for columns in amplifiers:
            light = ~border[:, columns] & (maps.differences[:, columns] >= parameters.min_differences)
            usual = np.nanmedian(maps.noise[:, columns][light]) if light.any() else np.nan
            limit = np.minimum(parameters.reference_stuck, 1 - SIGNIFICANCE * error[:, columns])
            stuck[:, columns] = judged[:, columns] & (maps.noise[:, columns] <= limit * usual)
    return ReferencePixels(judged | full, noisy & ~full, switching & ~full, stuck | full)
