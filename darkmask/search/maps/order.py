"""Order statistics over integrations, for whole rows of pixels at a time.

A sorting network compares the same places whatever the values are, so that each of its steps is one vector operation
over a row. Sums over integrations are taken in sorted order: then neither the order in which integrations come nor how
they are shared out among exposures can change a bit of them.
"""

from functools import cache

import numpy as np

from darkmask.core.kernels import kernel
from darkmask.core.statistics import MAD_TO_SIGMA_ROUNDED

_MAD_TO_SIGMA = np.float32(MAD_TO_SIGMA_ROUNDED)


@cache
def sorting_network(count: int) -> np.ndarray:
    """Return the comparators that sort ``count`` values.

    Returns
    -------
    numpy.ndarray, shape (n, 2), int64
        Places to compare, in this order; the smaller value goes to the first of each pair.

    Notes
    -----
    Source: K. E. Batcher, "Sorting networks and their applications" (1968), odd-even merge. For a count that is not a
    power of two, the places beyond it, which would hold infinities, are left out.
    """
    pairs = []
    size = 1
    while size < count:
        step = size
        while step >= 1:
            for start in range(step % size, count - step, 2 * step):
                pairs += [
                    (low, low + step)
                    for low in range(start, min(start + step, count - step))
                    if low // (2 * size) == (low + step) // (2 * size)
                ]
            step //= 2
        size *= 2
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


@kernel
def _exchange(one, other, low, high):
    for x in range(low.size):
        a, b = one[x], other[x]
        low[x] = a if a < b else b
        high[x] = b if a < b else a


@kernel
def _exchange_with(one, other, one_load, other_load, low, high, low_load, high_load):
    for x in range(low.size):
        a, b = one[x], other[x]
        p, q = one_load[x], other_load[x]
        # Equal values are ordered by what they carry, so that nothing depends on the order of the input.
        swap = (a > b) | ((a == b) & (p > q))
        low[x] = b if swap else a
        high[x] = a if swap else b
        low_load[x] = q if swap else p
        high_load[x] = p if swap else q


@kernel
def sort_columns(values, network, place):
    """Sort each column.

    Parameters
    ----------
    values : array, shape (n + 2, x), float32
        Values to sort, without NaN. The last two places are room to work: writing exchanged values elsewhere, and
        renaming the places, is three times as fast as writing them back under a mask.
    network : array, shape (k, 2), int64
        Comparators from :func:`sorting_network`.
    place : array, shape (n + 2,), int64
        Array to set to the row of ``values`` that holds each rank.
    """
    _name_places(place)
    _sort_places(values, network, place)


@kernel
def _sort_places(values, network, place):
    n = place.size - 2
    for k in range(network.shape[0]):
        i, j = network[k, 0], network[k, 1]
        one, other, low, high = place[i], place[j], place[n], place[n + 1]
        _exchange(values[one], values[other], values[low], values[high])
        place[i], place[j], place[n], place[n + 1] = low, high, one, other


@kernel
def sort_columns_with(values, loads, network, place):
    """Sort as :func:`sort_columns` does, and carry ``loads``, of the same shape, along."""
    _name_places(place)
    n = place.size - 2
    for k in range(network.shape[0]):
        i, j = network[k, 0], network[k, 1]
        one, other, low, high = place[i], place[j], place[n], place[n + 1]
        _exchange_with(
            values[one], values[other], loads[one], loads[other], values[low], values[high], loads[low], loads[high]
        )
        place[i], place[j], place[n], place[n + 1] = low, high, one, other


@kernel
def _name_places(place):
    for k in range(place.size):
        place[k] = k


@kernel
def finite_first(stack, integrations, row, place, values, count):
    """Copy a map's rows to be sorted, with infinity for values that are not finite, and count the finite ones.

    Parameters
    ----------
    stack : array, shape (more, y, map, x), float32
    integrations : array, shape (n,), int64
        Numbers of those that count.
    row, place : int
        Number of the row, and of the map.
    values : array, shape (n + 2, x), float32
        Array to set, except for the last two places.
    count : array, shape (x,), int32
        Array to set to the number of finite values in each column.
    """
    for x in range(count.size):
        count[x] = 0
    for i in range(integrations.size):
        given, kept = stack[integrations[i], row, place], values[i]
        for x in range(count.size):
            value = given[x]
            good = abs(value) < np.float32(np.inf)
            kept[x] = value if good else np.float32(np.inf)
            count[x] += 1 if good else 0


@kernel
def middle(values, place, count, out):
    """Set the median of the first ``count`` of each sorted column; NaN when that is 0."""
    total = place.size - 2
    low, high = values[place[(total - 1) // 2]], values[place[total // 2]]
    for x in range(out.size):
        out[x] = (low[x] + high[x]) * np.float32(0.5)
    for x in range(out.size):
        n = count[x]
        if n == 0:
            out[x] = np.nan
        elif n < total:
            out[x] = (values[place[(n - 1) // 2], x] + values[place[n // 2], x]) * np.float32(0.5)


@kernel
def scatter_about(values, place, centre, count, out):
    """Set 1.4826 times the median absolute deviation of sorted columns from their median; ``values`` is used up.

    Parameters
    ----------
    values, place
        As :func:`sort_columns` leaves them.
    centre : array, shape (x,), float32
        From :func:`middle`.
    count : array, shape (x,), int32
        Finite values of each column, which come first.
    out : array, shape (x,), float32
        Array to set.

    Notes
    -----
    In sorted order the deviations fall down to the centre and rise from there: two sorted runs. Of the smaller of the
    first and the last of two such runs, the second and the second last, and so on, the largest is the last of the lower
    half of all, and the smallest of the larger ones is the first of the upper half.
    """
    total, half = place.size - 2, (place.size - 2) // 2
    low, high = values[place[total]], values[place[total + 1]]
    for x in range(out.size):
        low[x], high[x] = np.float32(0), np.float32(np.inf)
    for k in range(half):
        below, above = values[place[k]], values[place[total - half + k]]
        for x in range(out.size):
            # A value that is not finite is as far off as can be, also when there is no centre.
            a = abs(below[x] - centre[x])
            b = abs(above[x] - centre[x]) if count[x] == total else np.float32(np.inf)
            low[x] = max(low[x], min(a, b))
            high[x] = min(high[x], max(a, b))
    # Of an odd number the median itself lies below both runs.
    one = total % 2 == 1
    for x in range(out.size):
        out[x] = (low[x] + (low[x] if one else high[x])) * np.float32(0.5)
    for x in range(out.size):
        if count[x] < total:
            out[x] = _deviation_of(values, place, x, centre[x], count[x])
    for x in range(out.size):
        out[x] *= _MAD_TO_SIGMA


@kernel
def _deviation_of(values, place, x, centre, count):
    """Return the median absolute deviation of the first values of a sorted column; NaN when there is none."""
    if count == 0:
        return np.float32(np.nan)
    deviations = np.empty(count, np.float32)
    for k in range(count):
        deviations[k] = abs(values[place[k], x] - centre)
    deviations.sort()
    return (deviations[(count - 1) // 2] + deviations[count // 2]) * np.float32(0.5)
