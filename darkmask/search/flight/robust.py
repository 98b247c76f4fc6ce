"""Measure the centre and scatter of a population that holds outliers, which are what we look for."""

from bisect import bisect_left, bisect_right

import numpy as np

from darkmask.core.kernels import kernel
from darkmask.core.statistics import MAD_TO_SIGMA

CLIP_SIGMA = 3.0


def population(values: np.ndarray, where: np.ndarray | None = None) -> tuple[float, float]:
    """Return the median of the clipped values (3 sigma about the median, until nothing changes) and their scatter.

    The scatter is 1.4826 times the median absolute deviation, which the clipping lowers by less than 1 %.

    Parameters
    ----------
    values : numpy.ndarray, any shape, float32
    where : numpy.ndarray, same shape, bool, optional
        Values that belong to the population; others and non-finite ones are left out.

    Returns
    -------
    centre, sigma : float
        NaN when nothing is left.

    Notes
    -----
    The survivors are those of ``astropy.stats.sigma_clip(..., sigma=3, maxiters=None, stdfunc="mad_std")``. In sorted
    order they are always a run of the values, and bisection finds the median and the median absolute deviation in it,
    in a tenth of the time.
    """
    # A copy, which is then sorted itself.
    ordered = values.flatten() if where is None else values[where]
    ordered.sort()
    # NaN comes last, after the infinite values.
    ordered = ordered[bisect_right(ordered, -np.inf) : bisect_left(ordered, np.inf)]
    while ordered.size:
        centre = _median(ordered)
        sigma = MAD_TO_SIGMA * _median_deviation(ordered, centre)
        first = bisect_left(ordered, np.float64(centre - CLIP_SIGMA * sigma))
        last = bisect_right(ordered, np.float64(centre + CLIP_SIGMA * sigma))
        if last - first == ordered.size:
            return centre, sigma
        ordered = ordered[first:last]
    return float("nan"), float("nan")


def _median(ordered: np.ndarray) -> float:
    middle = ordered.size // 2
    if ordered.size % 2:
        return float(ordered[middle])
    return (float(ordered[middle - 1]) + float(ordered[middle])) / 2


def _median_deviation(ordered: np.ndarray, centre: float) -> float:
    """Return the median of the distances from ``centre``: those below and above it are two sorted runs to be merged."""
    split = bisect_left(ordered, np.float64(centre))
    below, above = ordered[:split][::-1], ordered[split:]

    def distance(rank: int) -> float:
        # ``low`` becomes the number of the smallest distances that lie below the centre: the fewest for which the next
        # one is no smaller than the last that is taken above.
        low, high = max(0, rank + 1 - above.size), min(rank + 1, below.size)
        while low < high:
            taken = (low + high) // 2
            if centre - float(below[taken]) < float(above[rank - taken]) - centre:
                low = taken + 1
            else:
                high = taken
        last_below = centre - float(below[low - 1]) if low else -np.inf
        last_above = float(above[rank - low]) - centre if rank + 1 - low else -np.inf
        return max(last_below, last_above)

    middle = ordered.size // 2
    return distance(middle) if ordered.size % 2 else (distance(middle - 1) + distance(middle)) / 2


def places(where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what ``numpy.nonzero`` does of an image, in a third of the time where few are true."""
    y, x = np.divmod(np.flatnonzero(where), where.shape[1])
    return y, x


@kernel
def add_finite(values, total):
    """Add values to sums; one that is not finite counts as nothing."""
    for x in range(total.size):
        value = values[x]
        total[x] += value if abs(value) < np.inf else np.float32(0)
