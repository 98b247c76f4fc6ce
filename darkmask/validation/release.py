"""Explain the pixels that the published search alone calls bad, by what is known to be wrong with it.

A rule explains a pixel only when the release's own test passes it once that defect is repaired; what no rule explains
is counted. The search is ``official``, which equals jwst_reffiles 1.0.1 pixel by pixel and takes a second.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.flags import Category, category_names, in_category
from darkmask.core.stages import stage
from darkmask.core.statistics import MAD_TO_SIGMA
from darkmask.delivery import OpenExposure
from darkmask.search.keywords import FIXED_IN_CODE
from darkmask.search.maps.jumps import MIN_CLEAN_SLOPES
from darkmask.search.maps.layout import JUMP_DET
from darkmask.search.official.categories import OfficialMaps, compare_official
from darkmask.search.official.reading import Area
from darkmask.search.request import SetRequest

from .residuals import MISSED_HIT
from .shared import SIDES, around, coupled, of_columns, steps_of_columns

# An rc pixel has a first group above this many DN and changes by more than that over its ramp (the development head of
# jwst_reffiles asks for both; a pedestal alone does not make one).
RC_FIRST, RC_CHANGE = 1000.0, 200.0
_AROUND = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))
# What a pixel shares with others explains nothing where it scatters by less than this share of what the release allows:
# it is then no more than the noise of a few pixels' median.
_SHARE_OF_LIMIT = 0.5
# So many ramps are held at once.
_AT_ONCE = 20_000
_SHOWN = 5


@stage("release")
def explain_release(request: SetRequest, ours: np.ndarray, theirs: np.ndarray, area: Area, maps: OfficialMaps) -> dict:
    """Count the pixels that the release alone calls bad, and those that a repaired test would pass.

    Parameters
    ----------
    request : SetRequest
    ours, theirs : numpy.ndarray, shape (y, x), uint16
        Categories of the flight search and of the official one.
    area, maps
        See :func:`darkmask.search.official.reading.official_maps`.

    Returns
    -------
    dict
        ``theirs`` and ``only``: pixels that the release calls bad, and those that no category of ours has;
        ``explained`` and ``unexplained``: numbers by the release's categories; ``places``: some (x, y) of the latter.
    """
    science = ~request.reference_pixels()
    bad = (theirs != 0) & science
    y, x = np.nonzero(bad & (ours == 0))
    categories = theirs[y, x]
    passes = np.ones(y.size, bool)
    for category, repaired in (
        (Category.NOISY, lambda here: _quiet_with_all_slopes(request, maps, ours != 0, y[here], x[here])),
        (Category.SATURATED, lambda here: _beside(in_category(ours, Category.SATURATED), y[here], x[here], _AROUND)),
        (Category.TELEGRAPH, lambda here: _jumps_are_the_neighbours(request, ours != 0, y[here], x[here])),
        (Category.RC, lambda here: _no_rc_ramp(request, _only_pedestal(request, area, maps), y[here], x[here])),
        (Category.LOW_PEDESTAL, lambda here: np.zeros(int(here.sum()), bool)),
    ):
        here = in_category(categories, category)
        if here.any():
            passes[here] &= repaired(here)
    left = ~passes
    return {
        "theirs": int(bad.sum()),
        "only": int(y.size),
        "explained": _by_name(categories[passes]),
        "unexplained": _by_name(categories[left]),
        "places": [(int(a), int(b)) for a, b in zip(x[left][:_SHOWN], y[left][:_SHOWN], strict=True)],
    }


def _by_name(categories: np.ndarray) -> dict[str, int]:
    values, numbers = np.unique(categories, return_counts=True)
    return {category_names(int(value)): int(number) for value, number in zip(values, numbers, strict=True)}


def _quiet_with_all_slopes(
    request: SetRequest, maps: OfficialMaps, bad: np.ndarray, y: np.ndarray, x: np.ndarray
) -> np.ndarray:
    """Return where slopes of all integrations scatter by no more than the release allows, bool (pixel,).

    The release leaves out each integration with a jump, and calls a pixel noisy of which fewer than 5 remain. The ramp
    fit has rejected the jumps, so that all slopes can be used. Where flags grown from a neighbour cut the ramps
    into short pieces, or left none, slopes are fitted to the pixel's own ramps, its own jumps taken out. A hit that is
    too small for the jump step moves one slope: the farthest is left out, since one integration alone tells nothing.
    Nor does the release know columns that wander, light that decays, or the coupling of a bad pixel into the next: what
    a pixel's column does, or its neighbours do, is taken off its slopes.
    """
    limit = compare_official(maps, request.parameters)["scatter"].limit
    slopes = _of_planes(request, lambda plane: plane[y, x])
    quiet = _scatter(slopes) <= limit
    for some in np.array_split(np.flatnonzero(~quiet), -(-int((~quiet).sum()) // _AT_ONCE) or 1):
        if some.size:
            quiet[some] = _quiet_by_itself(request, bad, y[some], x[some], slopes[:, some], limit)
    return quiet


def _quiet_by_itself(
    request: SetRequest, bad: np.ndarray, y: np.ndarray, x: np.ndarray, slopes: np.ndarray, limit: float
) -> np.ndarray:
    """Return where slopes scatter by no more than a limit without jumps and what a pixel shares, bool (pixel,)."""
    science, amplifiers = ~request.reference_pixels(), request.amplifiers()
    good = science & ~bad
    share = request.parameters.neighbour_coupling or look_up_detector(request.detector).ipc
    of_column, *of_neighbours = (
        _varying(_of_planes(request, level), limit)
        for level in (
            lambda plane: of_columns(plane, good, x, amplifiers),
            lambda plane: around(plane, good, science, y, x),
            lambda plane: coupled(plane, bad, y, x, share),
        )
    )
    sci, own = _own_jumps(request, bad, y, x)
    tgroup = request.exposures[0].set_key.tgroup
    fitted = _fitted(sci, own, tgroup)
    without_column = np.full_like(fitted, np.nan)
    wandering = np.isfinite(of_column[0])
    if wandering.any():
        steps = steps_of_columns(lambda *places: _ramps(request, *places)[0], good, x[wandering], amplifiers)
        without_column[:, wandering] = _fitted(sci[:, :, wandering], own[:, :, wandering], tgroup, steps)
    tried = [fitted, slopes - of_column, without_column]
    tried += [measured - level for level in of_neighbours for measured in (slopes, fitted, without_column)]
    return np.logical_or.reduce([(_scatter(left) <= limit) | (_scatter_without_one(left) <= limit) for left in tried])


def _of_planes(request: SetRequest, measure: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return what is measured of the slopes of each integration, float64 (integration, pixel)."""
    measured = []
    for exposure in request.exposures:
        with OpenExposure(exposure, request.folder) as opened:
            measured += [measure(opened.rate(integration=i)) for i in range(exposure.integrations)]
    return np.array(measured, dtype=np.float64)


