"""Tell whether an exposure saw light that the others of its set did not: by the rates of good pixels, square by square.

A mask goes by medians of integrations, and a lamp, a leak or the glow of one exposure is in none of them.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from darkmask.core.statistics import MAD_TO_SIGMA_ROUNDED, median_of_finite

# Light that comes in lies in more than a square; what one star left lies in a small part of one, and moves no median.
_SQUARES = 4
# A median of fewer pixels is known to a tenth of their scatter and worse. Of two exposures nobody can tell which is
# lit.
_FEWEST_PIXELS, _FEWEST_EXPOSURES = 200, 3
# A median is as well known as a mean of this part of the values.
_OF_A_MEDIAN = 2 / np.pi


def most_lit(
    rates: Iterable[np.ndarray], good: np.ndarray, of: Sequence[str], rows: np.ndarray
) -> tuple[float, float, str, str] | None:
    """Return by how much more, or less, good pixels gather in one exposure than in the others, where it is most.

    Parameters
    ----------
    rates : iterable of numpy.ndarray, shape (row, x), DN/s
        Of some rows, integration by integration.
    good : numpy.ndarray, shape (row, x), bool
    of : sequence of str
        Path of the exposure that each integration is of.
    rows : numpy.ndarray, shape (row,), int
        Where these rows lie.

    Returns
    -------
    (float, float, str, str) or None
        Difference from the median of the exposures and its error, DN/s, the exposure's path, and the square in words.
        None for too few exposures or good pixels.
    """
    squares = [
        (part, slice(columns[0], columns[-1] + 1))
        for part in np.array_split(np.arange(len(good)), _SQUARES)
        for columns in np.array_split(np.arange(good.shape[1]), _SQUARES)
        if part.size and columns.size and good[part[0] : part[-1] + 1, columns].sum() >= _FEWEST_PIXELS
    ]
    paths = sorted(set(of))
    if len(paths) < _FEWEST_EXPOSURES or not squares:
        return None
    inside = [(slice(part[0], part[-1] + 1), columns) for part, columns in squares]
    levels = np.array([[median_of_finite(rate[here][good[here]]) for here in inside] for rate in rates], np.float64)
    # In the order of their values, so that no order of integrations changes a bit.
    means = np.array(
        [np.sort(levels[[k for k, path in enumerate(of) if path == one]], axis=0).mean(axis=0) for one in paths]
    )
    apart = means - np.median(means, axis=0)
    scatter = float(np.median(MAD_TO_SIGMA_ROUNDED * np.median(np.abs(levels - np.median(levels, axis=0)), axis=0)))
    # Of few values it is too low (Croux and Rousseeuw 1992).
    scatter *= len(levels) / (len(levels) - 0.8)
    errors = [scatter * math.sqrt(1 / of.count(one) + 1 / (_OF_A_MEDIAN * len(paths))) for one in paths]
    beyond = np.where(np.isfinite(apart), np.abs(apart) - 3 * np.array(errors)[:, None], -np.inf)
    exposure, square = np.unravel_index(int(np.argmax(beyond)), beyond.shape)
    if not np.isfinite(beyond[exposure, square]):
        return None
    part, columns = squares[square]
    where = f"columns {columns.start} to {columns.stop - 1} and rows {rows[part[0]]} to {rows[part[-1]]}"
    return float(apart[exposure, square]), errors[exposure], paths[exposure], where
