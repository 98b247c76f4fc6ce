"""Tell pixels that see no charge from those that do: by the cosmic rays in their darks.

Darks show no light that a dead pixel would miss, so that their rates tell nothing of it. Cosmic rays fall everywhere,
and leave their charge in any pixel that gathers charge: those that gather none have no hits.
"""

from typing import NamedTuple

import numpy as np

from darkmask.core.evenly import evenly
from darkmask.search.request import SetRequest

from .own_ramps import read_signals

# A hit of so many DN is no noise of a good pixel, and beside one of so many the coupling of half of a percent to the
# pixels beside leaves a tenth of a well's charge unseen: hits are counted in the pixel that they hit.
LEAST_STEP = 200.0
# So many pixels are looked at, and twice as many good ones: each costs a page of every group.
_MOST = 3000


class Radiation(NamedTuple):
    """The hits of some pixels, and how many such pixels would have that gather charge as good ones do.

    Attributes
    ----------
    pixels : int
        Number of pixels that were asked; all of them, or an even part.
    hits : int
        How many times one of them rose by ``LEAST_STEP`` and more within a group.
    expected : float
        By the hits of good pixels of the same darks.
    places : list of (int, int)
        x and y of pixels that were hit.
    """

    pixels: int
    hits: int
    expected: float
    places: list[tuple[int, int]]


def radiation_in(request: SetRequest, asked: np.ndarray, good: np.ndarray) -> Radiation:
    """Count the cosmic rays of some pixels beside those of good ones.

    Parameters
    ----------
    request : SetRequest
    asked : numpy.ndarray, shape (y, x), bool
        Pixels that are said to gather no charge. Those that are not ``good`` are not asked: what switches rises, too.
    good : numpy.ndarray, shape (y, x), bool
        Pixels that a search of the same darks calls good.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    some, beside = _evenly(asked & good, _MOST), _evenly(good & ~asked, 2 * _MOST)
    # The jump step flags the neighbours of a hit too: what rises is the pixel that was hit.
    hits, of_good = (hits_in(read_signals(request, *pixels.T)) for pixels in (some, beside))
    expected = of_good.sum() / max(len(beside), 1) * len(some)
    y, x = some[hits > 0].T
    return Radiation(len(some), int(hits.sum()), float(expected), list(zip(x.tolist(), y.tolist(), strict=True)))


def hits_in(signals: np.ndarray) -> np.ndarray:
    """Return how many times each pixel rises by ``LEAST_STEP`` and more from one group to the next, int (pixel,).

    Parameters
    ----------
    signals : numpy.ndarray, shape (integration, group, pixel), float32, DN
        Of pixels that a search calls good.
    """
    # A value that is not finite is above nothing.
    counted: np.ndarray = (np.diff(signals, axis=1) >= LEAST_STEP).sum(axis=(0, 1))
    return counted


def _evenly(where: np.ndarray, most: int) -> np.ndarray:
    """Return the (y, x) of so many of some pixels at most, by row and then by column."""
    pixels = np.argwhere(where)
    return pixels[evenly(len(pixels), most)]
