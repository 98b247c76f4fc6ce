"""Measure what a pixel shares with its column, with the pixels around it, and what a bad neighbour couples into it.

A column whose level wanders, and light that decays, move the slopes of good pixels from one integration to another. The
pixel's fellows tell by how much; what is noisy by itself has no fellows.
"""

from collections.abc import Callable

import numpy as np

from .own_ramps import SIDES

# So many rows tell the level of a column to a thirteenth of the scatter of a pixel, and so many pixels of an amplifier
# the usual one.
_ROWS, _USUAL = 256, 256
# Pixels from a pixel on to all sides whose median tells the light that falls on it, and how many of them it takes.
_REACH, _FEWEST = 1, 4


def some_rows(good: np.ndarray) -> np.ndarray:
    """Return rows with good pixels, evenly spread, as many as tell the level of a column."""
    inside = np.flatnonzero(good.any(axis=1))
    return inside[np.unique(np.linspace(0, inside.size - 1, min(_ROWS, inside.size)).astype(int))]


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
    rows = some_rows(good)
    known = np.where(good[rows], slope[rows], np.nan)
    asked, back = np.unique(x, return_inverse=True)
    level = _medians(known[:, asked])
    for columns in amplifiers:
        here = (asked >= columns.start) & (asked < columns.stop)
        if here.any():
            level[here] -= _medians(known[:, columns].reshape(-1, 1))
    return level[back]


def around(slope: np.ndarray, good: np.ndarray, science: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return by how much the neighbours of some pixels lie above all good ones; see :func:`of_columns`.

    Parameters
    ----------
    science : numpy.ndarray, shape (y, x), bool
        Neighbours that count, bad ones too: light that makes some of them come and go falls on all, and their median
        is none of what one of them does by itself.

    Returns
    -------
    numpy.ndarray, shape (pixel,), float64, DN/s
        NaN where fewer than four neighbours have a slope.
    """
    side = range(-_REACH, _REACH + 1)
    near = np.stack([_beside(slope, science, y + dy, x + dx) for dy in side for dx in side if (dy, dx) != (0, 0)])
    level = _medians(near)
    level[np.isfinite(near).sum(axis=0) < _FEWEST] = np.nan
    rows = some_rows(good)
    return level - _medians(slope[rows][good[rows]].reshape(-1, 1))


def coupled(slope: np.ndarray, bad: np.ndarray, y: np.ndarray, x: np.ndarray, share: float) -> np.ndarray:
    """Return what bad pixels couple into some pixels beside them, float64 (pixel,), DN/s; see :func:`of_columns`.

    Parameters
    ----------
    share : float
        Share of a pixel's signal that each of its four neighbours takes on.
    """
    near = np.stack([_beside(slope, bad, y + dy, x + dx) for dy, dx in SIDES])
    return share * np.nansum(near, axis=0)


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
    rows = some_rows(good)
    asked, back = np.unique(x, return_inverse=True)
    levels = []
    for column in asked:
        here = rows[good[rows, column]]
        (amplifier,) = (columns for columns in amplifiers if columns.start <= column < columns.stop)
        places_y, places_x = np.nonzero(good[rows, amplifier])
        some = np.linspace(0, places_y.size - 1, min(_USUAL, places_y.size)).astype(int)
        usual = read(rows[places_y[some]], places_x[some] + amplifier.start)
        own = read(here, np.full(here.size, column))
        levels.append(np.subtract(*(_medians(np.diff(np.moveaxis(a, 2, 0), axis=2)) for a in (own, usual))))
    return np.stack(levels, axis=2)[:, :, back]


def _beside(slope: np.ndarray, counted: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return slopes, float64 (pixel,); NaN of pixels that do not count or lie beyond the frame."""
    rows, columns = slope.shape
    inside = (y >= 0) & (y < rows) & (x >= 0) & (x < columns)
    y, x = np.clip(y, 0, rows - 1), np.clip(x, 0, columns - 1)
    return np.where(inside & counted[y, x], slope[y, x], np.nan).astype(np.float64)


def _medians(values: np.ndarray) -> np.ndarray:
    """Return the median of the finite values of each column, float64; NaN where there is none."""
    if not len(values):
        return np.full(values.shape[1:], np.nan)
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), axis=0).astype(np.float64)  # NaN comes last
    number = np.isfinite(ordered).sum(axis=0)
    middle = np.stack([np.maximum(number - 1, 0) // 2, number // 2])
    return np.take_along_axis(ordered, middle, axis=0).mean(axis=0)
