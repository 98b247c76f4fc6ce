"""Read what the flight search needs of a set beyond its combined maps: the ramps of the few unstable pixels."""

from collections.abc import Callable
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from darkmask.core.detectors import READOUT_PATTERNS
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.handed import Handed, number_of_others
from darkmask.core.kernels import kernel, work_in_blocks
from darkmask.core.stages import stage
from darkmask.delivery import OpenSet
from darkmask.delivery.reading import native_float32, read_piece
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.maps.pixel import usable_groups
from darkmask.search.request import SetRequest

from .amplifier import own_saturation_level
from .categories import FlightResult
from .named_by import Passed, at_some
from .robust import places
from .runs import WEAK
from .shots import shot_noise
from .telegraph import ENOUGH_AVERAGED, ENOUGH_READS, telegraph_evidence

# A thread takes this many rows at once.
_ROWS_AT_ONCE = 16
# Where other processes help, each is given so many parts, so that all end at about the same time.
_PARTS_A_PROCESS = 3


@stage("name unstable pixels")
def name_unstable(
    request: SetRequest, maps: CombinedMaps, found: FlightResult, asked: np.ndarray | None = None
) -> np.ndarray:
    """Return which of the pixels in question switch between two levels; ``found.passed`` then has their gains.

    Parameters
    ----------
    request : SetRequest
    maps : CombinedMaps
    found : FlightResult
    asked : numpy.ndarray, shape (y, x), bool, optional
        Those in question whose answer matters; all by default.

    Returns
    -------
    numpy.ndarray, shape (y, x), bool
        The telegraph pixels; :meth:`.categories.FlightResult.named` names the others.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    asked = found.in_question if asked is None else asked
    telegraph = np.zeros_like(asked)
    gains, at = two_level_gains(request, maps, found, asked), places(asked)
    least = found.part(at).least_gain(request.parameters)
    telegraph[at] = gains > least
    whole = Passed(np.flatnonzero(asked).astype(np.int32), gains.astype(np.float32), least)
    found.passed["telegraph"] = at_some(whole, gains > least)
    return telegraph


def two_level_gains(
    request: SetRequest, maps: CombinedMaps, found: FlightResult, asked: np.ndarray | None = None
) -> np.ndarray:
    """How much better two levels explain the reads of pixels in question than one noisy level.

    Parameters
    ----------
    request : SetRequest
    maps : CombinedMaps
    found : FlightResult
    asked : numpy.ndarray, shape (y, x), bool, optional
        Some of those in question; all by default.

    Returns
    -------
    numpy.ndarray, shape (n,), float64
        Of each of those pixels, by row and then by column: what :func:`.telegraph.telegraph_evidence` gives. Beyond
        what is asked of the pixel it may be too low, as the fit ends there.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    in_question = found.in_question
    asked = in_question if asked is None else asked
    y, x = places(asked)
    told = found.part((y, x))
    pattern = READOUT_PATTERNS.get(request.exposures[0].set_key.readpatt)
    pixels = _Unstable(
        columns=x,
        # All groups are usable when each difference is either quiet or a jump; otherwise GROUPDQ tells which are.
        flagged=maps.differences[y, x] + maps.jumps[y, x] != maps.integrations * (maps.groups - 1),
        slope=maps.rate[y, x].astype(np.float64) * request.exposures[0].set_key.tgroup,
        noise=found.noise[x],
        # Of pixels whose rates scatter each integration has a slope of its own, too.
        varying=told.varying | told.scattering,
        switching=told.switching,
        bad=told.surely_bad,
        least=told.least_gain(request.parameters).astype(np.float64),
        frames=pattern.nframes if pattern else 1,
        gain=look_up_detector(request.detector).gain,
        gains=np.empty(len(y)),
        firsts=in_question.argmax(axis=1)[y],
    )
    begins = np.searchsorted(y, np.arange(asked.shape[0] + 1))
    # Where others help, parts of about as many pixels.
    number = 1 + _PARTS_A_PROCESS * number_of_others() if number_of_others() else 1
    edges = np.searchsorted(begins, np.linspace(0, len(y), number + 1)[1:-1]).tolist()
    parts = []
    for start, stop in pairwise([0, *edges, len(asked)]):
        some = _changed(pixels, itemgetter(slice(begins[start], begins[stop])))
        parts.append((request, asked.shape, maps.groups, start, begins[start : stop + 1], some))
    handed = Handed(_gains_of_rows, parts)
    return np.concatenate(handed.results())


def _gains_of_rows(
    request: SetRequest, shape: tuple[int, int], groups: int, first: int, begins: np.ndarray, pixels: "_Unstable"
) -> np.ndarray:
    """Return the gains of the pixels of some rows, float64 (n,); those of each row stand from one of ``begins``."""
    # What comes from another process may be read-only, for which kernels would be compiled once more.
    pixels = _changed(pixels, lambda part: np.require(part, requirements=["C", "W"]))
    begins = begins - begins[0]
    level = own_saturation_level(look_up_detector(request.detector))
    opened = OpenSet(request.exposures, request.folder, request.integrations)

    def work(_room: None, start: int, count: int) -> None:
        failed = _weigh_rows(
            opened.places, shape, groups, first + start, begins[start : start + count + 1], pixels, level,
        )  # fmt: skip
        opened.require_read(failed)

    with opened:
        work_in_blocks(work, len(begins) - 1, _ROWS_AT_ONCE, lambda: None)
    return pixels.gains


