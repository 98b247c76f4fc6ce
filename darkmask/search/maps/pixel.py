"""Make the maps of one integration of one pixel that has unusable groups."""

from typing import NamedTuple

import numpy as np

from darkmask.core.kernels import kernel

from .layout import (  # fmt: skip
    CHANGE,
    DEEPEST,
    DIFFERENCES,
    DO_NOT_USE,
    FALL_SIGMA,
    FALLS,
    FIRST,
    FIRST_SATURATED,
    HAS_RATE,
    HEIGHT_UNIT,
    HIGHEST,
    HIGHEST_HEIGHT,
    JUMP_DET,
    JUMPS,
    LAST_SATURATED,
    MARKS,
    RATE,
    SATURATED,
    SCATTER,
    SHAPE,
    SHAPE_FRACTION,
    SQUARES,
    WEIGHT,
)


class Readout(NamedTuple):
    """What a measurement must know of a detector and of how it was read.

    Attributes
    ----------
    tgroup : float
        Group time, s.
    read_variance : float
        Variance of a group, DN**2: of a read, over the frames that a group averages.
    gain : float
        e-/DN.
    own_saturation_level : float
        Level in DN; see :func:`usable_groups`.
    """

    tgroup: float
    read_variance: float
    gain: float
    own_saturation_level: float


@kernel
def usable_groups(ramp, groupdq, own_saturation_level, usable):
    """Set which groups of a pixel tell something of it.

    Parameters
    ----------
    ramp : array, shape (ngroup,), float, DN
    groupdq : array, shape (ngroup,), uint8
    own_saturation_level : float
        DN below which a SATURATED flag in group 0 counts as one that the saturation step grew from a neighbour: such a
        ramp is measured like any other.
    usable : array, shape (ngroup,), bool
        Array to set.
    """
    # A pixel flagged from the start at a low level stands beside one that is saturated all along: its ramp is its own.
    # Beside a pixel that saturates part-way, the coupled signal of the neighbour ends there, and so does the
    # measurement.
    grown = (groupdq[0] & SATURATED) != 0 and ramp[0] < own_saturation_level
    for g in range(ramp.size):
        flagged = (groupdq[g] & SATURATED) != 0 and not grown
        usable[g] = not flagged and (groupdq[g] & DO_NOT_USE) == 0 and abs(ramp[g]) < np.inf


@kernel
def deepest_step(slope, readout: Readout):
    """Return the group difference below which it is a fall."""
    return slope - FALL_SIGMA * np.sqrt(2 * readout.read_variance + max(slope, 0.0) / readout.gain)


@kernel
def height_of_step(height, slope, readout: Readout):
    """Return how far a group difference lies from the slope, in units of ``HEIGHT_UNIT`` of its expected noise."""
    sigma = np.sqrt(2 * readout.read_variance + max(slope, 0.0) / readout.gain)
    return min(height / (HEIGHT_UNIT * sigma), HIGHEST_HEIGHT)


@kernel
def step_of_height(units, slope, readout: Readout):
    """Return the group difference, DN, whose height above the slope is so many units."""
    return slope + units * HEIGHT_UNIT * np.sqrt(2 * readout.read_variance + max(slope, 0.0) / readout.gain)


@kernel
def measure_pixel(ramp, groupdq, usable, rate, readout: Readout, measured, counted):
    """Measure one integration of one pixel, in float64.

    Parameters
    ----------
    ramp : array, shape (ngroup,), float32, DN
    groupdq : array, shape (ngroup,), uint8
    usable : array, shape (ngroup,), bool
        Groups from :func:`usable_groups`.
    rate : float
        The pipeline's rate, DN/s.
    readout : Readout
    measured : array, shape (N_MEASURED,), float32
        Array to set, except for PEDESTAL.
    counted : array, shape (N_COUNTED,), int16
        Array to set.
    """
    groups = ramp.size
    total, quiet = 0, 0
    total_sum, quiet_sum = 0.0, 0.0
    run, weight, jumps = 0, 0.0, 0
    for g in range(groups):
        jump = (groupdq[g] & JUMP_DET) != 0
        jumps += jump and g > 0
        if not usable[g]:
            weight += run * (run * run - 1.0)
            run = 0
            continue
        if jump:
            weight += run * (run * run - 1.0)
            run = 0
        run += 1
        if g > 0 and usable[g - 1]:
            step = np.float64(ramp[g]) - ramp[g - 1]
            total += 1
            total_sum += step
            if not jump:
                quiet += 1
                quiet_sum += step
    weight += run * (run * run - 1.0)

    slope = quiet_sum / quiet if quiet > 0 else np.nan
    mean = total_sum / total if total > 0 else np.nan
    share = max(int(total * SHAPE_FRACTION), 1)
    early, late, quiet_squares, total_squares = 0.0, 0.0, 0.0, 0.0
    rank, falls = 0, 0
    below, above = 0.0, 0.0
    has_rate = abs(rate) < np.inf
    expected = rate * readout.tgroup if has_rate else slope
    deepest = deepest_step(expected, readout)
    # Where every difference is flagged nothing is expected, and heights are counted from nothing.
    known = abs(expected) < np.inf
    expected = expected if known else 0.0
    for g in range(1, groups):
        if not (usable[g] and usable[g - 1]):
            continue
        step = np.float64(ramp[g]) - ramp[g - 1]
        if rank < share:
            early += step
        if rank >= total - share:
            late += step
        rank += 1
        total_squares += (step - mean) ** 2
        if (groupdq[g] & JUMP_DET) == 0:
            quiet_squares += (step - slope) ** 2
        else:
            falls += step < deepest
            if expected - step > below:
                below = expected - step
            elif step - expected > above:
                above = step - expected

    if has_rate:
        measured[RATE] = rate
        measured[WEIGHT] = max(weight, 1.0)
    else:
        # The pipeline gives no rate when every group has a saturation flag, even one grown from a neighbour, although
        # the ramp of such a neighbour is alive. A mean of differences is as precise as two reads that far apart.
        measured[RATE] = slope / readout.tgroup
        measured[WEIGHT] = 6.0 * quiet * quiet
    measured[FIRST] = ramp[0]
    measured[CHANGE] = total_sum
    measured[SHAPE] = (early - late) / share if total >= 2 else np.nan
    measured[SCATTER] = np.sqrt(total_squares / (total - 1)) if total >= 2 else np.nan
    measured[SQUARES] = quiet_squares
    counted[DIFFERENCES] = quiet
    counted[JUMPS] = jumps
    counted[FALLS] = falls
    counted[DEEPEST] = height_of_step(below, expected, readout)
    counted[HIGHEST] = height_of_step(above, expected, readout)
    first_saturated = FIRST_SATURATED if (groupdq[0] & SATURATED) != 0 else 0
    # Where the flag was grown from a neighbour, the level is a few per cent of a well.
    full = (groupdq[groups - 1] & SATURATED) != 0 and ramp[groups - 1] >= readout.own_saturation_level
    counted[MARKS] = first_saturated + (HAS_RATE if has_rate else 0) + (LAST_SATURATED if full else 0)
