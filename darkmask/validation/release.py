"""Explain the pixels that the published search alone calls bad, by what is known to be wrong with it.

A rule explains a pixel only when the release's own test passes it once that defect is repaired; what no rule explains
is counted. The search is ``official``, which equals jwst_reffiles 1.0.1 pixel by pixel and takes a second.
"""

from collections.abc import Sequence

import numpy as np

from darkmask.core.categories import Category, category_names, in_category
from darkmask.core.detectors import detector as look_up_detector
from darkmask.search.flight.evidence import Evidence
from darkmask.search.official.reading import Area
from darkmask.search.request import SetRequest

from .as_released import few_jumps, jumps_early, no_rc_ramp
from .own_ramps import SIDES, OwnRamps, read_own_ramps, read_signals
from .repaired import Asked, passes_repaired
from .shared import AROUND, around, beside, coupled, of_columns, of_planes, steps_of_columns
from .slopes import fit_slopes, scatter, scatter_without_one

# What a pixel shares with others explains nothing where it scatters by less than this share of what the release allows:
# it is then no more than the noise of a few pixels' median.
_SHARE_OF_LIMIT = 0.5
# So many reads are held at once; what is looked at closely takes so many times the room of what is not.
_AT_ONCE, _ROOM = 30_000_000, 12
_SHOWN = 5


