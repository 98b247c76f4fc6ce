"""Tell whether the files of an exposure belong together: whether its rates and pedestals are those of its ramps.

A search takes rates from one file, pedestals from another and ramps from a third. Nothing in their headers tells that a
rate is of the ramp beside it, in the same unit; its noise does. A straight line through a ramp has the ramp's own
noise in it, so that the last group less the first rises with the rate by as much as the rate does, and the first group
with the pedestal: among pixels without a jump, by 1. For other rates it is 0, and 1 / gain for rates in electrons.
"""

from typing import NamedTuple

import numpy as np

from darkmask.core.statistics import MAD_TO_SIGMA_ROUNDED
from darkmask.delivery import OpenSet
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.request import SetRequest

from .steps import even_rows

# So many pixels, in evenly spread rows, tell a share of 1 to 0.01 for ramps of 20 groups, and to 0.03 for 100.
_PIXELS = 16_384
# With fewer of them the share is known to 0.1 and worse.
_FEWEST = 500
# Beyond so many sigma of the others a value is no noise: a hit that nobody flagged would count for a thousand pixels.
_FARTHEST = 4.0

# A rise of so many times the noise of a difference is known well; a ramp bends near a full well; so few pixels tell.
_TELLS, _FAR_FROM_FULL, _FEWEST_BRIGHT = 20, 20_000, 10


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


def together(request: SetRequest, good: np.ndarray) -> Together | None:
    """Return what fits its ramp worst in a set.

    Parameters
    ----------
    request : SetRequest
    good : numpy.ndarray, shape (y, x), bool
        Pixels that tell.

    Returns
    -------
    Together or None
        None with one integration, or too few pixels without a flag.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    y, x = _some_pixels(good)
    with OpenSet(request.exposures, request.folder, request.integrations) as opened:
        planes, names = opened.planes, [exposure.name_of(i) for exposure, i in opened.planes]
        groups = planes[0][0].shape[1]
        # Each exposure once, with the first and the last group alone.
        ramps = {
            exposure: exposure.ramps(y, x, np.array([0, groups - 1]))
            for exposure in dict.fromkeys(e for e, _ in planes)
        }
        sci = np.array([ramps[exposure][0][i] for exposure, i in planes], dtype=np.float64)
        flagged = np.any([ramps[exposure][1][i].any(axis=0) for exposure, i in planes], axis=0)
        rates, pedestals = (
            np.array([measured[y, x] for measured in each], dtype=np.float64)
            for each in ((e.rate(integration=i) for e, i in planes), (e.pedestal(integration=i) for e, i in planes))
        )
    # One value that is not finite would make every median of its integration, and every share, unknown.
    known = ~flagged & np.isfinite(sci).all(axis=(0, 1))
    known &= np.isfinite(rates).all(axis=0) & np.isfinite(pedestals).all(axis=0)
    if len(planes) < 2 or groups < 2 or np.count_nonzero(known) < _FEWEST:
        return None
    ends = (sci[:, -1] - sci[:, 0]) / ((groups - 1) * request.exposures[0].jump.tgroup)
    found = [
        Together(float(share), name, derived)
        for derived, these, measured in (("rates", rates, ends), ("PEDESTAL", pedestals, sci[:, 0]))
        for share, name in zip(shares(these[:, known], measured[:, known]), names, strict=True)
    ]
    return max(found, key=lambda one: abs(np.log(max(one.share, 1e-3))))


def shares(derived: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Return by how much measured values rise with what was derived from them, float64 (integration,).

    Parameters
    ----------
    derived, measured : numpy.ndarray, shape (integration, pixel), float64
        What all integrations of a pixel have in common counts for nothing: a hot pixel has its rate in every file.

    Returns
    -------
    numpy.ndarray
        1 for what an unbiased linear fit of read noise made of the same ramp. Where charge, and not reading, makes
        the noise it is 0.83 for a line through many groups, which is not the best fit then.

    Notes
    -----
    Source: the regression of an unbiased linear estimate on the best one is 1 (Gauss and Markov).
    """
    derived, measured = (values - values.mean(axis=0) for values in (derived, measured))
    found = np.empty(len(derived))
    for k, (of, by) in enumerate(zip(measured, derived, strict=True)):
        near = _near(of) & _near(by)
        found[k] = (of[near] * by[near]).sum() / max((by[near] ** 2).sum(), np.finfo(float).tiny)
    return found


def rise_by_rate(maps: CombinedMaps, steady: np.ndarray, tgroup: float) -> tuple[float, int] | None:
    """Return by how much the ramps of bright pixels rise, in units of what their rates make, and of how many.

    Noise has rates and ramps in common to a part in three; a bright pixel has its rise in both to a part in a thousand.

    Parameters
    ----------
    maps : CombinedMaps
    steady : numpy.ndarray, shape (y, x), bool
        Pixels that may be bright and gather charge at one rate.
    tgroup : float
        Group time, s.

    Returns
    -------
    (float, int) or None
        The median of those whose rise is known to a twentieth and less, and far from a full well; None for too few.
    """
    # No other pixel is asked: maps of a set that was judged know bad ones alone.
    y, x = np.nonzero(steady)
    change, rate = maps.change[y, x], maps.rate[y, x].astype(np.float64)
    bright = (change > _TELLS * maps.noise[y, x]) & (change < _FAR_FROM_FULL) & (maps.saturated_last[y, x] == 0)
    bright &= rate > 0
    number = int(np.count_nonzero(bright))
    if number < _FEWEST_BRIGHT:
        return None
    seconds = (maps.groups - 1) * tgroup
    return float(np.median(change[bright] / (rate[bright] * seconds))), number


def _near(values: np.ndarray) -> np.ndarray:
    distance = np.abs(values - np.median(values))
    return distance <= _FARTHEST * MAD_TO_SIGMA_ROUNDED * np.median(distance)


def _some_pixels(good: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the good pixels of evenly spread rows."""
    rows = even_rows(good, -(-_PIXELS // max(good.shape[1], 1)))
    where = np.zeros(good.shape, bool)
    where[rows] = good[rows]
    y, x = np.nonzero(where)
    return y, x
