"""Search the reference pixels, which no category can tell of: they see no light.

The pipeline's reference-pixel step takes means over them and leaves out only those with DO_NOT_USE, so that a noisy one
adds its noise to every pixel of its amplifier.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from darkmask.core.detectors import Geometry
from darkmask.core.reference_border import reference_kinds
from darkmask.core.statistics import median_of_finite

from .flight.amplifier import STUCK_SHARE
from .maps.combine import CombinedMaps
from .parameters import SearchParameters

# Sigma of its own error by which a noise must differ: in a short set 1.5 times the median is chance. A false one among
# the 32 704 reference pixels of a detector is expected in 100 detectors.
SIGNIFICANCE = 5.0
# This many falls of more than chance allows show two levels, as in science pixels.
MIN_FALLS = 2
# ... in a column that wanders, so many times those that its science pixels have besides, or those of nearly all of
# them: where frames are averaged, half may have none, and one in twenty two.
_MORE_FALLS, _NEARLY_ALL = 2, 0.99
_ROWS_OF_MEDIAN = 256
# A saturated pixel is stuck, as one of the science area is, or begins so far off, DN. The saturation step flags all
# neighbours of a saturated pixel (``n_pix_grow_sat``), reference pixels beside the science area too.
_FAR = 10_000.0
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
    maps: CombinedMaps,
    geometry: Geometry,
    amplifiers: Sequence[slice],
    parameters: SearchParameters,
    wandering: Sequence[int] = (),
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
    wandering : sequence of int
        Columns whose level wanders as one: what their science pixels have more than others is none of the reference
        pixels' own.

    Notes
    -----
    The noise of a group difference is compared with the median of the pixel's kind (amplifier, edge, parity of column),
    as the NIRISS masks do (C. Willott). A whole side may be stuck, so what is stuck is asked of the science pixels.
    """
    kinds = reference_kinds(geometry)
    here = np.nonzero(kinds.label >= 0)
    kind, noise, scatter = kinds.label[here], maps.noise[here], maps.scatter[here]
    differences = maps.differences[here]
    judged = (differences >= parameters.min_differences) & np.isfinite(noise)
    full = maps.saturated_first[here] > maps.integrations / 2
    # The relative error of a standard deviation of n differences, and of the median of those of all integrations.
    error = 1 / np.sqrt(2 * np.maximum(differences - maps.integrations, 1))
    ramp = 1 / np.sqrt(2 * max(maps.groups - 2, 1)) * _ERROR_OF_MEDIAN / np.sqrt(maps.integrations)
    full &= (scatter < STUCK_SHARE * median_of_finite(scatter)) | ~(np.abs(maps.first[here]) < _FAR)
    noisy, switching = np.zeros_like(judged), judged & (maps.falls[here] >= MIN_FALLS)
    for number in range(len(kinds.names)):
        alike = judged & (kind == number)
        if not alike.any():
            continue
        limit = np.maximum(parameters.reference_noise, 1 + SIGNIFICANCE * error[alike])
        noisy[alike] = noise[alike] > limit * np.median(noise[alike])
        limit = max(parameters.reference_noise, 1 + SIGNIFICANCE * ramp)
        switching[alike] |= scatter[alike] > limit * np.nanmedian(scatter[alike])
    science = kinds.label < 0
    usual = _noise_of_science(maps, science, amplifiers, parameters.min_differences)[here[1]]
    # What a column does adds about as much to the noise of a reference pixel as to that of a science pixel.
    for column in wandering:
        mine, of = here[1] == column, science[:, column]
        if not (mine & judged).any() or not of.any():
            continue
        more = median_of_finite(maps.noise[of, column]) / usual[mine]
        noisy[mine] &= noise[mine] > parameters.reference_noise * more * _usual_of_kind(noise, kind, judged)[mine]
        most = parameters.reference_noise * median_of_finite(maps.scatter[of, column])
        of_science = maps.falls[of, column]
        falls = MIN_FALLS + max(_MORE_FALLS * np.median(of_science), np.quantile(of_science, _NEARLY_ALL))
        switching[mine] &= (scatter[mine] > most) | (maps.falls[here][mine] >= falls)
    stuck = judged & (noise <= np.minimum(parameters.reference_stuck, 1 - SIGNIFICANCE * error) * usual)

    def image(where: np.ndarray) -> np.ndarray:
        whole = np.zeros(kinds.label.shape, dtype=bool)
        whole[here] = where
        return whole

    return ReferencePixels(image(judged | full), image(noisy & ~full), image(switching & ~full), image(stuck | full))


def _usual_of_kind(noise: np.ndarray, kind: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """Return the median noise of each pixel's kind, shape (n,)."""
    usual = np.full(noise.shape, np.nan)
    for number in np.unique(kind):
        alike = judged & (kind == number)
        if alike.any():
            usual[kind == number] = np.median(noise[alike])
    return usual


def _noise_of_science(maps: CombinedMaps, science: np.ndarray, amplifiers: Sequence[slice], enough: int) -> np.ndarray:
    """Return the median noise of each column's amplifier, DN, shape (x,); NaN where it has no science pixel to tell."""
    usual = np.full(science.shape[1], np.nan)
    # A part of the rows gives a median of tens of thousands of pixels to better than a thousandth.
    some = slice(None, None, max(1, science.shape[0] // _ROWS_OF_MEDIAN))
    for columns in amplifiers:
        part = (some, columns)
        known = science[part] & (maps.differences[part] >= enough) & np.isfinite(maps.noise[part])
        if known.any():
            usual[columns] = np.median(maps.noise[part][known])
    return usual
