"""Test whether the two halves of a set's integrations show the same bad pixels."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from darkmask.core.categories import Category, in_category
from darkmask.core.stages import stage
from darkmask.search.engines import judge_maps, measure_maps
from darkmask.search.flight.categories import FlightResult
from darkmask.search.flight.light import Light
from darkmask.search.flight.robust import places
from darkmask.search.flight.shielded import without_light
from darkmask.search.flight.steady import Planes
from darkmask.search.flight.unstable import name_unstable
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.request import SetRequest

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
def stability(request: SetRequest, lights: Sequence[Light] = ()) -> dict:
    """Search each half, and look for its clear pixels in the other.

    Parameters
    ----------
    request : SetRequest
        Request of the flight search, with at least twice ``LEAST_IN_HALF`` integrations.
    lights : sequence of Light
        Of the patches that the search of all integrations found, by which their pixels are judged in each half too.

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
    clear, found = [], []
    maps: CombinedMaps | None = None
    for chosen in every_other(len(request.numbers)):
        half = replace(request, integrations=tuple(request.numbers[i] for i in chosen))
        maps = measure_maps(half, keep=True, spent=maps)
        usually = judge_maps(half, maps, strict=strict, pixels_only=True)
        here = [light.of_integrations(chosen) for light in lights]
        telegraph = name_unstable(half, maps, usually, _undecided(request, usually, here))
        bad, surely = _judged(request, usually, telegraph, partial(_without_light, half, maps, here))
        found.append(bad)
        clear.append(surely)
    lost = [clear[i] & ~found[1 - i] for i in (0, 1)]
    first = [[int(x), int(y)] for y, x in np.argwhere(lost[0] | lost[1])[:MOST_PLACES]]
    return {
        "clear": int(clear[0].sum() + clear[1].sum()),
        "lost": int(lost[0].sum() + lost[1].sum()),
        "places": first,
    }


def _undecided(request: SetRequest, usually: FlightResult, lights: Sequence[Light]) -> np.ndarray:
    """Return the pixels of which the answers depend on whether their ramps have two levels, bool (y, x).

    Most pixels that switch are bad by either name, and their ramps, which take long to read, need not be. In a patch
    all are asked, since those that switch keep their names there.
    """
    asked: np.ndarray = usually.in_question
    at = places(asked)
    some = usually.part(at)
    by_name = [_judged(request, some, np.full(at[0].shape, telegraph)) for telegraph in (False, True)]
    in_patch = np.zeros(asked.shape, bool)
    for light in lights:
        in_patch.ravel()[light.region] = True
    asked[at] = in_patch[at] | np.logical_or.reduce([one != other for one, other in zip(*by_name, strict=True)])
    return asked


def _without_light(
    half: SetRequest, maps: CombinedMaps, lights: Sequence[Light], found: FlightResult, categories: np.ndarray
) -> np.ndarray:
    return without_light(Planes(half, maps), found, categories, lights)[0] if lights else categories


def _as_named(_found: FlightResult, categories: np.ndarray) -> np.ndarray:
    return categories


def _judged(
    request: SetRequest,
    usually: FlightResult,
    telegraph: np.ndarray,
    shielded: Callable[[FlightResult, np.ndarray], np.ndarray] = _as_named,
) -> tuple[np.ndarray, np.ndarray]:
    """Return which pixels are bad, and which surely unusable in all integrations of this half, bool each.

    Parameters
    ----------
    request : SetRequest
    usually : FlightResult
        With what is found by strict limits.
    telegraph : numpy.ndarray, bool
        The pixels that have two levels.
    shielded : callable
        Takes from what is found the names that only the light of patches gave.
    """
    strictly = usually.strict or usually
    categories = shielded(usually, usually.named(telegraph))
    # Two levels are two levels, however much the noise must exceed; but those of a faint pixel may hide in the noise of
    # the other half.
    certain = telegraph & strictly.in_question & ~strictly.faint
    unusable = request.parameters.flight_flags().unusable(shielded(strictly, strictly.named(certain)))
    return categories != 0, unusable & ~_changing(categories, usually.rate, request.parameters.hot_rate)


def _changing(categories: np.ndarray, rate: np.ndarray, hot_rate: float) -> np.ndarray:
    """Return the pixels that are bad in some integrations of a search alone, bool (y, x)."""
    turned_hot = in_category(categories, Category.HOT) & (rate < hot_rate)
    return in_category(categories, Category.INTERMITTENT) | turned_hot
