"""Test whether the two halves of a set's integrations show the same bad pixels.

Limits are those that one row in some tells in each half (:mod:`darkmask.search.flight.asked`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from darkmask.core.categories import Category, in_category
from darkmask.core.stages import stage
from darkmask.search.engines import judge_some_pixels, measure_some_pixels
from darkmask.search.flight.asked import reached, rows_apart, with_surroundings
from darkmask.search.flight.categories import FlightResult
from darkmask.search.flight.light import Light, in_patches
from darkmask.search.flight.robust import places
from darkmask.search.flight.shielded import without_light
from darkmask.search.flight.steady import Planes
from darkmask.search.flight.unstable import name_unstable
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.maps.some import Choice
from darkmask.search.request import SetRequest

from .glanced import seen_at_a_glance

# With fewer in each half, noise and shape of a ramp are not known well enough to expect the same in both.
LEAST_IN_HALF = 5
# A pixel must lie this many sigma above its threshold in one half to be expected in the other. Two measurements of one
# pixel differ by sqrt(2) of their sigma, so that a pixel at 3 sqrt(2) is missed in 1 of 740 cases at the worst.
MARGIN = 3 * np.sqrt(2)
# A page shows so many of the pixels that the halves do not agree on.
MOST_PLACES = 1000
_SIGNIFICANCES = (
    "hot_significance",
    "noise_significance",
    "scatter_significance",
    "shape_significance",
    "pedestal_significance",
)


def every_other(integrations: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Split the integrations, in the order of time, into every other one, so that what drifts drifts in both."""
    return tuple(range(0, integrations, 2)), tuple(range(1, integrations, 2))


@stage("halves")
def stability(request: SetRequest, lights: Sequence[Light] = (), named: np.ndarray | None = None) -> dict:
    """Search each half, and look for its clear pixels in the other.

    Parameters
    ----------
    request : SetRequest
        Request of the flight search, with at least twice ``LEAST_IN_HALF`` integrations.
    lights : sequence of Light
        Of the patches that the search of all integrations found, by which their pixels are judged in each half too.
    named : numpy.ndarray, shape (y, x), bool, optional
        Pixels that the search of all integrations calls anything, all by default. In each half these are looked at, and
        what is seen to stand out of it at a glance (:mod:`.glanced`), and ramps of which less than half is left. What
        lies in one half beyond a threshold by ``MARGIN``, and does nothing in the other, lies in all beyond it by more
        than a sigma, and has a name: (5 + 3 sqrt(2)) / sqrt(2) is 6.5.

    Returns
    -------
    dict
        ``clear``: number of pixels that are unusable in one half and beyond the thresholds by ``MARGIN``, for both
        halves; ``lost``: how many of them have no category at all in the other half; ``places``: [x, y] of the first
        ``MOST_PLACES`` of those, counted from 0. What changes within a half is no clear pixel of it: the other half may
        hold one of the integrations in which it is bad.
    """
    strict = request.parameters.model_copy(
        update={name: getattr(request.parameters, name) + MARGIN for name in _SIGNIFICANCES}
    )
    split = every_other(len(request.numbers))
    numbers = [tuple(request.numbers[i] for i in chosen) for chosen in split]
    asked = np.ones(request.shape, bool)
    if named is not None:
        seen = seen_at_a_glance(request, numbers, 0)
        asked = np.logical_or.reduce([named, *(one.may_stand | one.short for one in seen)])
    judged = with_surroundings(asked, lights)
    around, every = reached(judged), rows_apart(judged, request.amplifiers())
    halves = measure_some_pixels(request, [Choice(chosen, around) for chosen in split], every)
    at = places(asked)
    clear, found = [], []
    for chosen, own, some in zip(split, numbers, halves, strict=True):
        half = replace(request, integrations=own)
        here = [light.of_integrations(chosen) for light in lights]
        usually = judge_some_pixels(half, some, judged, here, strict)
        undecided = np.zeros(request.shape, bool)
        undecided[at] = _undecided(request, usually.part(at), in_patches(request.shape, lights)[at])
        read = undecided | in_patches(request.shape, lights)
        maps = some.frames(read, "rate", "noise", "differences", "jumps")
        telegraph = name_unstable(half, maps, usually, undecided)
        bad, surely = _judged(request, usually, telegraph, at, partial(_without_light, half, maps, here, at))
        found.append(bad)
        clear.append(surely)
    lost = [clear[i] & ~found[1 - i] for i in (0, 1)]
    shown = np.flatnonzero(lost[0] | lost[1])[:MOST_PLACES]
    return {
        "clear": int(clear[0].sum() + clear[1].sum()),
        "lost": int(lost[0].sum() + lost[1].sum()),
        "places": [[int(x), int(y)] for y, x in zip(at[0][shown], at[1][shown], strict=True)],
    }


def _undecided(request: SetRequest, usually: FlightResult, in_patch: np.ndarray) -> np.ndarray:
    """Return of which pixels (n,) the answers depend on whether their ramps have two levels, bool (n,).

    Most pixels that switch are bad by either name, and their ramps, which take long to read, need not be. In a patch
    all are asked, since those that switch keep their names there.
    """
    asked: np.ndarray = usually.in_question
    at = np.flatnonzero(asked)
    some, every = usually.part(at), np.s_[...]
    by_name = [_judged(request, some, np.full(at.shape, telegraph), every) for telegraph in (False, True)]
    asked[at] = in_patch[at] | np.logical_or.reduce([one != other for one, other in zip(*by_name, strict=True)])
    return asked


def _without_light(
    half: SetRequest, maps: CombinedMaps, lights: Sequence[Light], at: Any, found: FlightResult, categories: np.ndarray
) -> np.ndarray:
    if not lights:
        return categories
    image = np.zeros(half.shape, np.uint16)
    image[at] = categories
    named: np.ndarray = without_light(Planes(half, maps), found, image, lights)[0][at]
    return named


def _as_named(_found: FlightResult, categories: np.ndarray) -> np.ndarray:
    return categories


def _judged(
    request: SetRequest,
    usually: FlightResult,
    telegraph: np.ndarray,
    at: Any,
    shielded: Callable[[FlightResult, np.ndarray], np.ndarray] = _as_named,
) -> tuple[np.ndarray, np.ndarray]:
    """Return which of some pixels are bad, and which surely unusable in all integrations of this half, bool each.

    Parameters
    ----------
    request : SetRequest
    usually : FlightResult
        With what is found by strict limits.
    telegraph : numpy.ndarray, bool
        The pixels that have two levels.
    at : index of an image
        Those that are asked.
    shielded : callable
        Takes from what is found the names that only the light of patches gave.
    """
    strictly = usually.strict or usually
    some, surely, telegraph = usually.part(at), strictly.part(at), telegraph[at]
    categories = shielded(usually, some.named(telegraph))
    # Two levels are two levels, however much the noise must exceed; but those of a faint pixel may hide in the noise of
    # the other half.
    certain = telegraph & surely.in_question & ~surely.faint
    unusable = request.parameters.flight_flags().unusable(shielded(strictly, surely.named(certain)))
    return categories != 0, unusable & ~_changing(categories, some.rate, request.parameters.hot_rate)


def _changing(categories: np.ndarray, rate: np.ndarray, hot_rate: float) -> np.ndarray:
    """Return the pixels that are bad in some integrations of a search alone, bool (y, x)."""
    turned_hot = in_category(categories, Category.HOT) & (rate < hot_rate)
    return in_category(categories, Category.INTERMITTENT) | turned_hot
