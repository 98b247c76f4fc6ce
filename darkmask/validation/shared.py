"""Measure what a pixel shares with its column, with the pixels around it, and what a bad neighbour couples into it.

A column whose level wanders, and light that decays, move the slopes of good pixels from one integration to another. The
pixel's fellows tell by how much; what is noisy by itself has no fellows.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.evenly import even_rows, evenly
from darkmask.core.statistics import median_of_finite, medians_of_finite
from darkmask.delivery import OpenExposure
from darkmask.search.request import SetRequest

# So many rows tell the level of a column to a thirteenth of the scatter of a pixel, and so many pixels of an amplifier
# the usual one.
_ROWS, _USUAL = 256, 256
# The pixels around a pixel whose median tells the light that falls on it, and how many of them it takes.
AROUND = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))
_FEWEST = 4


def of_planes(request: SetRequest, *measures: Callable[[np.ndarray], np.ndarray]) -> list[np.ndarray]:
    """Return what is measured of the slopes of each integration, each float64 (integration, pixel)."""
    measured: list[list[np.ndarray]] = [[] for _ in measures]
    for exposure in request.exposures:
        with OpenExposure(exposure, request.folder) as opened:
            for i in range(exposure.integrations):
                plane = opened.rate(integration=i)
                for one, measure in zip(measured, measures, strict=True):
                    one.append(measure(plane))
    return [np.array(one, dtype=np.float64) for one in measured]


def of_columns(slope: np.ndarray, good: np.ndarray, x: np.ndarray, amplifiers: tuple[slice, ...]) -> np.ndarray:
    """Return by how much the columns of some pixels lie above the others of their amplifier.

    Parameters
    ----------
    slope : numpy.ndarray, shape (y, x), float32, DN/s
        Of one integration.
    good : numpy.ndarray, shape (y, x), bool
        Pixels that count.
    x : numpy.ndarray, shape (pixel,), int
    amplifiers : tuple of slice

    Returns
    -------
    numpy.ndarray, shape (pixel,), float64, DN/s
        NaN for a column without a good pixel.
    """
    rows = even_rows(good, _ROWS)
    known = np.where(good[rows], slope[rows], np.nan)
    asked, back = np.unique(x, return_inverse=True)
    level = medians_of_finite(known[:, asked])
    for columns in amplifiers:
        here = (asked >= columns.start) & (asked < columns.stop)
        if here.any():
            level[here] -= median_of_finite(known[:, columns].astype(np.float64))
    return level[back]


class Beside(NamedTuple):
    """Some pixels beside each of others.

    Attributes
    ----------
    places : numpy.ndarray, shape (side, pixel), int64
        In the flattened frame.
    counted : numpy.ndarray, shape (side, pixel), bool
        Which of them lie in the frame, and count.
    """

    places: np.ndarray
    counted: np.ndarray

    def of(self, slope: np.ndarray) -> np.ndarray:
        """Return their slopes, float64 (side, pixel); NaN of those that do not count."""
        return np.where(self.counted, slope.ravel()[self.places], np.nan).astype(np.float64)


def beside(counted: np.ndarray, y: np.ndarray, x: np.ndarray, sides: Sequence[tuple[int, int]]) -> Beside:
    """Return the pixels beside some pixels, by the steps from one to the other.

    Parameters
    ----------
    counted : numpy.ndarray, shape (y, x), bool
        Pixels that count.
    y, x : numpy.ndarray, shape (pixel,), int
    sides : sequence of (int, int)
    """
    rows, columns = counted.shape
    there_y, there_x = (np.array([place + side[k] for side in sides]) for k, place in enumerate((y, x)))
    inside = (there_y >= 0) & (there_y < rows) & (there_x >= 0) & (there_x < columns)
    places = np.where(inside, there_y * columns + there_x, 0)
    return Beside(places, inside & counted.ravel()[places])


def around(slope: np.ndarray, good: np.ndarray, near: Beside) -> np.ndarray:
    """Return by how much the neighbours of some pixels lie above all good ones; see :func:`of_columns`.

    Parameters
    ----------
    near : Beside
        On all ``AROUND``, bad ones too: light that makes some of them come and go falls on all, and their median is
        none of what one of them does by itself.

    Returns
    -------
    numpy.ndarray, shape (pixel,), float64, DN/s
        NaN where fewer than four neighbours have a slope.
    """
    slopes = near.of(slope)
    level = medians_of_finite(slopes)
    level[np.isfinite(slopes).sum(axis=0) < _FEWEST] = np.nan
    rows = even_rows(good, _ROWS)
    return level - median_of_finite(slope[rows][good[rows]].astype(np.float64))


def coupled(slope: np.ndarray, bad: Beside, share: float) -> np.ndarray:
    """Return what bad pixels couple into some pixels beside them, float64 (pixel,), DN/s; see :func:`of_columns`.

    Parameters
    ----------
    share : float
        Share of a pixel's signal that each of its four neighbours takes on.
    """
    return share * np.nansum(bad.of(slope), axis=0)


def steps_of_columns(
    read: Callable[[np.ndarray, np.ndarray], np.ndarray], good: np.ndarray, x: np.ndarray, amplifiers: tuple[slice, ...]
) -> np.ndarray:
    """Return by how much the group differences of the columns of some pixels lie above the others of their amplifier.

    Parameters
    ----------
    read : callable
        Returns the reads of pixels (y, x), float (integration, group, pixel), DN.
    good, x, amplifiers
        See :func:`of_columns`.

    Returns
    -------
    numpy.ndarray, shape (integration, group - 1, pixel), float64, DN
    """
    rows = even_rows(good, _ROWS)
    asked, back = np.unique(x, return_inverse=True)
    levels = []
    for column in asked:
        here = rows[good[rows, column]]
        (amplifier,) = (columns for columns in amplifiers if columns.start <= column < columns.stop)
        places_y, places_x = np.nonzero(good[rows, amplifier])
        some = evenly(places_y.size, _USUAL)
        usual = read(rows[places_y[some]], places_x[some] + amplifier.start)
        own = read(here, np.full(here.size, column))
        levels.append(np.subtract(*(medians_of_finite(np.diff(np.moveaxis(a, 2, 0), axis=2)) for a in (own, usual))))
    return np.stack(levels, axis=2)[:, :, back]
