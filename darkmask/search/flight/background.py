"""Measure what the good pixels of an amplifier have in common: large-scale dark, and the settling after a reset.

Neither makes a pixel bad. Both move rates, and are taken off before a pixel is compared with the others.
"""

from typing import NamedTuple

import numpy as np

from .robust import population

# Boxes along an image, at most: a glow that fades over a sixteenth of it is followed. Each counts so many pixels along
# its sides: no clump of bad pixels takes up half of them, and their median is good to a twelfth of a pixel's sigma, to
# which it adds 0.3 %.
_BOXES, _SIDE = 32, 16
# Good pixels that a box needs.
_FEWEST = 32
# So many pixels, every so manieth row of them, tell how rates go with the shape of ramps.
_PIXELS_OF_SETTLING = 16_384
# The rates of single pixels follow their shapes when the regression is so many sigma from none.
_SETTLING_SIGNIFICANCE = 5.0
# Groups. What settles faster shows in the first read alone, whatever its constant; what settles more slowly bends the
# whole ramp.
TIME_CONSTANTS = np.geomspace(0.2, 5.0, 64)


class Settling(NamedTuple):
    """How the level that settles after a reset moves rates in an amplifier.

    Attributes
    ----------
    common : float
        What it adds to the rate of every pixel, in the unit of the rate.
    share : float
        What the shape of a pixel, less that of the others, adds to its rate: rate per DN/group.
    ends : float
        What it adds to a rate that is the mean of group differences, where the pipeline fits no line.
    """

    common: float
    share: float
    ends: float


def smooth(image: np.ndarray, good: np.ndarray, every: int = 1) -> np.ndarray:
    """Return the large-scale part of an image: medians in boxes, with straight lines between their centres.

    Parameters
    ----------
    image : numpy.ndarray, shape (y, x), float32
    good : numpy.ndarray, shape (y, x), bool
        Pixels that count.
    every : int
        The image has one row in so many of the frame.

    Returns
    -------
    numpy.ndarray, shape (y, x), float32
        A box with few good pixels takes the median of the others; NaN when there is none.
    """
    step = max(1, len(image) * every // (_BOXES * _SIDE))
    # A box spans as many rows of the frame as columns, and where rows are missing it takes more of its columns.
    step_y = max(1, step // every)
    step_x = max(1, step * step // (every * step_y))
    some = np.s_[::step_y, ::step_x]
    thinned = np.where(good[some], image[some], np.nan)
    sides = max(1, _SIDE * step // (every * step_y)), max(1, _SIDE * step // step_x)
    rows, columns = (max(1, size // side) for size, side in zip(thinned.shape, sides, strict=True))
    height, width = (min(size, side) for size, side in zip(thinned.shape, sides, strict=True))
    boxes = thinned[: rows * height, : columns * width].reshape(rows, height, columns, width)
    ordered = np.sort(boxes.swapaxes(1, 2).reshape(rows, columns, -1), axis=2)  # NaN comes last
    number = np.isfinite(ordered).sum(axis=2)
    level = np.take_along_axis(ordered, (np.maximum(number - 1, 0) // 2)[..., None], axis=2)[..., 0].astype(np.float64)
    known = number >= _FEWEST
    level[~known] = np.median(level[known]) if known.any() else np.nan
    y, x = (
        (np.arange(n) + 0.5) * apart * side - 0.5
        for n, apart, side in ((rows, step_y, height), (columns, step_x, width))
    )
    along = np.array([np.interp(np.arange(image.shape[1]), x, row) for row in level]).astype(np.float32)
    place = np.interp(np.arange(len(image)), y, np.arange(rows))
    before = np.minimum(place.astype(int), max(rows - 2, 0))
    part = (place - before).astype(np.float32)[:, None]
    smoothed: np.ndarray = along[before] * (1 - part) + along[np.minimum(before + 1, rows - 1)] * part
    return smoothed


def measure_settling(
    rate: np.ndarray, change: np.ndarray, shape: np.ndarray, good: np.ndarray, groups: int, share: int
) -> Settling:
    """Return how settling after a reset moves the rates of an amplifier's good pixels.

    The level is taken to settle as an exponential. It bends all ramps by so much, and moves a line through their reads
    by another amount than it moves their ends: these two give its amplitude and its time constant, and so what it adds
    to a rate. A pixel that settles by more than the others bends by more, and its rate follows: by how much is the
    regression of rates on shapes. Read noise gives none: in its group differences, a slope is even about the middle of
    a ramp and the shape odd.

    Parameters
    ----------
    rate : numpy.ndarray, shape (y, x), float32, DN/group
    change : numpy.ndarray, shape (y, x), float32, DN
        Last minus first group.
    shape : numpy.ndarray, shape (y, x), float32, DN/group
        Mean early minus mean late group difference.
    good : numpy.ndarray, shape (y, x), bool
    groups : int
        Groups of a ramp.
    share : int
        Group differences at each end that the shape is measured from.

    Returns
    -------
    Settling
        Zeros when there is nothing to measure from.
    """
    step = max(1, rate.size // _PIXELS_OF_SETTLING)
    here = good[::step] & np.isfinite(rate[::step] + shape[::step] + change[::step])
    slopes, bends, changes = (image[::step][here].astype(np.float64) for image in (rate, shape, change))
    (centre, scatter), (middle, spread), (moved, _) = population(slopes), population(bends), population(changes)
    if not (spread > 0 and scatter > 0):
        return Settling(0.0, 0.0, 0.0)
    kept = (np.abs(bends - middle) < 3 * spread) & (np.abs(slopes - centre) < 3 * scatter)
    bends, slopes = bends[kept] - middle, slopes[kept] - centre
    squares = max(float((bends * bends).sum()), np.finfo(float).tiny)
    along = float((bends * slopes).sum()) / squares
    known = along * np.sqrt(squares) > _SETTLING_SIGNIFICANCE * scatter
    beyond = moved / (groups - 1) - centre
    # Low-frequency noise bends the few ramps of a short set as well. What settles adds to dark current, which is none
    # below zero: no more is taken off than good pixels have.
    common = min(_of_exponential(middle * share, beyond, groups, share), max(centre, 0.0))
    return Settling(common, along if known else 0.0, common + beyond)


def _of_exponential(bend: float, beyond: float, groups: int, share: int) -> float:
    """Return what an exponential adds to the slope of a line, DN/group.

    Parameters
    ----------
    bend : float
        Sum of the ``share`` first differences, less that of the last, DN.
    beyond : float
        Slope of the line between first and last read, less that of the line through all reads, DN/group.
    """
    group = np.arange(groups)
    level = -np.exp(-group / TIME_CONSTANTS[:, None])
    weights = (group - group.mean()) / ((group - group.mean()) ** 2).sum()
    steps = np.diff(level, axis=1)
    bends = steps[:, :share].sum(axis=1) - steps[:, -share:].sum(axis=1)
    lines = (level * weights).sum(axis=1)
    # For one bend, what is seen beyond the line falls with the time constant; the nearest constant is taken.
    nearest = int(np.argmin(np.abs((steps.mean(axis=1) - lines) / bends * bend - beyond)))
    return float(lines[nearest] / bends[nearest] * bend)
