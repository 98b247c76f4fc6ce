"""Find pixels that a search calls good by their rate or PEDESTAL, although their ramps say otherwise.

A search takes rates from one file and ramps from another. Where somebody put what lies around in the place of a rate
that stood out, as is done for pictures, the pixel is good by its rate, and its ramp still rises as that of a hot one.
"""

from collections.abc import Sequence

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.statistics import level_and_scatter, median_of_finite
from darkmask.delivery import OpenSet
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.maps.layout import DO_NOT_USE, JUMP_DET, SATURATED
from darkmask.search.request import SetRequest

from .unsuspected import MOST_TOLD, THIRD_OF_A_WELL, places_told

# Good pixels lie within 7.4 sigma on nine simulated detectors, of which the largest has four million.
_CERTAIN = 10.0
# Jumps are in a ramp and not in its rate: in so few integrations, and differences, they change no median.
_SELDOM, _WHOLE = 0.25, 0.95
# PEDESTAL is the first group but for a part of the rate, or the level of the line there.
_APART = 5.0
# Flags that take every second group leave no difference; of pixels that could not be judged, fewer say why not.
_MOSTLY = 0.3
# So many rows of an amplifier tell what is usual: of a full frame to a third of a per cent of a sigma.
_ROWS = 256
# A median is as well known as a mean of this part of the values.
_OF_A_MEDIAN = 2 / np.pi


def hidden_pixels(
    maps: CombinedMaps, categories: np.ndarray, science: np.ndarray, amplifiers: Sequence[slice], tgroup: float
) -> list[tuple[int, int]]:
    """Return which good pixels have ramps that rise, or begin, otherwise than their rate and PEDESTAL say.

    Parameters
    ----------
    maps : CombinedMaps
        Of all pixels.
    categories : numpy.ndarray, shape (y, x), uint16
        What the search found: asked are those that it calls good.
    science : numpy.ndarray, shape (y, x), bool
    amplifiers : sequence of slice
        The columns that each amplifier reads.
    tgroup : float
        Group time, s.

    Returns
    -------
    list of (int, int)
        x and y, ``MOST_TOLD`` at most. Pixels of which many differences are flagged are not asked, nor those beside
        one that fills its well, bends or jumps: its flags are grown, and what couples in is no line.
    """
    from scipy.ndimage import binary_dilation

    if maps.groups < 2:
        return []
    steps = maps.integrations * (maps.groups - 1)
    bent = science & ((categories & ~np.uint16(Category.HOT.bit | Category.WARM.bit)) != 0)
    asked = science & (categories == 0) & ~binary_dilation(bent, np.ones((3, 3)))
    asked &= (np.asarray(maps.finite) == maps.integrations) & (np.asarray(maps.differences) >= _WHOLE * steps)
    asked &= np.asarray(maps.jumps) <= _SELDOM * maps.integrations
    found = np.zeros(science.shape, bool)
    seconds = np.float32((maps.groups - 1) * tgroup)
    some = slice(None, None, max(1, len(science) // _ROWS))
    for columns in amplifiers:
        here = (slice(None), columns)
        rises = np.asarray(maps.rate[here]) * seconds
        apart = np.asarray(maps.change[here]) - rises
        level, scatter = level_and_scatter(apart[some][asked[here][some]])
        # What is bright by its rate is not hidden, and bends.
        faint = np.abs(rises - median_of_finite(rises[some][asked[here][some]])) <= _CERTAIN * scatter
        found[here] |= faint & (np.abs(apart - level) > _CERTAIN * scatter)
        begin = np.asarray(maps.first[here]) - np.asarray(maps.pedestal[here])
        level, _ = level_and_scatter(begin[some][asked[here][some]])
        noise = median_of_finite(np.asarray(maps.noise[here])[some][asked[here][some]])
        found[here] |= faint & (np.abs(begin - level) > _APART * noise)
    return places_told(*np.nonzero(found & asked))


def ended_by_flags(opened: OpenSet, asked: np.ndarray) -> np.ndarray:
    """Return the pixels of which many groups have no value, or a flag of another reason than a full well, bool (y, x).

    Parameters
    ----------
    opened : OpenSet
    asked : numpy.ndarray, shape (y, x), bool
        Pixels of which a search could say nothing.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    ended = np.zeros_like(asked)
    y, x = (places[:MOST_TOLD] for places in np.nonzero(asked))
    if y.size:
        sci, flags = (np.concatenate(each) for each in zip(*(one.ramps(y, x) for one in opened.chosen), strict=True))
        lost = (~np.isfinite(sci) | ((flags & (DO_NOT_USE | JUMP_DET)) != 0)) & ((flags & SATURATED) == 0)
        ended[y, x] = lost.mean(axis=(0, 1)) > _MOSTLY
    return ended


def taken_out(request: SetRequest, lost: np.ndarray, noise: float) -> list[tuple[int, int]]:
    """Return which pixels were taken out of the search although their ramps are those of hot ones, or have no value.

    Parameters
    ----------
    request : SetRequest
    lost : numpy.ndarray, shape (y, x), bool
        Science pixels that the ramp fit was told not to use; their ramps are in the files all the same.
    noise : float
        Sigma of a group difference, DN.

    Returns
    -------
    list of (int, int)
        x and y, ``MOST_TOLD`` at most.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    y, x = (places[:MOST_TOLD] for places in np.nonzero(lost))
    if not y.size or not noise > 0:
        return []
    with OpenSet(request.exposures, request.folder, request.integrations) as opened:
        ends = np.concatenate([exposure.sci(y, x, np.array([0, exposure.shape[1] - 1])) for exposure in opened.chosen])
    rises, first = np.median(ends[:, 1] - ends[:, 0], axis=0), np.median(ends[:, 0], axis=0)
    bright = (
        ~np.isfinite(rises)
        | (rises > _CERTAIN * noise / np.sqrt(len(ends) * _OF_A_MEDIAN))
        | (np.abs(first) > THIRD_OF_A_WELL)
    )
    return list(zip(x[bright].tolist(), y[bright].tolist(), strict=True))
