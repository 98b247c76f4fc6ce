"""Measure what a mask leaves: pixels that still stand out in an exposure and are not in the mask made from the others.

A user of a mask asks this of any mask, as cp_verify does of defects: it needs no truth, and sees what the search of all
exposures together cannot, since that throws out what is bad in a few integrations alone.

Most of what stands out of an exposure (:mod:`.standing`) does so of each, and is in the mask made from all. The others
are asked for the rest alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.errors import TooLittleError
from darkmask.core.stages import stage
from darkmask.core.statistics import reached_by_chance
from darkmask.delivery import OpenSet
from darkmask.search.budget import expected_false_pixels
from darkmask.search.engines import judge_some_pixels
from darkmask.search.flight.asked import reached, rows_apart, with_surroundings
from darkmask.search.flight.categories import require_enough
from darkmask.search.flight.light import Light, in_patches
from darkmask.search.flight.robust import places
from darkmask.search.flight.shielded import without_light
from darkmask.search.flight.steady import Planes
from darkmask.search.flight.unstable import name_unstable
from darkmask.search.maps.some import SomeMaps
from darkmask.search.request import SetRequest

from .standing import TESTS, OneOfSet, Standing, measured_at, standing_in

# So many exposures are looked over at once.
_LOOKED_OVER_AT_ONCE = 8
# So many positions of each kind are kept for the message.
_SHOWN = 5


@stage("residuals")
def left_in_exposures(
    request: SetRequest,
    passing: np.ndarray,
    lights: Sequence[Light] = (),
    wandering: Sequence[int] = (),
    in_mask: np.ndarray | None = None,
) -> list[dict]:
    """Judge each exposure of a set by the mask made from the others.

    Parameters
    ----------
    request : SetRequest
        Request of the flight search.
    passing : numpy.ndarray, shape (y, x), bool
        What gets no flag because it passes (:func:`darkmask.build.turned.passing`), and is not counted as hot.
    lights : sequence of Light
        Of the patches that the search of all integrations found: the mask made from the others calls no pixel hot for
        them either.
    wandering : sequence of int
        Columns that wander, as the search of all integrations found them. In one exposure nothing tells what their
        pixels have in common from what one of them does, and none is called noisy for it.
    in_mask : numpy.ndarray, shape (y, x), bool, optional
        What may not be used by the mask made from all exposures. Without it the others are asked for every pixel.

    Returns
    -------
    list of dict
        Of each exposure: ``name``; under ``hot`` and ``noisy``, see :func:`count_left`; and under ``passing`` how many
        of those pixels are hot.

    Raises
    ------
    SearchError
        When there is one exposure only, or the others have too few integrations to search.
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    if len(request.exposures) < 2:
        raise TooLittleError(
            f"{request.detector} has one exposure, and none beside it to make a mask from: deliver more."
        )
    # Integrations that are no measurement belong to neither part.
    planes = OpenSet(request.exposures, request.folder, request.integrations).planes
    numbered = [(number, opened.exposure) for number, (opened, _) in zip(request.numbers, planes, strict=True)]
    parts = [
        OneOfSet(exposure, *(tuple(n for n, of in numbered if (of is exposure) is own) for own in (True, False)))
        for exposure in request.exposures
    ]
    some = [part for part in parts if part.own]
    for part in some:
        require_enough(len(part.others), part.exposure.jump.shape[1], look_up_detector(request.detector))
    standing: list[Standing] = []
    for first in range(0, len(some), _LOOKED_OVER_AT_ONCE):
        standing += standing_in(request, some[first : first + _LOOKED_OVER_AT_ONCE], passing, wandering)
    return [
        _left(request, part.exposure.jump.path, one, one.places[~masked])
        for part, one, masked in zip(some, standing, _masked(request, some, standing, lights, in_mask), strict=True)
    ]


def _left(request: SetRequest, name: str, standing: Standing, left: np.ndarray) -> dict:
    """Return what :func:`left_in_exposures` does of an exposure, of which a mask leaves some pixels (pixel,)."""
    counts: dict = {}
    for kind, found in standing.found.items():
        where = np.zeros(request.shape, bool)
        where.ravel()[np.intersect1d(found, left)] = True
        counts[kind] = _counted(where, standing.judged[kind], request, TESTS[kind])
    return {"name": name, **counts, "passing": np.intersect1d(standing.passing, left).size}


