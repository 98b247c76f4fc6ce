"""Compare the rates of bright pixels with what their ramps rise by.

The pipeline weighs the groups of a bright ramp otherwise than those of a faint one, so that its rate is no line through
all of them alike (:mod:`.straight`). Whatever the weights, a rate is a mean of group differences; where a ramp is
straight and rises by far more than its noise, that mean lies close to the rise from the first group to the last.
"""

from typing import NamedTuple

import numpy as np

from darkmask.core.evenly import evenly
from darkmask.delivery import OpenSet

from .fitted_columns import ramps_of

# Two estimates of such a rise differ by a sixtieth of it (1 sigma); a ramp bends near a full well.
_TELLS, _FAR_FROM_FULL = 50.0, 20_000.0
# A rate that differs by a tenth is of no such ramp. So many pixels tell of an integration; so many are read of a set.
_OFF, _FEWEST, _MOST = 0.1, 10, 500
# A ramp that bends by more than a tenth of its rise and this noise is no straight one.
_BENDS = 5.0


class BrightRates(NamedTuple):
    """What the ramps of bright pixels say of their rates.

    Attributes
    ----------
    rise : (float, int, str)
        By how much ramps rise, in units of what their rates make of it: the median where it is farthest from 1, of how
        many pixels, and in which integration.
    off : (float, int, int, str, list of (int, int))
        The largest share of rates that differ by more than a tenth from what their ramps rise by, their number, that
        of all asked, in which integration, and x and y of those that differ.
    """

    rise: tuple[float, int, str]
    off: tuple[float, int, int, str, list[tuple[int, int]]]


def bright_rates(opened: OpenSet, asked: np.ndarray, noise: float, tgroup: float) -> BrightRates | None:
    """Compare rates of bright pixels with their ramps, integration by integration.

    Parameters
    ----------
    opened : OpenSet
    asked : numpy.ndarray, shape (y, x), bool
        Pixels that may be bright. A rate says nothing of which are: it is what is looked at.
    noise : float
        Sigma of a group difference, DN.
    tgroup : float
        Group time, s.

    Returns
    -------
    BrightRates or None
        None where no integration has enough such pixels without a flag in any group.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    pixels = _bright(opened, asked, noise)
    if len(pixels) < _FEWEST:
        return None
    sci, groupdq = ramps_of(opened, pixels)
    rates = opened.rates_of(*pixels.T).astype(np.float64)
    groups = sci.shape[1]
    rise = sci[:, -1].astype(np.float64) - sci[:, 0]
    half = (groups - 1) // 2
    bend = sci[:, -1].astype(np.float64) - sci[:, -1 - half] - sci[:, half] + sci[:, 0]
    with np.errstate(invalid="ignore"):
        tells = (groupdq == 0).all(axis=1) & np.isfinite(rates) & _tells(rise, noise)
        tells &= np.abs(bend) <= _OFF * rise + _BENDS * noise
    made = rates * ((groups - 1) * tgroup)
    names = [exposure.name_of(i) for exposure, i in opened.planes]
    rises, offs = [], []
    for one, of, here, name in zip(made, rise, tells, names, strict=True):
        if (number := int(np.count_nonzero(here))) < _FEWEST:
            continue
        # Rates of nothing, and negative ones, make no rise.
        rises.append((1 / max(float(np.median(one[here] / of[here])), 1e-3), number, name))
        off = here & (np.abs(one - of) > _OFF * of)
        places = [(int(x), int(y)) for y, x in pixels[off]]
        offs.append((len(places) / number, len(places), number, name, places))
    if not rises:
        return None
    return BrightRates(
        max(rises, key=lambda found: (abs(np.log(found[0])), found[2])), max(offs, key=lambda found: found[::3])
    )


def _bright(opened: OpenSet, asked: np.ndarray, noise: float) -> np.ndarray:
    """Return the (y, x) of an even part of the pixels that are bright by the ramps of the first integration."""
    exposure, i = opened.planes[0]
    first, last = (exposure.group(i, group) for group in (0, exposure.shape[1] - 1))
    with np.errstate(invalid="ignore"):
        places = np.argwhere(asked & _tells(last - first, noise))
    return places[evenly(len(places), _MOST)] if len(places) else places


def _tells(rise: np.ndarray, noise: float) -> np.ndarray:
    told: np.ndarray = (rise > _TELLS * noise) & (rise < _FAR_FROM_FULL)
    return told
