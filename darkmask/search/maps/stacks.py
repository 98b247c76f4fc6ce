"""Combine a stack of the maps of all integrations, row by row."""

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
    MARKS,
    PEDESTAL,
    RATE,
    SCATTER,
    SHAPE,
    SQUARES,
    WEIGHT,
)
from .order import finite_first, middle, scatter_about, sort_columns, sort_columns_with

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


@kernel
def combine_rows(
    measured, counted, network, tgroup, read_variance, gain, groups,
    rate, weight, rate_scatter, finite, pedestal, saturated_first, first, change, shape, shape_scatter, noise,
    differences, scatter, jumps, falls,
):  # fmt: skip
    """Combine stacks of shape (integration, row, map, x) into the rows of each combined map, in its order."""
    integrations, _, _, width = measured.shape
    ordered = np.empty((integrations + 2, width), np.float32)
    loads = np.empty((integrations + 2, width), np.float32)
    ranks = np.empty(integrations + 2, np.int64)
    sums = np.empty((5, width), np.float64)
    totals = np.empty((2, width), np.int64)
    count = np.empty(width, np.int32)
    centre = np.empty(width, np.float32)
    for r in range(rate.shape[0]):
        _count(counted, r, finite[r], saturated_first[r], differences[r], jumps[r], falls[r])

        finite_first(measured, r, RATE, ordered, count)
        for i in range(integrations):
            weights = measured[i, r, WEIGHT]
            for x in range(width):
                loads[i, x] = weights[x]
        sort_columns_with(ordered, loads, network, ranks)
        middle(ordered, ranks, count, centre)
        _clipped_mean(
            ordered, loads, ranks, count, centre, tgroup, read_variance, gain, groups, sums, rate[r], weight[r]
        )
        scatter_about(ordered, ranks, centre, count, network, rate_scatter[r])

        finite_first(measured, r, SHAPE, ordered, count)
        sort_columns(ordered, network, ranks)
        middle(ordered, ranks, count, shape[r])
        scatter_about(ordered, ranks, shape[r], count, network, shape_scatter[r])

        for place, out in ((PEDESTAL, pedestal), (FIRST, first), (CHANGE, change), (SCATTER, scatter)):
            finite_first(measured, r, place, ordered, count)
            sort_columns(ordered, network, ranks)
            middle(ordered, ranks, count, out[r])

        _pool(measured, counted, r, totals, noise[r])


@kernel
def _count(counted, row, finite, saturated_first, differences, jumps, falls):
    for x in range(finite.size):
        finite[x], saturated_first[x], differences[x], jumps[x], falls[x] = 0, 0, 0, 0, 0
    for i in range(counted.shape[0]):
        one = counted[i, row]
        for x in range(finite.size):
            finite[x] += 1 if one[MARKS, x] & HAS_RATE else 0
            saturated_first[x] += 1 if one[MARKS, x] & FIRST_SATURATED else 0
            differences[x] += one[DIFFERENCES, x]
            jumps[x] += one[JUMPS, x]
            falls[x] += one[FALLS, x]


@kernel
def _clipped_mean(
    ordered, weights, ranks, count, centre, tgroup, read_variance, gain, groups, sums, mean, weight
):  # fmt: skip
    """Set the weighted mean of each sorted column without the values that lie too far from its ``centre``."""
    total, products, everything, kept, shot = sums[0], sums[1], sums[2], sums[3], sums[4]
    # An integration's variance is in units of tgroup**2 * weight, so that nothing is divided.
    reading = 12.0 * read_variance * CLIP_SIGMA**2
    shot_scale = CLIP_SIGMA**2 * SLOPE_SHOT * tgroup / (gain * max(groups - 1, 1))
    for x in range(mean.size):
        total[x], products[x], everything[x], kept[x] = 0.0, 0.0, 0.0, 0.0
        shot[x] = shot_scale * max(np.float64(centre[x]), 0.0)
    for k in range(ranks.size - 2):
        value, load = ordered[ranks[k]], weights[ranks[k]]
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
def _pool(measured, counted, row, totals, noise):
    """Set the standard deviation of a difference over all integrations; each mean costs a degree of freedom.

    Sums are in whole thousandths, so that their order does not matter.
    """
    total, freedom = totals[0], totals[1]
    for x in range(noise.size):
        total[x], freedom[x] = 0, 0
    for i in range(measured.shape[0]):
        squares, differences = measured[i, row, SQUARES], counted[i, row, DIFFERENCES]
        for x in range(noise.size):
            # The differences of a whole ramp of the largest signals sum to 1e12.
            known = squares[x] < LARGEST_SQUARES
            total[x] += np.int64(np.float64(squares[x] if known else np.float32(0)) * PARTS)
            freedom[x] += differences[x] - 1 if differences[x] > 1 else 0
    for x in range(noise.size):
        noise[x] = np.sqrt(total[x] / PARTS / freedom[x]) if freedom[x] > 0 else np.nan