def _varying(level: np.ndarray, limit: float) -> np.ndarray:
    """Return the levels of pixels of which they vary by what matters beside the limit, NaN of others.

    Where a level is not known it is 0, so that a slope is left as it is and not left out.
    """
    varies = _scatter(level) > _SHARE_OF_LIMIT * limit
    return np.where(varies, np.where(np.isfinite(level), level, 0.0), np.nan)


def _scatter(slopes: np.ndarray) -> np.ndarray:
    """Return the standard deviation of finite slopes (integration, pixel), as the release does; NaN if too few."""
    known = np.isfinite(slopes)
    number = known.sum(axis=0)
    mean = np.where(known, slopes, 0).sum(axis=0) / np.maximum(number, 1)
    variance = np.where(known, (slopes - mean) ** 2, 0).sum(axis=0) / np.maximum(number, 1)
    return np.where(number >= MIN_CLEAN_SLOPES, np.sqrt(variance), np.nan)


def _scatter_without_one(slopes: np.ndarray) -> np.ndarray:
    """Return the standard deviation without the farthest slope, on the scale of one with it; NaN if few are left."""
    others = slopes.copy()
    some = np.flatnonzero(np.isfinite(slopes).any(axis=0))
    distance = np.abs(slopes[:, some] - np.nanmedian(slopes[:, some], axis=0))
    others[np.nanargmax(distance, axis=0), some] = np.nan
    return _scatter(others) / _share_without_one(len(slopes))


