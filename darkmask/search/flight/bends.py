"""Tell how much a ramp must bend to be that of an rc pixel."""

from typing import Any

import numpy as np

from darkmask.search.maps.layout import SHAPE_FRACTION
from darkmask.search.maps.stacks import MEDIAN_EFFICIENCY

from .corrected import CorrectedAmplifier, quarter
from .coupling import COUPLING_TOLERANCE
from .noises import median_error

# The shortest time constant of an rc pixel, s. It is the pixel's own: of long groups, it ends in the first. Of groups
# shorter than those of a full frame it counts as so many of these.
SHORTEST_CONSTANT, SHORTEST_IN_GROUPS = 16.2, 1.5
# The scatter of all differences, jumps included, would bend a ramp by some amount. An rc ramp bends by more of its own
# sigma, and by most of the bend of an exponential at that scatter. A ramp that switches between two levels does not.
BEND_SIGNIFICANCE, BEND_SHARE = 3.5, 0.65


def exponential_bend(groups: int, tgroup: float) -> float:
    """Return the early minus late group difference of an exponential ramp, in units of the scatter of its differences.

    Parameters
    ----------
    groups : int
    tgroup : float
        Group time, s.

    Returns
    -------
    float
        The value for ``SHORTEST_CONSTANT``; longer time constants bend by more.
    """
    steps = np.exp(-np.arange(groups - 1) / min(SHORTEST_CONSTANT / tgroup, SHORTEST_IN_GROUPS))
    end = quarter(groups)
    return float((steps[:end].mean() - steps[-end:].mean()) / steps.std(ddof=1))


def bend_limit(of: CorrectedAmplifier, sigma: float, quiet: np.ndarray, loud: np.ndarray, at: Any) -> np.ndarray:
    """Return by how much ramps of an amplifier must bend beyond the usual, to either side.

    Parameters
    ----------
    of : CorrectedAmplifier
        Its lines are found, and its noise is measured.
    sigma : float
        Scatter of the bends of its good pixels, DN.
    quiet, loud : numpy.ndarray, float32
        Noise of the differences without jumps, and with them, in units of the expected noise, of some pixels.
    at : index of an image
        These pixels.

    Returns
    -------
    numpy.ndarray, DN
        Of the same shape as ``quiet``; no less than ``shape_significance`` of ``sigma``.
    """
    signal, fewer = of.signal[at], _fewer(of, at)
    # The shot noise of a pixel's own signal changes the shape of its ramp; the shape compares two quarters' mean
    # differences.
    shot = np.float32(2 / MEDIAN_EFFICIENCY / (quarter(of.groups) * of.integrations * of.detector.gain)) * signal
    # One error is a good pixel's scatter with this pixel's noise and shot noise. The other is the actual scatter of
    # its integrations, since a telegraph pixel bends this way and that, and an rc pixel always the same way.
    own = median_error(of.maps.shape_scatter[at], of.integrations)
    error = np.fmax(np.sqrt((np.float32(sigma) * quiet * fewer) ** 2 + shot * fewer), own)
    error = np.fmax(error, of.of_column(of.columns.shape_error, at))
    limit = np.float32(of.parameters.shape_significance) * error
    # The bend of an rc ramp makes up most of its scatter, and is still several sigma of what such a scatter would
    # cause.
    limit = np.fmax(limit, np.float32(BEND_SIGNIFICANCE * sigma) * loud)
    own_scatter = np.sqrt((of.noise_of_good**2 + signal / of.detector.gain) * (loud**2 - 1))
    limit = np.fmax(limit, np.float32(BEND_SHARE * exponential_bend(of.groups, of.tgroup)) * own_scatter)
    # Part of the bend of a neighbour's ramp may remain, and a bright linear pixel whose ramp bends by a few per
    # cent is hot and not rc.
    return limit + np.float32(COUPLING_TOLERANCE) * np.abs(of.coupled_shape[at])


def _fewer(of: CorrectedAmplifier, at: Any) -> np.ndarray:
    """Return how many times fewer differences each end of a ramp is measured from than of a good pixel, at least 1.

    Beside a pixel that fills its well the saturation step ends the ramp. The mean of some differences that follow one
    another is known by the two reads at its ends, so that its error grows as they become fewer.
    """
    maps = of.maps
    ramps = np.fmax(of.integrations - maps.saturated_first[at], 1)
    own = np.fmax(((maps.differences[at] + maps.jumps[at]) / ramps * SHAPE_FRACTION).astype(np.int32), 1)
    fewer: np.ndarray = np.fmax(np.float32(quarter(of.groups)) / own.astype(np.float32), 1)
    return fewer
