"""Measure what changes from one integration to another, in the same pass that combines them.

The maps are made from the stack of a block of rows, so that memory does not grow with the number of integrations.
"""

import numpy as np

from darkmask.core.kernels import kernel

from .changes import (  # fmt: skip
    HIGHEST_SIGMA,
    LEVEL_UNIT,
    OWN_JUMP,
    PRECISION_UNIT,
    SIGMA_UNIT,
    SPREAD_CLIP,
    ChangeRows,
    Order,
)
from .layout import CHANGE, DEEPEST, DIFFERENCES, FIRST, HIGHEST, HIGHEST_HEIGHT, JUMPS, RATE, WEIGHT
from .pixel import HEIGHT_UNIT, Readout, step_of_height
from .scratch import Maps
from .stacks import SLOPE_SHOT, Chosen, CombinedRows

# With fewer differences the noise of a pixel is known to 14 % and worse; then it counts as that of a good pixel at the
# least, or a noise that is too low by chance would make changes.
KNOWN_NOISE = 26
# A rate this many sigma from the pixel's own combined rate says no more of a trend: one hit rules no fit.
TREND_CLIP = 7.0
# ... nor of a half, if the next one lies not half as far: of a change that lasts all are alike, and an afterglow that
# begins after a hit falls as 1/t.
_ALONE = 2.0
# Places in the room of a row: what rates lie off from; the variance of a rate of weight 1 by read noise, and that by
# shot noise; the height of a jump that no noise of the pixel makes; and what is kept while integrations go by.
_CENTRE, _READING, _SHOT, _OWN_JUMP, _ONE, _TWO, _THREE, _SUMS = range(8)
# Squares are added in whole parts, so that their order does not matter: float32 holds those of 2600 integrations.
_PARTS = 256.0
# The states are told apart in pixels whose second farthest rate lies so far off; others have one state.
_APART = 4.0


@kernel
def change_rows(
    stacks: Maps, chosen: Chosen, groups, readout: Readout, order: Order, combined: CombinedRows, out: ChangeRows
):
    """Set some rows of the maps of change from stacks of integrations.

    Parameters
    ----------
    stacks : Maps
        Shapes (integration, more rows, N_MEASURED, x) and (integration, more rows, N_COUNTED, x).
    chosen : Chosen
    groups : int
        NGROUPS.
    readout : Readout
    order : Order
    combined : CombinedRows
        The same rows of the combined maps.
    out : ChangeRows
        Rows to set.
    """
    places, width = chosen.places, combined.rate.shape[1]
    room = np.empty((12, width), np.float32)
    rates, weights, squares = np.empty((3, places.size, width), np.float32)
    flagged = np.empty(width, np.int16)
    for r in range(combined.rate.shape[0]):
        _slopes(stacks, places, r, groups, readout, rates, weights, flagged)
        _centres(rates, flagged, combined.rate[r], room[_CENTRE])
        _own_errors(combined.differences[r], groups, readout, combined.noise[r], room)
        _distances(rates, weights, squares, r, room, out)
        _spread(stacks, places, squares, r, room, out)
        _trends(rates, weights, squares, r, order, groups, room, out)
        _states(rates, weights, r, out)
        _levels(stacks, places, r, combined.first[r], room, out)
        _steps(stacks, places, r, room, out)