def _masked(
    request: SetRequest,
    parts: Sequence[OneOfSet],
    standing: Sequence[Standing],
    lights: Sequence[Light],
    in_mask: np.ndarray | None,
) -> Iterator[np.ndarray]:
    """Yield which of the pixels that stand out of each exposure the mask made from the others holds, bool (pixel,).

    What stands out of each exposure by itself, in the same way, does so of all but one together, whose errors are less
    than those of one. Where the mask of all holds it, so does theirs: these are most, and nobody else need be asked;
    a search that loses such pixels leaves them out of both. In a patch a mask leaves out what light makes hot.
    """
    in_all = np.zeros(request.shape, bool).ravel()
    for kind in TESTS:
        each = [one.found[kind] for one in standing]
        found, number = np.unique(np.concatenate(each), return_counts=True)
        in_all[found[number == len(each)]] = True
    in_all &= False if in_mask is None else (in_mask & ~in_patches(request.shape, lights)).ravel()
    open_questions = []
    for one in standing:
        where = np.zeros(request.shape, bool)
        where.ravel()[one.places[~in_all[one.places]]] = True
        open_questions.append(where)
    which = [k for k, where in enumerate(open_questions) if where.any()]
    asked = {k: _asked_of_others(request, open_questions[k], lights) for k in which}
    every = min((rows_apart(one, request.amplifiers()) for one in asked.values()), default=1)
    measured = measured_at(request, [(parts[k].others, asked[k], True) for k in which], every)
    place = {number: k for k, number in enumerate(request.numbers)}
    for k, one in enumerate(standing):
        masked = in_all[one.places]
        if k in asked:
            others = parts[k].others
            here = [light.of_integrations([place[number] for number in others]) for light in lights]
            unusable = _unusable(replace(request, integrations=others), next(measured), asked[k], here)
            masked |= unusable.ravel()[one.places]
        yield masked


def _asked_of_others(request: SetRequest, may_stand: np.ndarray, lights: Sequence[Light]) -> np.ndarray:
    """Return the pixels that the mask made from the others is asked for, bool (y, x).

    A pixel may be taken out for a hot neighbour; and those of a patch are judged by what surrounds them.
    """
    asked = may_stand
    if request.parameters.flight_flags().neighbours:
        asked = reached(asked, 1)
    return with_surroundings(asked, lights)


def _unusable(request: SetRequest, some: SomeMaps, asked: np.ndarray, lights: Sequence[Light]) -> np.ndarray:
    """Return what gets DO_NOT_USE; telegraph and noisy pixels both do, and no ramp need tell which but in a patch."""
    in_patch = in_patches(request.shape, lights)
    found = judge_some_pixels(request, some, asked, lights)
    at = places(asked)
    telegraph = in_patch[at]
    if lights:
        maps = some.frames(in_patch, "rate", "noise", "differences", "jumps")
        telegraph = name_unstable(request, maps, found, found.in_question & in_patch)[at]
    categories = np.zeros(request.shape, np.uint16)
    categories[at] = found.part(at).named(telegraph)
    if lights:
        categories, *_ = without_light(Planes(request, maps), found, categories, lights)
    flags = request.parameters.flight_flags()
    masked = flags.beside_hot(categories)
    masked[at] |= flags.unusable(categories[at])
    return masked


def count_left(left: np.ndarray, judged: np.ndarray, request: SetRequest, test: str) -> dict:
    """Count pixels that a mask leaves, against chance.

    Parameters
    ----------
    left, judged : numpy.ndarray, shape (y, x), bool
    request : SetRequest
    test : str
        The test of :func:`darkmask.search.budget.expected_false_pixels` by which chance makes such pixels.

    Returns
    -------
    dict
        ``left`` and ``judged``, in pixels; ``chance``: the number that the Gaussian tail of the test makes; ``beyond``:
        pixels per million beyond what chance reaches in one case of a thousand (Poisson); ``places``: some (x, y).
    """
    return _counted(left & judged, int(np.count_nonzero(judged)), request, test)


def _counted(here: np.ndarray, pixels: int, request: SetRequest, test: str) -> dict:
    number = int(np.count_nonzero(here))
    chance = expected_false_pixels(request.parameters, pixels)[test]
    beyond = max(number - reached_by_chance(chance), 0.0)
    return {
        "left": number,
        "judged": pixels,
        "chance": chance,
        "beyond": 1e6 * beyond / max(pixels, 1),
        "places": list(_first_places(here)),
    }


def _first_places(where: np.ndarray) -> Iterator[tuple[int, int]]:
    y, x = places(where)
    return ((int(a), int(b)) for a, b in zip(x[:_SHOWN], y[:_SHOWN], strict=True))
