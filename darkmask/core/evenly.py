"""Choose some of many, evenly spread."""

import numpy as np


def evenly(number: int, most: int) -> np.ndarray:
    """Return the numbers of at most so many of ``number`` things, from the first to the last; int (n,), increasing."""
    return np.unique(np.linspace(0, max(number - 1, 0), min(most, number)).astype(int))


def even_rows(good: np.ndarray, most: int) -> np.ndarray:
    """Return at most so many of the rows with good pixels.

    Parameters
    ----------
    good : numpy.ndarray, shape (y, x), bool
    most : int

    Returns
    -------
    numpy.ndarray, shape (n,), int
        Increasing.
    """
    inside = np.flatnonzero(good.any(axis=1))
    chosen: np.ndarray = inside[evenly(inside.size, most)]
    return chosen
