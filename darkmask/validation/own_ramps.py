"""Read the ramps of some pixels, and which of their jumps are their own and no bad neighbour's."""

from typing import NamedTuple

import numpy as np

from darkmask.core.kernels import kernel
from darkmask.core.threads import in_threads
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
    sides = [np.clip(y + dy, 0, rows - 1) * columns + np.clip(x + dx, 0, columns - 1) for dy, dx in SIDES]
    wanted = np.array([bad.ravel()[side] for side in sides])
    places, numbers = np.unique(np.concatenate([y * columns + x, np.array(sides)[wanted]]), return_inverse=True)
    beside: np.ndarray = np.full(wanted.shape, -1, np.intp)
    beside[wanted] = numbers[y.size :]
    ends = np.cumsum([0, *(exposure.integrations for exposure in request.exposures)]).tolist()
    shape = ends[-1], request.exposures[0].jump.shape[1], y.size
    ramps = OwnRamps(np.empty(shape, np.float32), np.empty(shape, np.bool_))

    def read(k: int) -> None:
        here = slice(*ends[k : k + 2])
        with OpenExposure(request.exposures[k], request.folder) as opened:
            ramps.signals[here] = opened.sci(y, x)
            flags = opened.groupdq(places // columns, places % columns)
        _own_jumps(flags, numbers[: y.size], beside, ramps.jumps[here])

    in_threads(read, range(len(request.exposures)))
    return ramps


@kernel
def _own_jumps(flags, own, beside, jumps):
    """Set where a pixel has a jump and none of some pixels beside it does.

    Parameters
    ----------
    flags : array, shape (integration, group, m), uint8
        GROUPDQ.
    own : array, shape (pixel,), int64
        Number of each pixel among them.
    beside : array, shape (side, pixel), int64
        Numbers of the pixels beside it, or -1.
    jumps : array, shape (integration, group, pixel), bool
        Array to set.
    """
    for i in range(flags.shape[0]):
        for g in range(flags.shape[1]):
            here, out = flags[i, g], jumps[i, g]
            for k in range(own.size):
                found = (here[own[k]] & JUMP_DET) != 0
                if found:
                    for side in range(beside.shape[0]):
                        n = beside[side, k]
                        found &= n < 0 or (here[n] & JUMP_DET) == 0
                out[k] = found


def read_signals(request: SetRequest, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return SCI of some pixels, float32 (integration, group, pixel), DN."""
    read = []
    for exposure in request.exposures:
        with OpenExposure(exposure, request.folder) as opened:
            read.append(opened.sci(y, x))
    return np.concatenate(read)
