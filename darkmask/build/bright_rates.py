"""Compare the rates of bright pixels with what their ramps rise by.

The pipeline weighs the groups of a bright ramp otherwise than those of a faint one, so that its rate is no line through
all of them alike (:mod:`.straight`). Whatever the weights, a rate is a mean of group differences; where a ramp is
straight and rises by more than its noise, that mean lies close to the slope of such a line.
"""

from typing import NamedTuple

import numpy as np

from darkmask.core.evenly import evenly
from darkmask.delivery import OpenSet

from .fitted_columns import ramps_of

# Pixels are asked in classes of brightness, since rates that somebody altered are those of some: by what their ramps
# rise, in units of the noise of a difference, from the border of each class to the next. Fainter rates are lines to the
# last digits, and :mod:`.straight` tells.
_CLASSES = (2.0, 10.0, 50.0)
# A ramp bends near a full well.
_FAR_FROM_FULL = 20_000.0
# A rate that differs by a tenth of the rise and a quarter of the noise is of no such ramp: other weights do less.
# So many pixels tell of an integration; so many of a class are read of a set.
_OFF, _OF_NOISE, _FEWEST, _MOST = 0.1, 0.25, 10, 200
# A ramp that bends by more than a tenth of its rise and this noise is no straight one. Of one that scatters by twice
# the usual noise, and is not far brighter, other weights move the rate by its own noise.
_BENDS, _NOISY = 5.0, 2.0


class BrightRates(NamedTuple):
    """What the ramps of bright pixels say of their rates.

    Attributes
    ----------
    rise : (float, int, str)
        By how much ramps rise, in units of what their rates make of it: the median of a class where it is farthest from
        1, of how many pixels, and in which integration.
    off : (float, int, int, str, list of (int, int))
        The largest share of rates that differ by more than a tenth from what their ramps rise by, their number, that
        of all asked in that class, in which integration, and x and y of those that differ.
    """

    rise: tuple[float, int, str]
    off: tuple[float, int, int, str, list[tuple[int, int]]]


def bright_rates(opened: OpenSet, asked: np.ndarray, noise: float, tgroup: float) -> BrightRates | None:
    """Compare rates of bright pixels with their ramps, integration by integration, for each class of brightness.

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
        None where no integration has enough such pixels of a class without a flag in any group.

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
    group = np.arange(groups) - (groups - 1) / 2
    with np.errstate(invalid="ignore"):
        lines = np.einsum("g,igp->ip", group, sci) * ((groups - 1) / max(group @ group, 1))
        quiet = np.std(np.diff(sci, axis=1), axis=1) <= _NOISY * noise
        straight = (groupdq == 0).all(axis=1) & np.isfinite(rates) & (np.abs(bend) <= _OFF * rise + _BENDS * noise)
        straight &= quiet | (lines >= _CLASSES[-1] * noise)
        classes = np.where(straight & (rise < _FAR_FROM_FULL), _class_of(lines, noise), -1)
    made = rates * ((groups - 1) * tgroup)
    names = [exposure.name_of(i) for exposure, i in opened.planes]
    rises, offs = [], []
    for one, of, own, name in zip(made, lines, classes, names, strict=True):
        for of_class in range(len(_CLASSES)):
            here = own == of_class
            if (number := int(np.count_nonzero(here))) < _FEWEST:
                continue
            # Rates of nothing, and negative ones, make no rise.
            rises.append((1 / max(float(np.median(one[here] / of[here])), 1e-3), number, name))
            off = here & (np.abs(one - of) > _OFF * of + _OF_NOISE * noise)
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
    first, last = (exposure.group(i, group)[asked] for group in (0, exposure.shape[1] - 1))
    places = np.argwhere(asked)
    with np.errstate(invalid="ignore"):
        rise = last - first
        classes = np.where(rise < _FAR_FROM_FULL, _class_of(rise, noise), -1)
    of_classes = [np.flatnonzero(classes == of_class) for of_class in range(len(_CLASSES))]
    chosen = [found[evenly(found.size, _MOST)] for found in of_classes if found.size]
    # In the order of the file, so that they are read in that order.
    return places[np.sort(np.concatenate(chosen))] if chosen else places[:0]


def _class_of(rise: np.ndarray, noise: float) -> np.ndarray:
    """Return the number of the class of what rises by so much; -1 below the first, and of what nobody knows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        standing = rise / noise
    return np.where(np.isfinite(standing), np.searchsorted(_CLASSES, standing), 0) - 1
