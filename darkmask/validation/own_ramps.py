"""Read the ramps of some pixels, and which of their jumps are their own and no bad neighbour's."""

from typing import NamedTuple

import numpy as np

from darkmask.delivery import OpenExposure
from darkmask.search.maps.layout import JUMP_DET
from darkmask.search.request import SetRequest

SIDES = ((0, 1), (1, 0), (0, -1), (-1, 0))


class OwnRamps(NamedTuple):
    """The ramps of some pixels.

    Attributes
    ----------
    signals : numpy.ndarray, shape (integration, group, pixel), float32, DN
    jumps : numpy.ndarray, shape (integration, group, pixel), bool
        Where a jump is no bad neighbour's of the same group: the jump step flags the four neighbours of a jump.
    """

    signals: np.ndarray
    jumps: np.ndarray

    def of(self, pixels: np.ndarray) -> "OwnRamps":
        """Return the ramps of some of these pixels."""
        return OwnRamps(self.signals[:, :, pixels], self.jumps[:, :, pixels])


def read_own_ramps(request: SetRequest, bad: np.ndarray, y: np.ndarray, x: np.ndarray) -> OwnRamps:
    """Read the ramps of pixels (y, x), and the flags of those neighbours that are ``bad``, bool (y, x).

    Each file is mapped once: to map a page of it takes longer than to look at it.
    """
    rows, columns = bad.shape
    sides = []
    for dy, dx in SIDES:
        there_y, there_x = np.clip(y + dy, 0, rows - 1), np.clip(x + dx, 0, columns - 1)
        asked = np.flatnonzero(bad[there_y, there_x])
        sides.append((asked, there_y[asked], there_x[asked]))
    of_y, of_x = (np.concatenate([own, *(side[k] for side in sides)]) for k, own in ((1, y), (2, x)))
    places, back = np.unique(of_y * columns + of_x, return_inverse=True)
    signals, jumps = [], []
    for exposure in request.exposures:
        with OpenExposure(exposure, request.folder) as opened:
            signals.append(opened.sci(y, x))
            flagged = (opened.groupdq(places // columns, places % columns) & np.uint8(JUMP_DET)) != 0
        own = flagged[:, :, back[: y.size]]
        first = y.size
        for asked, *_ in sides:
            own[:, :, asked] &= ~flagged[:, :, back[first : first + asked.size]]
            first += asked.size
        jumps.append(own)
    return OwnRamps(np.concatenate(signals), np.concatenate(jumps))


def read_signals(request: SetRequest, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return SCI of some pixels, float32 (integration, group, pixel), DN."""
    read = []
    for exposure in request.exposures:
        with OpenExposure(exposure, request.folder) as opened:
            read.append(opened.sci(y, x))
    return np.concatenate(read)