@cache
def _share_without_one(number: int) -> float:
    """Return what the scatter of so many Gaussian values keeps without the farthest of them."""
    drawn = np.random.default_rng(0).normal(size=(number, 20_000))
    far = np.abs(drawn - np.median(drawn, axis=0)).argmax(axis=0)
    rest = drawn.copy()
    rest[far, np.arange(drawn.shape[1])] = np.nan
    return float(np.median(np.nanstd(rest, axis=0) / drawn.std(axis=0)))


def _ramps(request: SetRequest, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return SCI and GROUPDQ of some pixels, shape (integration, group, pixel)."""
    sci, groupdq = [], []
    for exposure in request.exposures:
        with OpenExposure(exposure, request.folder) as opened:
            ramps, flags = opened.ramps(y, x)
            sci.append(ramps)
            groupdq.append(flags)
    return np.concatenate(sci), np.concatenate(groupdq)


def _fitted(sci: np.ndarray, own: np.ndarray, tgroup: float, shared: np.ndarray | None = None) -> np.ndarray:
    """Return straight-line slopes of ramps without the steps of their own jumps, DN/s (integration, pixel).

    ``shared`` group differences are taken off before, (integration, group - 1, pixel), and a flag is none of a jump
    if the jump step passes what is left: a read that lies off by noise is flagged on the side to which a column moves.
    """
    steps, quiet = np.diff(sci.astype(np.float64), axis=1), ~own[:, 1:]
    if shared is not None:
        steps -= shared
        off = np.abs(steps - np.median(steps))
        quiet |= off <= MISSED_HIT * MAD_TO_SIGMA * np.median(off)
    mean = np.where(quiet, steps, 0).sum(axis=1) / np.maximum(quiet.sum(axis=1), 1)
    ramps = np.cumsum(np.where(quiet, steps, mean[:, None]), axis=1)
    groups = np.arange(ramps.shape[1]) - (ramps.shape[1] - 1) / 2
    return np.einsum("igp,g->ip", ramps, groups) / ((groups**2).sum() * tgroup)


def _beside(bad: np.ndarray, y: np.ndarray, x: np.ndarray, offsets) -> np.ndarray:
    """Return where one of the neighbours is bad: the saturation step grows its flag onto them."""
    wide = np.pad(bad, 1)
    return np.logical_or.reduce([wide[y + 1 + dy, x + 1 + dx] for dy, dx in offsets])


def _own_jumps(request: SetRequest, bad: np.ndarray, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return SCI, and where a jump is no bad neighbour's of the same group, both (integration, group, pixel).

    The jump step flags the four neighbours of a jump.
    """
    sci, flags = _ramps(request, y, x)
    own = (flags & np.uint8(JUMP_DET)) != 0
    rows, columns = bad.shape
    for dy, dx in SIDES:
        there_y, there_x = np.clip(y + dy, 0, rows - 1), np.clip(x + dx, 0, columns - 1)
        _, theirs = _ramps(request, there_y, there_x)
        own &= ~(((theirs & np.uint8(JUMP_DET)) != 0) & bad[there_y, there_x])
    return sci, own


def _jumps_are_the_neighbours(request: SetRequest, bad: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return where too few jumps are left without those that a bad neighbour has in the same group, bool (pixel,)."""
    _, own = _own_jumps(request, bad, y, x)
    many = (own.sum(axis=1) >= FIXED_IN_CODE["max_jump_limit"]).mean(axis=0)
    return many <= request.parameters.high_cr_fraction


def _only_pedestal(request: SetRequest, area: Area, maps: OfficialMaps) -> np.ndarray:
    """Return where the release goes by the pedestal and not by early jumps, bool (y, x)."""
    where = np.zeros(request.shape, bool)
    where[area] = ~compare_official(maps, request.parameters)["early_jumps"].everywhere()
    return where


def _no_rc_ramp(request: SetRequest, only_pedestal: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return where a high pedestal alone made an rc pixel, whose ramps are not those of one."""
    sci, _ = _ramps(request, y, x)
    first, change = np.median(sci[:, 0], axis=0), np.median(np.abs(sci[:, -1] - sci[:, 0]), axis=0)
    return only_pedestal[y, x] & ~((first > RC_FIRST) & (change > RC_CHANGE))
