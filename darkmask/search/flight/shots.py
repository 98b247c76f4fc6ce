"""How much the signal of a pixel makes its reads walk, from its own ramps."""

import numpy as np

from darkmask.core.kernels import kernel
from darkmask.core.statistics import MAD_TO_SIGMA

# A difference that lies so many sigma of a ramp's others off is a step; of 20 none does by chance.
_STEP = 5.0


@kernel
def shot_noise(ramps, first, varying, gain, shots):
    """Set the variance of a group difference by the shot noise of a pixel's signal.

    Parameters
    ----------
    ramps : array, shape (nint, ngroup), float32, DN
        NaN where a group is not usable. The slopes of a pixel whose rates vary are taken out of them.
    first : int
        Integrations before this one are done: those of a pixel whose rates vary are left as they are.
    varying : bool
        Whether each integration has a rate of its own. Otherwise all ramps together have one.
    gain : float, e-/DN
    shots : array, shape (nint,), float64, DN**2
        Is set.

    Notes
    -----
    The rate of a set is no measure of it: where a pixel switches in every group, the jump step cuts its ramps to
    pieces, whose slopes say little.
    """
    squares, products = 0.0, 0.0
    for j in range(first if varying else 0, len(ramps)):
        in_squares, in_products = _line(ramps[j])
        if varying:
            slope = in_products / in_squares if in_squares > 0 else 0.0
            shots[j] = max(slope, 0.0) / gain
            for g in range(ramps.shape[1]):
                ramps[j, g] -= slope * g
        squares += in_squares
        products += in_products
    if not varying:
        shots[: len(ramps)] = max(products / squares, 0.0) / gain if squares > 0 else 0.0


@kernel
def _line(ramp):
    """Return the sums that the slope of the line that fits a ramp best is the quotient of: of squares, of products.

    The line is broken where the ramp steps by far more than it usually does: a hit, or a switch, is no slope.
    """
    usual, most = _usual_step(ramp)
    pieces = np.zeros((ramp.size, 5))  # of each: reads, sums of times, values, squared times, products
    piece, before = 0, np.nan
    for g in range(ramp.size):
        if np.isfinite(ramp[g]):
            value = np.float64(ramp[g])
            if abs(value - before - usual) > most:  # false at first, when it is NaN
                piece += 1
            before = value
            one = pieces[piece]
            one[0] += 1
            one[1] += g
            one[2] += value
            one[3] += g * g
            one[4] += g * value
    squares, products = 0.0, 0.0
    for k in range(piece + 1):
        one = pieces[k]
        if one[0] > 0:
            squares += one[3] - one[1] * one[1] / one[0]
            products += one[4] - one[1] * one[2] / one[0]
    return squares, products


@kernel
def _usual_step(ramp):
    """Return the median difference of a ramp, and how far from it a difference is a step."""
    steps, count = np.empty(ramp.size), 0
    for g in range(1, ramp.size):
        step = np.float64(ramp[g]) - np.float64(ramp[g - 1])
        if np.isfinite(step):
            steps[count] = step
            count += 1
    if count == 0:
        return 0.0, np.inf
    usual = np.median(steps[:count])
    return usual, _STEP * MAD_TO_SIGMA * np.median(np.abs(steps[:count] - usual))
