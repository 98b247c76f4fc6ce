"""Measure what changes from one integration to another, in the same pass that combines them.

The combined rate of a pixel says nothing of an integration that was left out of it. These maps say how far integrations
lie apart, in units of their own error, which of them are high, and where the rate goes with time. They are made from
the stack of a block of rows, so that memory does not grow with the number of integrations.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from darkmask.core.kernels import kernel
from darkmask.delivery.times import SECONDS_PER_DAY, epochs_of

from .layout import CHANGE, DEEPEST, DIFFERENCES, FIRST, HIGHEST, JUMPS, RATE, WEIGHT
from .pixel import Readout
from .scratch import Maps

# Significances are kept in hundredths of a sigma, up to the largest that 16 bits hold.
SIGMA_UNIT, HIGHEST_SIGMA = 0.01, 32_000.0
# Levels are kept in fifths of a DN, which is a twentieth of the noise of a read.
LEVEL_UNIT = 0.2
# Shot noise of the slope of a ramp over that of its end points (Robberto 2009).
SLOPE_SHOT = 1.2
# With fewer differences the noise of a pixel is known to 14 % and worse; then it counts as that of a good pixel at the
# least, or a noise that is too low by chance would make changes.
KNOWN_NOISE = 26
# A rate this many sigma from the pixel's own combined rate says no more of a trend: one hit rules no fit.
TREND_CLIP = 7.0


class ChangeRows(NamedTuple):
    """Some rows of the maps of change, shape (row, x).

    Attributes
    ----------
    largest, second, third : int16
        The three largest distances of an integration's rate from the combined rate, in ``SIGMA_UNIT`` of the
        integration's own error: read noise, as large as this pixel's own, and shot noise.
    highs, first_high, last_high : int16
        How many integrations lie in the upper half between the second smallest and the second largest rate, and the
        first and the last of them in the order of time.
    high, low : float32, DN/s
        Weighted mean rate of those, and of the others.
    early, late : float32, DN/s
        Weighted mean rate of the first and of the second half of the integrations in time, without the one that lies
        farthest off if it is the only one beyond ``TREND_CLIP``.
    trend : int16
        Slope of the rate against the logarithm of the time since the epoch began, in ``SIGMA_UNIT`` of its error.
    level, farthest_level : int16
        The second largest and the largest distance of an integration's first group from their median, in
        ``LEVEL_UNIT``.
    fall, rise : int16
        The deepest fall, and the rise that comes nearest to it in height, in ``HEIGHT_UNIT`` of the noise of a good
        pixel's difference.
    """

    largest: np.ndarray
    second: np.ndarray
    third: np.ndarray
    highs: np.ndarray
    first_high: np.ndarray
    last_high: np.ndarray
    high: np.ndarray
    low: np.ndarray
    early: np.ndarray
    late: np.ndarray
    trend: np.ndarray
    level: np.ndarray
    farthest_level: np.ndarray
    fall: np.ndarray
    rise: np.ndarray


_FLOATS = ("high", "low", "early", "late")


class Order(NamedTuple):
    """The order of integrations in time, for a kernel.

    Attributes
    ----------
    contrast : array, shape (integration,), float64
        Weights of the trend, which sum to 0 in each epoch; all 0 when the times are not known.
    half : int
        Number of the first integration of the second half.
    """

    contrast: np.ndarray
    half: int


class ChangeMaps(NamedTuple):
    """Maps of change, and the order in time that they go by.

    Attributes
    ----------
    rows : ChangeRows
        All rows.
    order : Order
    times : tuple of float
        Middle of each integration, MJD (UTC), increasing; empty when the headers do not say it. Then ``first_high`` and
        ``last_high``, ``early`` and ``late`` follow an order that means nothing, and ``trend`` is 0.
    epochs : tuple of int
        Epoch of each integration, from 0; without times all are of one.
    """

    rows: ChangeRows
    order: Order
    times: tuple[float, ...]
    epochs: tuple[int, ...]

    def part(self, where: Any) -> "ChangeMaps":
        """Return views of a part of every map."""
        return self._replace(rows=ChangeRows(*(image[where] for image in self.rows)))

    def with_rows(self, where: slice, other: "ChangeMaps") -> "ChangeMaps":
        """Return copies in which some rows are those of ``other``."""
        images = []
        for image, new in zip(self.rows, other.rows, strict=True):
            changed = image.copy()
            changed[where] = new
            images.append(changed)
        return self._replace(rows=ChangeRows(*images))


def make_change_maps(shape: tuple[int, int], times: Sequence[float] | None, integrations: int) -> ChangeMaps:
    """Make empty maps of change for integrations in the order of their ``times``, or of none that is known."""
    known = () if times is None else tuple(float(time) for time in times)
    epochs = tuple(epochs_of(known).tolist()) if known else (0,) * integrations
    rows = ChangeRows(*(np.zeros(shape, np.float32 if name in _FLOATS else np.int16) for name in ChangeRows._fields))
    return ChangeMaps(rows, Order(_contrast(known, epochs, integrations), integrations // 2), known, epochs)


def _contrast(times: Sequence[float], epochs: Sequence[int], integrations: int) -> np.ndarray:
    """Return weights for a slope against the logarithm of the time since half an integration before the epoch."""
    contrast = np.zeros(integrations)
    if len(times) < 3:
        return contrast
    moments, epoch = np.asarray(times), np.asarray(epochs)
    # Times are of the middles of integrations: the first began half a step earlier.
    step = float(np.median(np.diff(moments)))
    for number in np.unique(epoch):
        here = epoch == number
        if here.sum() > 1:
            logarithm = np.log(moments[here] - moments[here][0] + max(step, 1 / SECONDS_PER_DAY) / 2)
            contrast[here] = logarithm - logarithm.mean()
    return contrast


@kernel
def change_rows(stacks: Maps, groups, readout: Readout, order: Order, rate, noise, first, out: ChangeRows):
    """Set some rows of the maps of change from the stacks of all integrations.

    Parameters
    ----------
    stacks : Maps
        Shapes (integration, more rows, N_MEASURED, x) and (integration, more rows, N_COUNTED, x), in the order of time.
    groups : int
        NGROUPS.
    readout : Readout
    order : Order
    rate, noise, first : array, shape (row, x), float32
        The combined maps of those names.
    out : ChangeRows
        Rows to set.
    """
    integrations, width = stacks.measured.shape[0], rate.shape[1]
    room = np.empty((14, width), np.float64)
    rates, weights = np.empty((integrations, width), np.float32), np.empty((integrations, width), np.float32)
    freedom, flagged, centre = np.empty(width, np.int32), np.empty(width, np.uint8), np.empty(width, np.float32)
    for r in range(rate.shape[0]):
        _slopes(stacks, r, groups, readout.tgroup, rates, weights, freedom, flagged)
        _centres(rates, flagged, rate[r], centre)
        _own_errors(freedom, groups, readout, centre, noise[r], room)
        _distances(rates, weights, r, centre, room, out)
        _states(rates, weights, r, room, out)
        _trends(rates, weights, r, order, centre, room, out)
        _levels(stacks, r, first[r], room, out)
        _steps(stacks, r, out)


# Places in the room of a row: the variance of a rate of weight 1, of read noise, and that of shot noise; and what the
# functions below keep while integrations go by.
_READING, _SHOT, _ONE, _TWO, _THREE, _LOW, _LOWEST = 0, 1, 2, 3, 4, 5, 6
_SUMS = 7


@kernel
def _slopes(stacks: Maps, row, groups, tgroup, rates, weights, freedom, flagged):
    """Set the rate of each integration, DN/s, with its weight (0 for none), and the number of quiet differences.

    The jump step compares all groups of an exposure. When a pixel is hot in half of its integrations, nearly every
    difference of all of them is a jump, and the ramp fit has nothing left; the first and the last group still tell. They
    then tell of all integrations of the pixel, since a ramp that bends has another slope between them than a fit.
    """
    for x in range(freedom.size):
        freedom[x], flagged[x] = 0, 0
    for i in range(stacks.measured.shape[0]):
        counts = stacks.counted[i, row]
        for x in range(freedom.size):
            quiet, jumps = np.int32(counts[DIFFERENCES, x]), np.int32(counts[JUMPS, x])
            freedom[x] += quiet
            flagged[x] |= (2 * quiet < groups - 1) & (quiet + jumps == groups - 1)
    # A mean of differences is as precise as two reads that far apart.
    both_ends = np.float32(6.0 * (groups - 1) * (groups - 1))
    scale = np.float32(1 / ((groups - 1) * tgroup))
    for i in range(stacks.measured.shape[0]):
        one = stacks.measured[i, row]
        for x in range(freedom.size):
            value = one[CHANGE, x] * scale if flagged[x] else one[RATE, x]
            weight = both_ends if flagged[x] else one[WEIGHT, x]
            good = (abs(value) < np.float32(np.inf)) & (weight > 0)
            rates[i, x] = value if good else np.float32(0)
            weights[i, x] = weight if good else np.float32(0)


@kernel
def _centres(rates, flagged, rate, centre):
    """Set what rates lie off from: the combined rate, or the median of those between the ends of the ramps."""
    ordered = np.empty(rates.shape[0], np.float32)
    for x in range(rate.size):
        centre[x] = rate[x]
        if flagged[x]:
            for i in range(rates.shape[0]):
                ordered[i] = rates[i, x]
            ordered.sort()
            middle = rates.shape[0] // 2
            odd = rates.shape[0] % 2 == 1
            centre[x] = ordered[middle] if odd else np.float32(0.5) * (ordered[middle - 1] + ordered[middle])


@kernel
def _own_errors(freedom, groups, readout: Readout, rate, noise, room):
    """Set the variance of a rate of weight 1 by read noise, as large as this pixel's own, and that by shot noise."""
    shot_scale = SLOPE_SHOT / (readout.gain * readout.tgroup * max(groups - 1, 1))
    scale = 12.0 / (readout.tgroup * readout.tgroup)
    for x in range(rate.size):
        # Half the variance of a difference is that of a read.
        own = 0.5 * np.float64(noise[x]) * np.float64(noise[x])
        known = (own > 0) & ((freedom[x] >= KNOWN_NOISE) | (own > readout.read_variance))
        room[_READING, x] = scale * (own if known else readout.read_variance)
        room[_SHOT, x] = shot_scale * max(np.float64(rate[x]), 0.0)