class _Unstable(NamedTuple):
    """The pixels of a set in question, by row and then by column; see :func:`two_level_gains`.

    ``firsts`` are the columns of the first one in question of each pixel's row, asked or not.

    A pixel that is hot in some integrations has a slope of its own in each, which two levels would explain badly and
    one level worse: its ramps are weighed without their slopes.
    """

    columns: np.ndarray
    flagged: np.ndarray
    slope: np.ndarray
    noise: np.ndarray
    varying: np.ndarray
    switching: np.ndarray
    bad: np.ndarray
    least: np.ndarray
    frames: int
    gain: float
    gains: np.ndarray
    firsts: np.ndarray


def _changed(pixels: _Unstable, change: Callable[[np.ndarray], np.ndarray]) -> _Unstable:
    """Return pixels with each of their arrays changed."""
    return _Unstable._make(change(part) if isinstance(part, np.ndarray) else part for part in pixels)


@kernel
def _weigh_rows(places, shape, groups, first_row, begins, unstable: _Unstable, level):
    """Weigh the pixels of some rows, reading no more of them than it takes; gives the integration that failed, or -1.

    The unstable pixels of each row stand from one of ``begins`` to the next; their ``gains`` are set.
    """
    columns, flagged = unstable.columns, unstable.flagged
    integrations = places.shape[0]
    pixels = shape[0] * shape[1]
    some = min(integrations, -(-(ENOUGH_READS if unstable.frames == 1 else ENOUGH_AVERAGED) // groups))
    firsts, order = np.empty(integrations, np.float32), np.empty(integrations, np.int64)
    ramps, shots = np.empty((integrations, groups), np.float32), np.empty(integrations)
    for r in range(begins.size - 1):
        begin, end = begins[r], begins[r + 1]
        if begin == end:
            continue
        # One piece is read from the first of the row's pixels to the last: it takes no longer than a pixel.
        start = (first_row + r) * shape[1] + columns[begin]
        sci = np.empty((some, groups, columns[end - 1] - columns[begin] + 1), np.uint32)
        groupdq = np.empty(sci.shape, np.uint8)
        # Each row has an order of its own, so that the integrations looked at first do not depend on their names. It
        # is the same whichever pixels of the row are asked.
        first = (first_row + r) * shape[1] + unstable.firsts[begin]
        for i in range(integrations):
            if not _read_ramp(places[i], pixels, first, False, level, firsts[i : i + 1]):
                return i
        _order(firsts, order)
        for j in range(some):
            place = places[order[j]]
            for g in range(groups):
                if not read_piece(place[0, 0], place[0, 1] + 4 * (g * pixels + start), sci[j, g]):
                    return order[j]
                if flagged[begin:end].any() and not read_piece(
                    place[1, 0], place[1, 1] + g * pixels + start, groupdq[j, g]
                ):
                    return order[j]
        for k in range(begin, end):
            here, least = columns[k] - columns[begin], unstable.least[k]
            for j in range(some):
                for g in range(groups):
                    ramps[j, g] = native_float32(sci[j, g, here])
                if flagged[k]:
                    _leave_out_unusable(ramps[j], groupdq[j, :, here].copy(), level)
            shot_noise(ramps[:some], 0, unstable.varying[k], unstable.gain, shots)
            slope, bad = 0.0 if unstable.varying[k] else unstable.slope[k], unstable.bad[k]
            gain = telegraph_evidence(
                ramps[:some], slope, unstable.noise[k], least + WEAK, unstable.frames, shots[:some], bad
            )  # fmt: skip
            # The integrations with the lowest first reads may be those without a fall.
            weak = least - WEAK < gain or unstable.switching[k]
            if some < integrations and weak and gain < least + WEAK:
                for j in range(some, integrations):
                    if not _read_ramp(places[order[j]], pixels, start + here, flagged[k], level, ramps[j]):
                        return order[j]
                shot_noise(ramps, some, unstable.varying[k], unstable.gain, shots)
                gain = telegraph_evidence(ramps, slope, unstable.noise[k], least, unstable.frames, shots, bad)
            unstable.gains[k] = gain
    return -1


@kernel
def _order(values, order):
    """Set the places of a few values from the smallest to the largest."""
    for i in range(values.size):
        k = i
        while k > 0 and values[order[k - 1]] > values[i]:
            order[k] = order[k - 1]
            k -= 1
        order[k] = i


@kernel
def _read_ramp(place, pixels, pixel, flagged, level, ramp):
    """Read the first groups of a pixel, as many as ``ramp`` holds, with NaN for those that are not usable."""
    bits = np.empty(1, np.uint32)
    groups = ramp.size
    for g in range(groups):
        if not read_piece(place[0, 0], place[0, 1] + 4 * (g * pixels + pixel), bits):
            return False
        ramp[g] = native_float32(bits[0])
    if flagged:
        byte, groupdq = np.empty(1, np.uint8), np.empty(groups, np.uint8)
        for g in range(groups):
            if not read_piece(place[1, 0], place[1, 1] + g * pixels + pixel, byte):
                return False
            groupdq[g] = byte[0]
        _leave_out_unusable(ramp, groupdq, level)
    return True


@kernel
def _leave_out_unusable(ramp, groupdq, level):
    usable = np.empty(ramp.size, np.bool_)
    usable_groups(ramp, groupdq, level, usable)
    for g in range(ramp.size):
        if not usable[g]:
            ramp[g] = np.nan