def explain_release(
    request: SetRequest,
    ours: np.ndarray,
    theirs: np.ndarray,
    area: Area,
    compared: Evidence,
    wandering: Sequence[int] = (),
) -> dict:
    """Count the pixels that the release alone calls bad, and those that a repaired test would pass.

    Parameters
    ----------
    request : SetRequest
    ours, theirs : numpy.ndarray, shape (y, x), uint16
        Categories of the flight search and of the official one.
    area : tuple of slice
        See :func:`darkmask.search.official.reading.official_maps`.
    compared : dict of str to Compared
        See :func:`darkmask.search.official.categories.compare_official`.
    wandering : sequence of int
        Columns that our search says wander.

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
    passes = ~in_category(categories, Category.LOW_PEDESTAL)
    grown = in_category(categories, Category.SATURATED)
    # The saturation step grows its flag onto the pixels around.
    passes[grown] &= beside(in_category(ours, Category.SATURATED), y[grown], x[grown], AROUND).counted.any(axis=0)
    possible = passes.copy()
    noisy, jumping, rc = (in_category(categories, one) for one in (Category.NOISY, Category.TELEGRAPH, Category.RC))
    limit = float(compared["scatter"].limit)
    slopes = _slopes(request, y, x, noisy)
    asked = noisy & ~(scatter(slopes) <= limit)
    levels = _shared_levels(request, ours != 0, y, x, asked, limit)
    # The release goes by the pedestal there, and not by early jumps.
    only_pedestal = np.zeros(request.shape, bool)
    only_pedestal[area] = ~compared["early_jumps"].everywhere()
    of_all = Asked(y, x, noisy, jumping, rc, rc & ~only_pedestal[y, x])
    # Those asked for their noise first: to take them out of the ramps of all would be a copy of nearly all.
    of_ramps = np.flatnonzero(asked | jumping | rc)
    of_ramps = of_ramps[np.argsort(~asked[of_ramps], kind="stable")]
    at_once = max(1, _AT_ONCE // (request.exposures[0].jump.shape[1] * len(slopes)))
    for first in range(0, of_ramps.size, at_once):
        here = of_ramps[first : first + at_once]
        ramps = read_own_ramps(request, ours != 0, y[here], x[here])
        pixels = here[asked[here]]
        shared = [level[:, pixels] for level in levels]
        passes[pixels] &= _quiet_by_itself(request, ours != 0, x[pixels], slopes[:, pixels], shared, ramps, limit)
        where = np.flatnonzero(jumping[here])
        passes[here[where]] &= few_jumps(ramps.jumps[:, :, where], request.parameters)
        where = np.flatnonzero(rc[here])
        early = jumps_early(ramps.jumps[:, :, where], request.parameters)
        by_jumps = ~only_pedestal[y[here[where]], x[here[where]]] & early
        passes[here[where]] &= ~by_jumps & no_rc_ramp(ramps.signals[:, :, where])
        again = np.flatnonzero(possible[here] & ~passes[here])
        for some in np.array_split(again, -(-again.size * _ROOM // at_once) or 1):
            pixels = here[some]
            passes[pixels] = passes_repaired(
                request, ours != 0, of_all.of(pixels), ramps.of(some), levels[1][:, pixels], limit, wandering
            )
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


def _slopes(request: SetRequest, y: np.ndarray, x: np.ndarray, noisy: np.ndarray) -> np.ndarray:
    """Return the slopes of noisy pixels, NaN of others, float64 (integration, pixel), DN/s.

    The release leaves out each integration with a jump, and calls a pixel noisy of which fewer than 5 remain. The ramp
    fit has rejected the jumps, so that all slopes can be used.
    """
    (of_noisy,) = of_planes(request, lambda plane: plane[y[noisy], x[noisy]])
    slopes = np.full((len(of_noisy), y.size), np.nan)
    slopes[:, noisy] = of_noisy
    return slopes


def _shared_levels(
    request: SetRequest, bad: np.ndarray, y: np.ndarray, x: np.ndarray, asked: np.ndarray, limit: float
) -> list[np.ndarray]:
    """Return what a pixel's column does, the pixels around it, and what bad neighbours put in.

    Returns
    -------
    list of numpy.ndarray, shape (integration, pixel), float64, DN/s
        See :func:`_varying`; NaN of those that are not asked.
    """
    science, amplifiers = ~request.reference_pixels(), request.amplifiers()
    good = science & ~bad
    share = request.parameters.neighbour_coupling or look_up_detector(request.detector).ipc
    at_y, at_x = y[asked], x[asked]
    near, bad_ones = beside(science, at_y, at_x, AROUND), beside(bad, at_y, at_x, SIDES)
    measured = of_planes(
        request,
        lambda plane: of_columns(plane, good, at_x, amplifiers),
        lambda plane: around(plane, good, near),
        lambda plane: coupled(plane, bad_ones, share),
    )
    levels = []
    for one in measured:
        level = np.full((len(one), y.size), np.nan)
        level[:, asked] = _varying(one, limit)
        levels.append(level)
    return levels


def _quiet_by_itself(
    request: SetRequest,
    bad: np.ndarray,
    x: np.ndarray,
    slopes: np.ndarray,
    shared: list[np.ndarray],
    ramps: OwnRamps,
    limit: float,
) -> np.ndarray:
    """Return where slopes scatter by no more than the release allows without jumps and what is shared, bool (pixel,).

    Ramps of other pixels may follow those of these.
    Where flags grown from a neighbour cut the ramps into short pieces, or left none, slopes are fitted to the pixel's
    own ramps, its own jumps taken out. A hit that is too small for the jump step moves one slope: the farthest is left
    out, since one integration alone tells nothing. Nor does the release know columns that wander, light that decays, or
    the coupling of a bad pixel into the next: what a pixel's column or its neighbours do is taken off its slopes.
    """
    of_column, *of_neighbours = shared
    tgroup = request.exposures[0].set_key.tgroup
    fitted = fit_slopes(ramps, tgroup, x.size)
    without_column = np.full_like(fitted, np.nan)
    wandering = np.flatnonzero(np.isfinite(of_column[0]))
    if wandering.size:
        good = ~request.reference_pixels() & ~bad
        steps = steps_of_columns(lambda *at: read_signals(request, *at), good, x[wandering], request.amplifiers())
        without_column[:, wandering] = fit_slopes(ramps.of(wandering), tgroup, wandering.size, steps)
    tried = [fitted, slopes - of_column, without_column]
    tried += [measured - level for level in of_neighbours for measured in (slopes, fitted, without_column)]
    return np.logical_or.reduce([(scatter(left) <= limit) | (scatter_without_one(left) <= limit) for left in tried])


def _varying(level: np.ndarray, limit: float) -> np.ndarray:
    """Return the levels of pixels of which they vary by what matters beside the limit, NaN of others.

    Where a level is not known it is 0, so that a slope is left as it is and not left out.
    """
    varies = scatter(level) > _SHARE_OF_LIMIT * limit
    return np.where(varies, np.where(np.isfinite(level), level, 0.0), np.nan)