@kernel
def _distances(rates, weights, row, rate, room, out: ChangeRows):
    """Set the largest distances from the combined rate, and keep the middle of second smallest and second largest."""
    reading, shot = room[_READING], room[_SHOT]
    one, two, three = room[_ONE], room[_TWO], room[_THREE]
    lowest, low, highest, high = room[_LOWEST], room[_LOW], room[_SUMS], room[_SUMS + 1]
    for x in range(rate.size):
        one[x], two[x], three[x] = 0.0, 0.0, 0.0
        lowest[x], low[x], highest[x], high[x] = np.inf, np.inf, -np.inf, -np.inf
    for i in range(rates.shape[0]):
        values, loads = rates[i], weights[i]
        for x in range(rate.size):
            value, weight = np.float64(values[x]), np.float64(loads[x])
            good = weight > 0
            deviation = value - rate[x] if good else 0.0
            # Squares are compared, so that roots are taken once a pixel.
            d = deviation * deviation * weight / (reading[x] + shot[x] * weight)
            a, b, c = one[x], two[x], three[x]
            one[x] = max(a, d)
            two[x] = max(b, min(a, d))
            three[x] = max(c, min(b, d))
            up, down = (value if good else -np.inf), (value if good else np.inf)
            high[x] = max(high[x], min(highest[x], up))
            highest[x] = max(highest[x], up)
            low[x] = min(low[x], max(lowest[x], down))
            lowest[x] = min(lowest[x], down)
    for x in range(rate.size):
        out.largest[row, x] = min(np.sqrt(one[x]) / SIGMA_UNIT, HIGHEST_SIGMA)
        out.second[row, x] = min(np.sqrt(two[x]) / SIGMA_UNIT, HIGHEST_SIGMA)
        out.third[row, x] = min(np.sqrt(three[x]) / SIGMA_UNIT, HIGHEST_SIGMA)
        room[_LOW, x] = 0.5 * (low[x] + high[x])