@kernel
def _slopes(stacks: Maps, places, row, groups, readout: Readout, rates, weights, flagged):
    """Set the rate of each integration, DN/s, with its weight (0 for none).

    The jump step compares all groups of an exposure. When a pixel is hot in half of its integrations, nearly every
    difference of all of them is a jump, and the ramp fit has nothing left; the first and the last group still tell.
    They then tell of all integrations of the pixel, since a ramp that bends has another slope between them than a fit.
    The highest rise is left out, which may be a hit: the neighbours of a restless pixel have its flags too, and their
    long ramps are hit as often as others. Where several of few flags may be hits, the pipeline's rate is right.
    """
    half, whole = np.int16((groups - 2) // 2), np.int16(groups - 1)
    for x in range(flagged.size):
        flagged[x] = 0
    for k in range(places.size):
        i = places[k]
        quiet, jumps = stacks.counted[i, row, DIFFERENCES], stacks.counted[i, row, JUMPS]
        given, loads = stacks.measured[i, row, RATE], stacks.measured[i, row, WEIGHT]
        rate, weight = rates[k], weights[k]
        for x in range(flagged.size):
            flagged[x] |= np.int16((quiet[x] <= half) & (quiet[x] + jumps[x] == whole))
        for x in range(flagged.size):
            good = (abs(given[x]) < np.float32(np.inf)) & (loads[x] > 0)
            rate[x] = given[x] if good else np.float32(0)
            weight[x] = loads[x] if good else np.float32(0)
    for x in range(flagged.size):
        if flagged[x]:
            for k in range(places.size):
                i = places[k]
                quiet, jumps = stacks.counted[i, row, DIFFERENCES], stacks.counted[i, row, JUMPS]
                if weights[k, x] > 0 and quiet[x] > half and jumps[x] > 1:
                    continue
                change, highest = stacks.measured[i, row, CHANGE, x], stacks.counted[i, row, HIGHEST, x]
                # A mean of differences is as precise as two reads that far apart; without one of them, as four.
                steps, precision = groups - 1, 6.0
                if highest > 0:
                    slope = np.float64(stacks.measured[i, row, RATE, x]) * readout.tgroup
                    # See :func:`.pixel.measure_pixel`.
                    slope = slope if abs(slope) < np.inf else np.float64(0)
                    change -= step_of_height(highest, slope, readout)
                    steps, precision = groups - 2, 3.0
                rate = change / (steps * readout.tgroup)
                known = abs(rate) < np.inf and highest < HIGHEST_HEIGHT
                weights[k, x] = precision * steps * steps if known else 0.0
                rates[k, x] = rate if known else 0.0


@kernel
def _centres(rates, flagged, rate, centre):
    """Set what rates lie off from: the combined rate, or the median of those between the ends of the ramps."""
    for x in range(rate.size):
        centre[x] = rate[x]
    for x in range(rate.size):
        if flagged[x]:
            ordered = rates[:, x].copy()
            ordered.sort()
            middle = ordered.size // 2
            odd = ordered.size % 2 == 1
            centre[x] = ordered[middle] if odd else np.float32(0.5) * (ordered[middle - 1] + ordered[middle])


@kernel
def _own_errors(differences, groups, readout: Readout, noise, room):
    """Set the variance of a rate of weight 1 by this pixel's read noise and by shot noise, and the height of a jump."""
    centre, reading, shot, jump = room[_CENTRE], room[_READING], room[_SHOT], room[_OWN_JUMP]
    least = np.float32(OWN_JUMP / HEIGHT_UNIT)
    shot_scale = np.float32(SLOPE_SHOT / (readout.gain * readout.tgroup * max(groups - 1, 1)))
    scale, nominal = np.float32(12.0 / (readout.tgroup * readout.tgroup)), np.float32(readout.read_variance)
    for x in range(noise.size):
        # Half the variance of a difference is that of a read.
        own = np.float32(0.5) * noise[x] * noise[x]
        known = (own > 0) & ((differences[x] >= KNOWN_NOISE) | (own > nominal))
        reading[x] = scale * (own if known else nominal)
        jump[x] = least * np.sqrt(own / nominal if own > nominal else np.float32(1))
        shot[x] = shot_scale * (centre[x] if centre[x] > 0 else np.float32(0))


@kernel
def _distances(rates, weights, squares, row, room, out: ChangeRows):
    """Set the three largest distances from the centre; keep the squares of all, in units of the own variance."""
    centre, reading, shot = room[_CENTRE], room[_READING], room[_SHOT]
    one, two, three = room[_ONE], room[_TWO], room[_THREE]
    for x in range(centre.size):
        one[x], two[x], three[x] = 0, 0, 0
    for i in range(rates.shape[0]):
        rate, weight, square = rates[i], weights[i], squares[i]
        for x in range(centre.size):
            deviation, w = rate[x] - centre[x], weight[x]
            d = deviation * deviation * w / (reading[x] + shot[x] * w)
            d = d if d > 0 else np.float32(0)
            square[x] = d
            # Selections and no comparisons of numbers that may be NaN: they are one operation for a whole row.
            a, b, c = one[x], two[x], three[x]
            one[x] = d if d > a else a
            d = a if d > a else d
            two[x] = d if d > b else b
            d = b if d > b else d
            three[x] = d if d > c else c
    _keep_root(one, out.largest[row])
    _keep_root(two, out.second[row])
    _keep_root(three, out.third[row])


@kernel
def _spread(stacks: Maps, places, squares, row, room, out: ChangeRows):
    """Set the root mean square of the distances of integrations without a jump, but for the two farthest."""
    one, two, total, jump = room[_SUMS], room[_SUMS + 1], room[_SUMS + 2], np.int16(OWN_JUMP / HEIGHT_UNIT)
    most, parts = np.float32(SPREAD_CLIP * SPREAD_CLIP), np.float32(_PARTS)
    for x in range(total.size):
        one[x], two[x], total[x] = 0, 0, 0
    for k in range(places.size):
        i, square = places[k], squares[k]
        deepest, highest = stacks.counted[i, row, DEEPEST], stacks.counted[i, row, HIGHEST]
        for x in range(total.size):
            d = np.floor((square[x] if square[x] < most else most) * parts)
            d = np.float32(0) if (deepest[x] >= jump) | (highest[x] >= jump) else d
            total[x] += d
            a, b = one[x], two[x]
            one[x] = d if d > a else a
            d = a if d > a else d
            two[x] = d if d > b else b
    share = np.float32(1 / (_PARTS * max(squares.shape[0] - 2, 1)))
    for x in range(total.size):
        total[x] = (total[x] - one[x] - two[x]) * share
    _keep_root(total, out.spread[row])


@kernel
def _keep_root(squares, kept):
    scale, most = np.float32(1 / SIGMA_UNIT), np.float32(HIGHEST_SIGMA)
    for x in range(squares.size):
        value = np.sqrt(squares[x]) * scale
        kept[x] = np.int16(value if value < most else most)


@kernel
def _trends(rates, weights, squares, row, order: Order, groups, room, out: ChangeRows):
    """Set the rates of both halves, how well they are known, and the trend in the logarithm of time."""
    centre, reading, shot = room[_CENTRE], room[_READING], room[_SHOT]
    one, two = room[_ONE], room[_TWO]
    slope, variance = room[_SUMS], room[_SUMS + 1]
    total, load, inverse = room[_SUMS + 2], room[_SUMS + 3], room[_SUMS + 4]
    clip, sigma = np.float32(TREND_CLIP * TREND_CLIP), np.float32(TREND_CLIP)
    for x in range(centre.size):
        slope[x], variance[x], inverse[x] = 0, 0, 0
        # Something may have hit the one integration that lies beyond the limit when no other does, or none nearly as
        # far: no half counts it. The trend counts it as so many sigma, since the first exposure after light is alone
        # too.
        next_one = two[x] if two[x] > clip else clip
        alone = (one[x] > clip) & ((two[x] <= clip) | (one[x] > np.float32(_ALONE * _ALONE) * two[x]))
        one[x] = next_one if alone else np.float32(np.inf)
    for half in range(2):
        first, last = (0, order.half) if half == 0 else (order.half, rates.shape[0])
        for x in range(centre.size):
            total[x], load[x] = 0, 0
        for i in range(first, last):
            contrast = np.float32(order.contrast[i])
            rate, weight, square = rates[i], weights[i], squares[i]
            for x in range(centre.size):
                d, w = square[x], weight[x]
                kept = w if d <= one[x] else np.float32(0)
                total[x] += kept * rate[x]
                load[x] += kept
                clipped = sigma / np.sqrt(d) if d > clip else np.float32(1)
                share = contrast if w > 0 else np.float32(0)
                slope[x] += share * clipped * (rate[x] - centre[x])
                variance[x] += share * share * (reading[x] / (w if w > 0 else np.float32(1)) + shot[x])
        out_half = out.early[row] if half == 0 else out.late[row]
        for x in range(centre.size):
            out_half[x] = total[x] / load[x]
            inverse[x] += np.float32(1) / load[x] if load[x] > 0 else np.float32(np.inf)
    # The inverse weight of the difference when no group is lost.
    early, late = order.half, rates.shape[0] - order.half
    least = (1 / max(early, 1) + 1 / max(late, 1)) / (groups * (groups * groups - 1.0))
    for x in range(centre.size):
        out.precision[row, x] = np.int16(np.sqrt(np.float32(least) / inverse[x]) / np.float32(PRECISION_UNIT))
    trend = out.trend[row]
    scale, most = np.float32(1 / SIGMA_UNIT), np.float32(HIGHEST_SIGMA)
    for x in range(centre.size):
        value = scale * slope[x] / np.sqrt(variance[x]) if variance[x] > 0 else np.float32(0)
        value = value if value < most else most
        trend[x] = np.int16(value if value > -most else -most)


@kernel
def _states(rates, weights, row, out: ChangeRows):
    """Sort the integrations of pixels whose rates lie apart into a high and a low state, and set the rates of both."""
    limit = np.int16(_APART / SIGMA_UNIT)
    for x in range(rates.shape[1]):
        out.highs[row, x], out.first_high[row, x], out.last_high[row, x] = 0, -1, -1
        out.high[row, x] = out.low[row, x] = np.nan
    for x in range(rates.shape[1]):
        if out.second[row, x] < limit:
            continue
        lowest, low, highest, high = np.inf, np.inf, -np.inf, -np.inf
        for i in range(rates.shape[0]):
            if weights[i, x] > 0:
                value = rates[i, x]
                high = max(high, min(highest, value))
                highest = max(highest, value)
                low = min(low, max(lowest, value))
                lowest = min(lowest, value)
        middle = 0.5 * (low + high)
        above, above_weight, below, below_weight = 0.0, 0.0, 0.0, 0.0
        for i in range(rates.shape[0]):
            weight = np.float64(weights[i, x])
            if weight > 0 and rates[i, x] > middle:
                above += weight * rates[i, x]
                above_weight += weight
                out.highs[row, x] += 1
                if out.first_high[row, x] < 0:
                    out.first_high[row, x] = i
                out.last_high[row, x] = i
            else:
                below += weight * rates[i, x]
                below_weight += weight
        out.high[row, x] = above / above_weight
        out.low[row, x] = below / below_weight


@kernel
def _levels(stacks: Maps, places, row, first, room, out: ChangeRows):
    largest, second, third = room[_ONE], room[_TWO], room[_THREE]
    for x in range(first.size):
        largest[x], second[x], third[x] = 0, 0, 0
    for i in places:
        reads = stacks.measured[i, row, FIRST]
        for x in range(first.size):
            distance = abs(reads[x] - first[x])
            distance = distance if distance < np.float32(np.inf) else np.float32(0)
            a, b = largest[x], second[x]
            c = third[x]
            largest[x] = distance if distance > a else a
            distance = a if distance > a else distance
            second[x] = distance if distance > b else b
            distance = b if distance > b else distance
            third[x] = distance if distance > c else c
    scale, most = np.float32(1 / LEVEL_UNIT), np.float32(HIGHEST_SIGMA)
    level, farthest, other = out.level[row], out.farthest_level[row], out.third_level[row]
    for x in range(first.size):
        value, far, near = second[x] * scale, largest[x] * scale, third[x] * scale
        level[x] = np.int16(value if value < most else most)
        farthest[x] = np.int16(far if far < most else most)
        other[x] = np.int16(near if near < most else most)


@kernel
def _steps(stacks: Maps, places, row, room, out: ChangeRows):
    """Set the deepest fall of all integrations, the rise of one that comes nearest to it, and how many have a jump."""
    fall, rise, stepped = out.fall[row], out.rise[row], out.stepped[row]
    own = room[_OWN_JUMP]
    for x in range(fall.size):
        fall[x], rise[x], stepped[x] = 0, 0, 0
    for i in places:
        deepest, highest = stacks.counted[i, row, DEEPEST], stacks.counted[i, row, HIGHEST]
        for x in range(fall.size):
            fall[x] = deepest[x] if deepest[x] > fall[x] else fall[x]
            stepped[x] += 1 if (deepest[x] >= own[x]) | (highest[x] >= own[x]) else 0
    for x in range(fall.size):
        if fall[x] > 0:
            for i in places:
                height = stacks.counted[i, row, HIGHEST, x]
                if abs(np.int32(height) - fall[x]) < abs(np.int32(rise[x]) - fall[x]):
                    rise[x] = height
