"""Maps of what changes from one integration to another.

The combined rate of a pixel says nothing of an integration that was left out of it. These maps say how far integrations
lie apart, in units of their own error, which of them are high, and where the rate goes with time.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from darkmask.delivery.times import SECONDS_PER_DAY, epochs_of

# Significances are kept in hundredths of a sigma, up to the largest that 16 bits hold.
SIGMA_UNIT, HIGHEST_SIGMA = 0.01, 32_000.0
# Two integrations may have been hit, and are left out of what is said of all; a third one that was counts as no more
# sigma than this: of eight integrations or more it then makes less than twice the spread of good pixels.
SPREAD_CLIP = 5.0
# What the jump step flags lies four sigma off.
OWN_JUMP = 4.0
# Levels are kept in fifths of a DN, which is a twentieth of the noise of a read.
LEVEL_UNIT = 0.2
# Precisions are shares of the best, down to that of one pair of groups beside ramps of some thousand.
PRECISION_UNIT = 1 / 32_000


class ChangeRows(NamedTuple):
    """Some rows of the maps of change, shape (row, x).

    Attributes
    ----------
    largest, second, third : int16
        The three largest distances of an integration's rate from the combined rate, in ``SIGMA_UNIT`` of the
        integration's own error: read noise, as large as this pixel's own, and shot noise.
    spread : int16
        Root mean square of the distances of integrations without a jump of four sigma, but for the two farthest,
        in the same unit; none counts as more than ``SPREAD_CLIP``.
    highs, first_high, last_high : int16
        How many integrations lie in the upper half between the second smallest and the second largest rate, and the
        first and the last of them in the order of time; 0, -1 and -1 in a pixel whose rates do not lie apart.
    high, low : float32, DN/s
        Weighted mean rate of those, and of the others; NaN in a pixel whose rates do not lie apart.
    early, late : float32, DN/s
        Weighted mean rate of the first and of the second half of the integrations in time, without the one that lies
        farthest off if it is the only one beyond ``TREND_CLIP``, or lies twice as far as the next.
    precision : int16
        How well read noise lets the difference of these two be known, inverse of its error, in ``PRECISION_UNIT`` of
        that with all groups of all integrations: ramps of few groups weigh little.
    trend : int16
        Slope of the rate against the logarithm of the time since the epoch began, in ``SIGMA_UNIT`` of its error.
    level, farthest_level, third_level : int16
        The second largest, the largest and the third largest distance of an integration's first group from their
        median, in ``LEVEL_UNIT``.
    fall, rise : int16
        The deepest fall, and the rise that comes nearest to it in height, in ``HEIGHT_UNIT`` of the noise of a good
        pixel's difference.
    stepped : int16
        How many integrations have a jump of the pixel's own: a flagged difference that lies ``OWN_JUMP`` of that noise
        off the slope, or of its own noise where that is more. The jump step flags neighbours of a hit too, whose own
        differences are as quiet as ever.
    """

    largest: np.ndarray
    second: np.ndarray
    third: np.ndarray
    spread: np.ndarray
    highs: np.ndarray
    first_high: np.ndarray
    last_high: np.ndarray
    high: np.ndarray
    low: np.ndarray
    early: np.ndarray
    late: np.ndarray
    precision: np.ndarray
    trend: np.ndarray
    level: np.ndarray
    farthest_level: np.ndarray
    third_level: np.ndarray
    fall: np.ndarray
    rise: np.ndarray
    stepped: np.ndarray


_FLOATS = ("high", "low", "early", "late")
# What nearly all pixels have: those whose rates do not lie apart, and those without a jump.
RARE = {
    "highs": 0,
    "first_high": -1,
    "last_high": -1,
    "high": np.nan,
    "low": np.nan,
    "fall": 0,
    "rise": 0,
    "stepped": 0,
}


def type_of(name: str) -> type:
    """Return the type of a map of change."""
    return np.float32 if name in _FLOATS else np.int16


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
            changed = np.array(image)
            changed[where] = new
            images.append(changed)
        return self._replace(rows=ChangeRows(*images))


def make_change_maps(
    shape: tuple[int, int],
    times: np.ndarray | None,
    integrations: int,
    nothing: bool = False,
) -> ChangeMaps:
    """Make maps of change to be set, for integrations in the order of their ``times``, or of none that is known.

    Maps of ``nothing`` take no memory, are 0 everywhere, and are not to be set.
    """
    known = () if times is None else tuple(float(time) for time in times)
    epochs = tuple(epochs_of(known).tolist()) if known else (0,) * integrations
    types = map(type_of, ChangeRows._fields)
    if nothing:
        rows = ChangeRows(*(np.broadcast_to(dtype(0), shape) for dtype in types))
    else:
        rows = ChangeRows(*(np.empty(shape, dtype) for dtype in types))
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