@kernel
def _states(rates, weights, row, room, out: ChangeRows):
    """Sort the integrations into a high and a low state, and set the rates of both."""
    middle = room[_LOW]
    high, high_weight, low, low_weight = room[_SUMS], room[_SUMS + 1], room[_SUMS + 2], room[_SUMS + 3]
    highs, firsts, lasts = out.highs[row], out.first_high[row], out.last_high[row]
    for x in range(middle.size):
        high[x], high_weight[x], low[x], low_weight[x] = 0.0, 0.0, 0.0, 0.0
        highs[x], firsts[x], lasts[x] = 0, -1, -1
    for i in range(rates.shape[0]):
        values, loads = rates[i], weights[i]
        for x in range(middle.size):
            weight = np.float64(loads[x])
            load = weight * values[x]
            up = (weight > 0) & (values[x] > middle[x])
            high[x] += load if up else 0.0
            high_weight[x] += weight if up else 0.0
            low[x] += 0.0 if up else load
            low_weight[x] += 0.0 if up else weight
            highs[x] += 1 if up else 0
            firsts[x] = i if up and firsts[x] < 0 else firsts[x]
            lasts[x] = i if up else lasts[x]
    for x in range(middle.size):
        out.high[row, x] = high[x] / high_weight[x]
        out.low[row, x] = low[x] / low_weight[x]


