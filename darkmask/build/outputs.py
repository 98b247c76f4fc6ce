"""Measure what all pixels of an output do as one: the levels of its resets, and patterns of its columns and rows.

A search takes off what pixels share, so that neither changes a mask; both tell that reference pixels were not used.
"""

from collections.abc import Sequence

import numpy as np

from darkmask.core.evenly import even_rows
from darkmask.core.statistics import median_of_finite
from darkmask.delivery import OpenSet
from darkmask.search.request import SetRequest

from .steps import PIXELS_OF_OUTPUT


def reset_levels(request: SetRequest, good: np.ndarray, amplifiers: Sequence[slice]) -> tuple[float, str] | None:
    """Return how far the pedestals of an integration lie off those of the others, where they do by most.

    Parameters
    ----------
    request : SetRequest
    good : numpy.ndarray, shape (y, x), bool
    amplifiers : sequence of slice
        The columns that each amplifier reads; even and odd ones are asked apart.

    Returns
    -------
    (float, str) or None
        DN, and the integration as a sentence calls it; None where fewer than three integrations have a median.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    rows = even_rows(good, -(-PIXELS_OF_OUTPUT // max(amplifiers[0].stop - amplifiers[0].start, 1)))
    asked = [(rows, slice(c.start + odd, c.stop, 2)) for c in amplifiers for odd in (0, 1)]
    with OpenSet(request.exposures, request.folder, request.integrations) as opened:
        names = [exposure.name_of(i) for exposure, i in opened.planes]
        planes = ((exposure.pedestal(rows, i), good[rows]) for exposure, i in opened.planes)
        levels = np.array([[median_of_finite(plane[:, c][where[:, c]]) for _, c in asked] for plane, where in planes])
    levels = levels[:, np.isfinite(levels).all(axis=0)]
    if len(levels) < 3 or not levels.shape[1]:
        return None
    apart = np.abs(levels - np.median(levels, axis=0)).max(axis=1)
    worst = max(range(len(names)), key=lambda k: (apart[k], names[k]))
    return float(apart[worst]), names[worst]


def pattern_noise(patterns: np.ndarray) -> list[float] | None:
    """Return how even and odd columns, and rows, move against one another from read to read, DN of one read.

    Parameters
    ----------
    patterns : numpy.ndarray, shape (integration, amplifier, 2, n), DN
        See :class:`.steps.Steps`.

    Returns
    -------
    list of float or None
        Of columns and of rows, in the amplifier where it is most, and 0 for those of which good pixels of one parity
        alone are known; None for too few reads. A difference of reads has the noise of two.
    """
    most = []
    for pattern in np.moveaxis(patterns, 2, 0):
        known = pattern[:, np.isfinite(pattern).all(axis=(0, 2))]
        # Sorted, so that the order of integrations changes no bit.
        values = np.sort(np.moveaxis(known, 1, 0).reshape(known.shape[1], known.shape[0] * known.shape[2]), axis=1)
        most.append(float(values.std(axis=1).max(initial=0) / np.sqrt(2)) if values.shape[1] > 1 else 0.0)
    return most if any(most) else None
