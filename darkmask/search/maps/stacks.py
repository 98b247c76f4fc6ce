"""Combine a stack of the maps of all integrations, row by row."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.kernels import kernel

from .layout import (  # fmt: skip
    CHANGE,
    DIFFERENCES,
    FALLS,
    FIRST,
    FIRST_SATURATED,
    HAS_RATE,
    JUMPS,
    LAST_SATURATED,
    MARKS,
    PEDESTAL,
    RATE,
    SCATTER,
    SHAPE,
    SQUARES,
    WEIGHT,
)
from .order import finite_first, middle, scatter_about, sort_columns, sort_columns_with, sorting_network
from .pixel import Readout
from .scratch import Maps

# Something hit an integration whose rate is this many of its own sigma from the median. The limit is wide, so that
# nearly no good integration is lost.
CLIP_SIGMA = 5.0
# A pixel of which more is clipped is restless itself: then the median is used.
LEAST_KEPT = 0.75
# Shot noise of the slope of a ramp over that of its end points (Robberto 2009).
SLOPE_SHOT = 1.2
# The variance of a mean of Gaussian values, divided by that of their median.
MEDIAN_EFFICIENCY = 2 / np.pi
# Sums of squares are added in units of DN**2 over PARTS; a ramp with a sum beyond the largest is not a ramp.
PARTS, LARGEST_SQUARES = 1000.0, np.float32(1e14)


class CombinedRows(NamedTuple):
    """Some rows of every combined map, shape (row, x); see :class:`darkmask.search.maps.combine.CombinedMaps`."""

    rate: np.ndarray
    weight: np.ndarray
    rate_scatter: np.ndarray
    finite: np.ndarray
    pedestal: np.ndarray
    saturated_first: np.ndarray
    saturated_last: np.ndarray
    first: np.ndarray
    change: np.ndarray
    shape: np.ndarray
    shape_scatter: np.ndarray
    noise: np.ndarray
    differences: np.ndarray
    scatter: np.ndarray
    jumps: np.ndarray
    falls: np.ndarray


class Chosen(NamedTuple):
    """Which integrations of a stack are combined.

    Attributes
    ----------
    places : array, shape (integration,), int64
        Their numbers in the stack, in the order of time.
    network : array
        Comparators that sort as many, from :func:`darkmask.search.maps.order.sorting_network`.
    """

    places: np.ndarray
    network: np.ndarray

    @classmethod
    def of(cls, places: Sequence[int]) -> "Chosen":
        """Choose some integrations."""
        return cls(np.array(places, np.int64), sorting_network(len(places)))


class Sorted(NamedTuple):
    """Values of every integration, each column in order, and the weights that went along.

    Attributes
    ----------
    values, weights : array, shape (integration + 2, x), float32
    ranks : array, shape (integration + 2,), int64
        The row that holds the first of each column, the second, and so on.
    finite : array, shape (x,), int32
        Finite values of each column; they come first.
    """

    values: np.ndarray
    weights: np.ndarray
    ranks: np.ndarray
    finite: np.ndarray


@kernel
def combine_rows(stacks: Maps, chosen: Chosen, groups, readout: Readout, out: CombinedRows, signs, start, every):
    """Combine stacks of the maps of integrations.

    Parameters
    ----------
    stacks : Maps
        Shapes (integration, more rows, N_MEASURED, x) and (integration, more rows, N_COUNTED, x).
    chosen : Chosen
    groups : int
        NGROUPS.
    readout : Readout
    out : CombinedRows
        Rows to set.
    signs : array, shape (2, integration, x), int32
        Array to add to: of the rates of each chosen integration in a column, how many more lie above their pixel's
        median rate than below; and the same of shapes.
    start, every : int
        Row of the frame that comes first; one row in so many adds to ``signs``.
    """
    measured, counted, places, network = stacks.measured, stacks.counted, chosen.places, chosen.network
    integrations, width = places.size, measured.shape[3]
    ordered = np.empty((integrations + 2, width), np.float32)
    loads = np.empty((integrations + 2, width), np.float32)
    ranks = np.empty(integrations + 2, np.int64)
    sums = np.empty((5, width), np.float64)
    totals = np.empty((2, width), np.int64)
    count = np.empty(width, np.int32)
    centre = np.empty(width, np.float32)
    by_rate = Sorted(ordered, loads, ranks, count)
    for r in range(out.rate.shape[0]):
        _count(counted, places, r, out)

        finite_first(measured, places, r, RATE, ordered, count)
        for i in range(integrations):
            weights = measured[places[i], r, WEIGHT]
            for x in range(width):
                loads[i, x] = weights[x]
        sort_columns_with(ordered, loads, network, ranks)
        middle(ordered, ranks, count, centre)
        if (start + r) % every == 0:
            _add_signs(measured, places, r, RATE, centre, signs[0])
        _clipped_mean(by_rate, centre, groups, readout, sums, out.rate[r], out.weight[r])
        scatter_about(ordered, ranks, centre, count, out.rate_scatter[r])

        finite_first(measured, places, r, SHAPE, ordered, count)
        sort_columns(ordered, network, ranks)
        middle(ordered, ranks, count, out.shape[r])
        if (start + r) % every == 0:
            _add_signs(measured, places, r, SHAPE, out.shape[r], signs[1])
        scatter_about(ordered, ranks, out.shape[r], count, out.shape_scatter[r])

        for place, image in (
            (PEDESTAL, out.pedestal), (FIRST, out.first), (CHANGE, out.change), (SCATTER, out.scatter),
        ):  # fmt: skip
            finite_first(measured, places, r, place, ordered, count)
            sort_columns(ordered, network, ranks)
            middle(ordered, ranks, count, image[r])

        _pool(stacks, places, r, totals, out.noise[r])


@kernel
def _add_signs(measured, places, row, kind, centre, signs):
    for i in range(places.size):
        value, sign = measured[places[i], row, kind], signs[i]
        for x in range(centre.size):
            sign[x] += (1 if value[x] > centre[x] else 0) - (1 if value[x] < centre[x] else 0)


@kernel
def _count(counted, places, row, out: CombinedRows):
    finite, saturated_first, saturated_last = out.finite[row], out.saturated_first[row], out.saturated_last[row]
    differences, jumps, falls = out.differences[row], out.jumps[row], out.falls[row]
    for x in range(finite.size):
        finite[x], saturated_first[x], saturated_last[x], differences[x], jumps[x], falls[x] = 0, 0, 0, 0, 0, 0
    for i in places:
        one = counted[i, row]
        for x in range(finite.size):
            finite[x] += 1 if one[MARKS, x] & HAS_RATE else 0
            saturated_first[x] += 1 if one[MARKS, x] & FIRST_SATURATED else 0
            saturated_last[x] += 1 if one[MARKS, x] & LAST_SATURATED else 0
            differences[x] += one[DIFFERENCES, x]
            jumps[x] += one[JUMPS, x]
            falls[x] += one[FALLS, x]


@kernel
def _clipped_mean(columns: Sorted, centre, groups, readout: Readout, sums, mean, weight):
    """Set the weighted mean of each column without the values that lie too far from its ``centre``."""
    ranks, count, tgroup = columns.ranks, columns.finite, readout.tgroup
    total, products, everything, kept, shot = sums[0], sums[1], sums[2], sums[3], sums[4]
    # An integration's variance is in units of tgroup**2 * weight, so that nothing is divided.
    reading = 12.0 * readout.read_variance * CLIP_SIGMA**2
    shot_scale = CLIP_SIGMA**2 * SLOPE_SHOT * tgroup / (readout.gain * max(groups - 1, 1))
    for x in range(mean.size):
        total[x], products[x], everything[x], kept[x] = 0.0, 0.0, 0.0, 0.0
        shot[x] = shot_scale * max(np.float64(centre[x]), 0.0)
    for k in range(ranks.size - 2):
        value, load = columns.values[ranks[k]], columns.weights[ranks[k]]
        for x in range(mean.size):
            here = k < count[x]
            w = np.float64(load[x]) if here else 0.0
            v = np.float64(value[x]) if here else 0.0
            deviation = (v - centre[x]) * tgroup
            keep = here & (w > 0) & (deviation * deviation * w <= reading + shot[x] * w)
            everything[x] += w
            total[x] += w if keep else 0.0
            products[x] += w * v if keep else 0.0
            kept[x] += 1.0 if keep else 0.0
    for x in range(mean.size):
        steady = (kept[x] > 0) & (kept[x] >= LEAST_KEPT * count[x])
        mean[x] = products[x] / total[x] if steady else centre[x]
        weight[x] = total[x] if steady else MEDIAN_EFFICIENCY * everything[x]


@kernel
def _pool(stacks: Maps, places, row, totals, noise):
    """Set the standard deviation of a difference over all integrations; each mean costs a degree of freedom.

    Sums are in whole thousandths, so that their order does not matter.
    """
    total, freedom = totals[0], totals[1]
    for x in range(noise.size):
        total[x], freedom[x] = 0, 0
    for i in places:
        squares, differences = stacks.measured[i, row, SQUARES], stacks.counted[i, row, DIFFERENCES]
        for x in range(noise.size):
            # The differences of a whole ramp of the largest signals sum to 1e12.
            known = squares[x] < LARGEST_SQUARES
            total[x] += np.int64(np.float64(squares[x] if known else np.float32(0)) * PARTS)
            freedom[x] += differences[x] - 1 if differences[x] > 1 else 0
    for x in range(noise.size):
        noise[x] = np.sqrt(total[x] / PARTS / freedom[x]) if freedom[x] > 0 else np.nan
