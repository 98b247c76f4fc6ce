"""Look closely at the pixels that no simple repair of the release explains: decide anew what jumps their ramps have.

The release believes the flags of the jump step, which compares the steps of a ramp with nothing else. A column that
moves has jumps in all its pixels; a hit beside a bad pixel's jump is flagged in both; where saturation grew into a
ramp, nothing is flagged; and of a hit within the frames of a group, either step may be too small. So steps are compared
anew, without what the column and bad neighbours put in, and the release's own tests are asked of what is left.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from darkmask.core.detectors import READOUT_PATTERNS
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.statistics import MAD_TO_SIGMA, median_of_finite
from darkmask.search.request import SetRequest

from .as_released import few_jumps, jumps_early, no_rc_ramp
from .own_ramps import SIDES, OwnRamps, read_signals
from .shared import beside, steps_of_columns
from .slopes import scatter, scatter_without_one
from .standing import MISSED_HIT

# Coupling differs from pixel to pixel, and so do the traps that hold light: what is taken off is fitted to the pixel
# itself, between these shares of what is usual. A pixel that is bad by itself does not do what its neighbours do.
_LEAST_SHARE, _MOST_SHARE = 0.5, 2.0


class Asked(NamedTuple):
    """Pixels that the release calls bad.

    Attributes
    ----------
    y, x : numpy.ndarray, shape (pixel,), int
    noisy, jumping, rc, by_jumps : numpy.ndarray, shape (pixel,), bool
        For what the release calls each of them bad; ``by_jumps``: rc for its jumps, and not for its pedestal alone.
    """

    y: np.ndarray
    x: np.ndarray
    noisy: np.ndarray
    jumping: np.ndarray
    rc: np.ndarray
    by_jumps: np.ndarray

    def of(self, pixels: np.ndarray | slice) -> "Asked":
        """Return some of these pixels."""
        return Asked(*(one[pixels] for one in self))


def passes_repaired(
    request: SetRequest,
    bad: np.ndarray,
    asked: Asked,
    ramps: OwnRamps,
    light: np.ndarray,
    limit: float,
    wandering: Sequence[int],
) -> np.ndarray:
    """Return which pixels the release's own tests pass when jumps, column and coupling are known, bool (pixel,).

    Parameters
    ----------
    request : SetRequest
    bad : numpy.ndarray, shape (y, x), bool
        Pixels that our search calls anything.
    asked : Asked
    ramps : OwnRamps
        Of these pixels. The jumps are changed.
    light : numpy.ndarray, shape (integration, pixel), float64, DN/s
        By how much the pixels around each lie above others; NaN where that does not vary.
    limit : float, DN/s
        From which scatter of its slopes on the release calls a pixel noisy.
    wandering : sequence of int
        Columns whose level moves. What they do is measured here, by their good pixels.
    """
    steps = np.diff(ramps.signals.astype(np.float64), axis=1)
    good = ~request.reference_pixels() & ~bad
    moved = np.flatnonzero(np.isin(asked.x, wandering))
    if moved.size:
        steps[:, :, moved] -= steps_of_columns(
            partial(read_signals, request), good, asked.x[moved], request.amplifiers()
        )
    _take_coupling_off(request, bad, asked, steps)
    hits, falls = _hits_and_falls(request, steps)
    jumps = ramps.jumps
    # Of other pixels a flag stands, though the ramp may not show why.
    jumps[:, :, moved] = False
    jumps[:, 1:] |= hits | falls
    passes: np.ndarray = ~asked.jumping | few_jumps(jumps, request.parameters)
    passes &= ~(asked.by_jumps & jumps_early(jumps, request.parameters))
    passes &= ~asked.rc | no_rc_ramp(ramps.signals)
    return passes & (~asked.noisy | _quiet(_slopes(steps, hits, request), np.nan_to_num(light), limit))


def _take_coupling_off(request: SetRequest, bad: np.ndarray, asked: Asked, steps: np.ndarray) -> None:
    """Take off what the steps of bad neighbours couple into those of each pixel, (integration, group - 1, pixel).

    By steps, and not by rates: a neighbour that fills its well puts nothing in from then on, and has no rate.
    """
    columns = bad.shape[1]
    share = request.parameters.neighbour_coupling or look_up_detector(request.detector).ipc
    near = beside(bad, asked.y, asked.x, SIDES)
    some = np.flatnonzero(near.counted.any(axis=0))
    if not some.size:
        return
    # Each neighbour is read once, in the order of the file.
    places, numbers = np.unique(near.places[near.counted], return_inverse=True)
    read = read_signals(request, places // columns, places % columns)
    coupled, side_of = share * np.diff(read.astype(np.float64), axis=1), np.full(near.counted.shape, -1, np.intp)
    side_of[near.counted] = numbers
    put_in = np.zeros((*steps.shape[:2], some.size))
    for side in side_of[:, some]:
        put_in[:, :, side >= 0] += coupled[:, :, side[side >= 0]]
    # Hits count for nothing, or they would be taken for coupling.
    hit, _ = _hits_and_falls(request, steps[:, :, some] - put_in)
    steps[:, :, some] -= _times(put_in, np.where(hit, np.nan, steps[:, :, some]), (0, 1)) * put_in


def _times(level: np.ndarray, measured: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    """Return how many times a level suits best what was measured, within what is usual.

    Where NaN was measured, nothing counts.
    """
    counted = np.isfinite(measured)
    number = np.maximum(counted.sum(axis=axis, keepdims=True), 1)
    level, measured = np.where(counted, level, 0), np.where(counted, measured, 0)
    apart = np.where(counted, level - level.sum(axis=axis, keepdims=True) / number, 0)
    squares = (apart**2).sum(axis=axis, keepdims=True)
    times: np.ndarray = (apart * measured).sum(axis=axis, keepdims=True) / np.maximum(squares, 1e-30)
    return np.where(squares > 0, np.clip(times, _LEAST_SHARE, _MOST_SHARE), 0)


def _hits_and_falls(request: SetRequest, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which steps are jumps up, and which are jumps down, each bool (integration, group - 1, pixel).

    As large as the jump step cannot miss. Radiation only adds charge, so that what falls is never a hit.
    """
    off = steps - np.median(steps, axis=1, keepdims=True)
    limit = MISSED_HIT * MAD_TO_SIGMA * median_of_finite(np.abs(off))
    hits: np.ndarray = off > limit
    pattern = READOUT_PATTERNS.get(request.exposures[0].set_key.readpatt)
    if pattern is None or pattern.nframes > 1:
        # A hit within the frames of a group raises two means, by which two groups on it shows whole; the difference of
        # these has the same noise.
        shared = off[:, :-1] + off[:, 1:] > limit
        hits[:, :-1] |= shared
        hits[:, 1:] |= shared
    return hits, off < -limit


def _slopes(steps: np.ndarray, hits: np.ndarray, request: SetRequest) -> np.ndarray:
    """Return straight-line slopes with mean steps in place of hits, DN/s (integration, pixel)."""
    quiet = ~hits
    mean = np.where(quiet, steps, 0).sum(axis=1) / np.maximum(quiet.sum(axis=1), 1)
    ramps = np.where(quiet, steps, mean[:, None]).cumsum(axis=1)
    weights = np.arange(steps.shape[1]) - (steps.shape[1] - 1) / 2
    slopes: np.ndarray = np.einsum("igp,g->ip", ramps, weights) / max((weights**2).sum(), 1e-30)
    return slopes / request.exposures[0].set_key.tgroup


def _quiet(slopes: np.ndarray, light: np.ndarray, limit: float) -> np.ndarray:
    """Return where slopes scatter by no more than the release allows, one integration or light left out."""
    tried = slopes, slopes - _times(light, slopes, 0) * light
    quiet = [(scatter(left) <= limit) | (scatter_without_one(left) <= limit) for left in tried]
    return np.logical_or.reduce(quiet)
