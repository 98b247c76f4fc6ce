"""Find rates that no fit made, and ramps whose rate somebody took out: what was done to rates after the pipeline."""

import numpy as np

from darkmask.core.detectors import READOUT_PATTERNS
from darkmask.core.evenly import evenly
from darkmask.core.flags import has_flag
from darkmask.delivery import OpenSet
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.maps.layout import DO_NOT_USE, JUMP_DET, SATURATED
from darkmask.search.request import SetRequest

from .unsuspected import places_told

# Flags of so many pixels are read, each a page of every group; of more, an even part stands for all.
_MOST = 1000


def rates_without_a_ramp(request: SetRequest, maps: CombinedMaps) -> list[tuple[int, int]] | None:
    """Return which science pixels have a rate in integrations of which every group is saturated.

    Parameters
    ----------
    request : SetRequest
    maps : CombinedMaps

    Returns
    -------
    list of (int, int) or None
        x and y, ``MOST_TOLD`` at most: no fit made such a rate, it stands for one that could not be made. None where
        groups are means of frames: the pipeline then takes the first frame, which is sent besides, for a pixel that is
        full within its group.
    """
    pattern = READOUT_PATTERNS.get(request.exposures[0].jump.readpatt)
    if pattern is None or pattern.nframes > 1:
        return None
    y, x = np.nonzero(~request.reference_pixels() & (_explained(maps) > maps.integrations))
    return places_told(y, x)


def ramps_without_a_rate(request: SetRequest, maps: CombinedMaps) -> tuple[int, list[tuple[int, int]]]:
    """Return which science pixels lack a rate, with a flag that says so, in integrations of which groups can be fitted.

    Those without a flag are for :func:`darkmask.delivery.quality.unexplained_rates` to tell.

    Parameters
    ----------
    request : SetRequest
    maps : CombinedMaps

    Returns
    -------
    number : int
        Of such pixels; where many lack a rate, by an even part of them.
    places : list of (int, int)
        x and y of those that were looked at.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    lacking = ~request.reference_pixels() & (_explained(maps) < maps.integrations)
    # Integrations with a rate cannot have more usable differences than these: the others are of one without.
    lacking &= np.asarray(maps.differences) > np.asarray(maps.finite).astype(np.int64) * (maps.groups - 1)
    every_y, every_x = np.nonzero(lacking)
    if not every_y.size:
        return 0, []
    some = evenly(every_y.size, _MOST)
    y, x = every_y[some], every_x[some]
    unexplained = np.zeros(y.size, bool)
    with OpenSet(request.exposures, request.folder, request.integrations) as opened:
        for exposure in opened.chosen:
            groupdq, used = exposure.groupdq(y, x), ~has_flag(exposure.pixeldq()[y, x], "DO_NOT_USE")
            usable = (groupdq & (SATURATED | DO_NOT_USE)) == 0
            # The neighbours of what is full have the flag too, and no group for the fit, whatever their ramps show.
            fitted = (usable[:, :-1] & usable[:, 1:] & ((groupdq[:, 1:] & JUMP_DET) == 0)).any(axis=1)
            flagged = has_flag(exposure.rate_dq_of(y, x), "DO_NOT_USE", "SATURATED")
            lacks = fitted & used & flagged & ~np.isfinite(exposure.rate_of(y, x))
            unexplained |= lacks[[i for of, i in opened.planes if of is exposure]].any(axis=0)
    number = round(int(unexplained.sum()) * every_y.size / y.size)
    return number, places_told(y[unexplained], x[unexplained])


def _explained(maps: CombinedMaps) -> np.ndarray:
    """Return in how many integrations a pixel has a rate, or is full from the first group on, int32 (y, x)."""
    return np.asarray(maps.finite).astype(np.int32) + np.asarray(maps.saturated_first)
