"""Tell whether the files of an exposure belong together: whether its rates and pedestals are those of its ramps.

A search takes rates from one file, pedestals from another and ramps from a third. Nothing in their headers tells that a
rate is of the ramp beside it, in the same unit; its noise does. Of a pixel without a jump the rate is the slope of a
straight line through its ramp, so that this slope rises with the rate by as much as the rate does, and what the first
group and the rate make of the pedestal with the pedestal. For other rates it is 0, and 1 / gain for rates in electrons.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.statistics import MAD_TO_SIGMA_ROUNDED

from .straight import Straight, predicted_pedestals

# With fewer pixels the share of what is not the line itself is known to 0.05 and worse.
_FEWEST = 500
# Beyond so many sigma of the others a value is no noise: a hit that nobody flagged would count for a thousand pixels.
_FARTHEST = 4.0


class Together(NamedTuple):
    """How much of what was derived from a ramp is in that ramp, where it is farthest from all.

    Attributes
    ----------
    share : float
        1 where they belong together.
    name : str
        Of the integration, as a sentence calls it.
    derived : str
        What was derived: ``rates`` or ``PEDESTAL``.
    """

    share: float
    name: str
    derived: str


def together(some: Sequence[Straight], names: Sequence[str]) -> Together | None:
    """Return what fits its ramp worst in a set.

    Parameters
    ----------
    some, names
        As :func:`.straight.most_off_lines` takes them.

    Returns
    -------
    Together or None
        None with one integration, or too few pixels without a flag.
    """
    if len(some) < 2:
        return None
    slopes, rates, pedestals = (np.array([one[k].ravel() for one in some], np.float64) for k in (0, 1, 3))
    predicted = np.array([values.ravel() for values in predicted_pedestals(some)])
    found = [
        Together(float(share), name, derived)
        for derived, these, measured in (("rates", rates, slopes), ("PEDESTAL", pedestals, predicted))
        for share, name in zip(shares(these, measured), names, strict=True)
        if np.isfinite(share)
    ]
    return max(found, key=lambda one: (abs(np.log(max(one.share, 1e-3))), one.name), default=None)


def shares(derived: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Return by how much measured values rise with what was derived from them, float64 (integration,).

    Parameters
    ----------
    derived, measured : numpy.ndarray, shape (integration, pixel), float64
        What all integrations of a pixel have in common counts for nothing: a hot pixel has its rate in every file.
        NaN where nothing is known.

    Returns
    -------
    numpy.ndarray
        1 for the line itself, and for any unbiased linear fit of a ramp that is better; NaN for too few pixels.

    Notes
    -----
    Source: the regression of an unbiased linear estimate on the best one is 1 (Gauss and Markov).
    """
    known = np.isfinite(derived) & np.isfinite(measured)
    derived, measured = (values - _mean_of(values, known) for values in (derived, measured))
    found = np.full(len(derived), np.nan)
    for k, (of, by, here) in enumerate(zip(measured, derived, known, strict=True)):
        if np.count_nonzero(here) < _FEWEST:
            continue
        of, by = of[here], by[here]
        near = _near(of) & _near(by)
        found[k] = (of[near] * by[near]).sum() / max((by[near] ** 2).sum(), np.finfo(float).tiny)
    return found


def _mean_of(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the mean of what is known over integrations, in the order of their values; 0 for nothing known."""
    ordered = np.sort(np.where(known, values, np.inf), axis=0)
    number = known.sum(axis=0)
    mean: np.ndarray = np.where(np.isfinite(ordered), ordered, 0).sum(axis=0) / np.maximum(number, 1)
    return mean


def _near(values: np.ndarray) -> np.ndarray:
    distance = np.abs(values - np.median(values))
    return distance <= _FARTHEST * MAD_TO_SIGMA_ROUNDED * np.median(distance)