@kernel
def _trends(rates, weights, row, order: Order, rate, room, out: ChangeRows):
    """Set the rates of both halves and the trend in the logarithm of time."""
    reading, shot = room[_READING], room[_SHOT]
    sums, weights_of = room[_SUMS : _SUMS + 2], room[_SUMS + 2 : _SUMS + 4]
    slope, variance, alone = room[_SUMS + 4], room[_SUMS + 5], room[_SUMS + 6]
    clip = TREND_CLIP * TREND_CLIP
    for x in range(rate.size):
        sums[0, x], sums[1, x], weights_of[0, x], weights_of[1, x] = 0.0, 0.0, 0.0, 0.0
        slope[x], variance[x] = 0.0, 0.0
        # Something hit the one integration that lies beyond the limit when no other does.
        alone[x] = 1.0 if room[_ONE, x] > clip and room[_TWO, x] <= clip else 0.0
    for i in range(rates.shape[0]):
        values, loads = rates[i], weights[i]
        half, contrast = (1 if i >= order.half else 0), order.contrast[i]
        for x in range(rate.size):
            good = loads[x] > 0
            weight = np.float64(loads[x]) if good else 1.0
            deviation = np.float64(values[x]) - rate[x] if good else 0.0
            own = reading[x] / weight + shot[x]
            beyond = deviation * deviation > clip * own
            kept = good & ~(beyond & (alone[x] > 0))
            sums[half, x] += weight * values[x] if kept else 0.0
            weights_of[half, x] += weight if kept else 0.0
            limit = TREND_CLIP * np.sqrt(own)
            slope[x] += contrast * min(max(deviation, -limit), limit) if kept else 0.0
            variance[x] += contrast * contrast * own if kept else 0.0
    for x in range(rate.size):
        out.early[row, x] = sums[0, x] / weights_of[0, x]
        out.late[row, x] = sums[1, x] / weights_of[1, x]
        significance = slope[x] / np.sqrt(variance[x]) / SIGMA_UNIT if variance[x] > 0 else 0.0
        out.trend[row, x] = min(max(significance, -HIGHEST_SIGMA), HIGHEST_SIGMA)


@kernel
def _levels(stacks: Maps, row, first, room, out: ChangeRows):
    largest, second = room[_ONE], room[_TWO]
    for x in range(first.size):
        largest[x], second[x] = 0.0, 0.0
    for i in range(stacks.measured.shape[0]):
        reads = stacks.measured[i, row, FIRST]
        for x in range(first.size):
            distance = abs(np.float64(reads[x]) - first[x])
            distance = distance if distance < np.inf else 0.0
            second[x] = max(second[x], min(largest[x], distance))
            largest[x] = max(largest[x], distance)
    for x in range(first.size):
        out.level[row, x] = min(second[x] / LEVEL_UNIT, HIGHEST_SIGMA)
        out.farthest_level[row, x] = min(largest[x] / LEVEL_UNIT, HIGHEST_SIGMA)


@kernel
def _steps(stacks: Maps, row, out: ChangeRows):
    """Set the deepest fall of all integrations, and the highest rise of one that comes nearest to it."""
    fall, rise = out.fall[row], out.rise[row]
    for x in range(fall.size):
        fall[x], rise[x] = 0, 0
    for i in range(stacks.counted.shape[0]):
        deepest = stacks.counted[i, row, DEEPEST]
        for x in range(fall.size):
            fall[x] = max(fall[x], deepest[x])
    for i in range(stacks.counted.shape[0]):
        highest = stacks.counted[i, row, HIGHEST]
        for x in range(fall.size):
            nearer = abs(np.int32(highest[x]) - fall[x]) < abs(np.int32(rise[x]) - fall[x])
            rise[x] = highest[x] if nearer else rise[x]
