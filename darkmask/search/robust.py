"""Centre and scatter of a population that holds outliers, which are what we look for."""

import numpy as np
from astropy.stats import sigma_clipped_stats


def population(values: np.ndarray, where: np.ndarray) -> tuple[float, float]:
    """Median of the clipped values (3 sigma about the median, until nothing changes) and their scatter.

    The scatter is 1.4826 times the median absolute deviation, which the clipping lowers by less than 1 %.

    Parameters
    ----------
    values : numpy.ndarray, any shape, float
    where : numpy.ndarray, same shape, bool
        Which of them belong to the population; others and non-finite ones are left out.

    Returns
    -------
    centre, sigma : float
        NaN when nothing is left.
    """
    chosen = values[where & np.isfinite(values)].astype(np.float64)
    if chosen.size == 0:
        return float("nan"), float("nan")
    _, centre, sigma = sigma_clipped_stats(chosen, sigma=3, maxiters=None, stdfunc="mad_std")
    return float(centre), float(sigma)


def by_amplifier(values: np.ndarray, where: np.ndarray, columns) -> tuple[np.ndarray, np.ndarray]:
    """:func:`population` of each amplifier's columns, spread over the columns it reads.

    Parameters
    ----------
    values, where : numpy.ndarray, shape (y, x)
    columns : sequence of slice
        The amplifiers; together they cover all columns.

    Returns
    -------
    centre, sigma : numpy.ndarray, shape (x,), float64
    """
    centre = np.full(values.shape[1], np.nan)
    sigma = np.full(values.shape[1], np.nan)
    for part in columns:
        centre[part], sigma[part] = population(values[:, part], where[:, part])
    return centre, sigma


def neighbour_sum(values: np.ndarray) -> np.ndarray:
    """Sum of the four touching pixels; a NaN neighbour and one beyond the edge count as nothing.

    Parameters
    ----------
    values : numpy.ndarray, shape (y, x), float

    Returns
    -------
    numpy.ndarray, shape (y, x), same dtype
    """
    padded = np.pad(np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0), 1)
    return padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
