"""Measure what a mask leaves: pixels that still stand out in an exposure and are not in the mask made from the others.

A user of a mask asks this of any mask, as cp_verify does of defects: it needs no truth, and sees what the search of all
exposures together cannot, since that throws out what is bad in a few integrations alone.

All pixels of an exposure are looked over for what may stand out (:mod:`.glanced`). These alone are judged, in the
exposure and by the others, with limits that one row in some tells (:mod:`darkmask.search.flight.asked`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.errors import TooLittleError
from darkmask.core.stages import stage
from darkmask.delivery import Exposure, OpenSet
from darkmask.search.budget import expected_false_pixels
from darkmask.search.engines import judge_some_pixels, measure_some_pixels
from darkmask.search.flight.asked import Asked, reached, rows_apart, with_surroundings
from darkmask.search.flight.categories import require_enough
from darkmask.search.flight.light import Light, in_patches
from darkmask.search.flight.robust import places
from darkmask.search.flight.search_some import in_amplifiers
from darkmask.search.flight.shielded import without_light
from darkmask.search.flight.some_pixels import SomePixels
from darkmask.search.flight.steady import Planes
from darkmask.search.flight.unstable import name_unstable
from darkmask.search.flight.varying import LEAST_COMPARED
from darkmask.search.maps.some import Choice, SomeMaps
from darkmask.search.request import SetRequest

from .glanced import seen_at_a_glance

# What can be left, and the tests by which chance makes it. Warm and low-pedestal pixels can be used; the bend of an rc
# ramp is known from several integrations only.
HOT, NOISY = "hot", "noisy"
TESTS = {HOT: "bright", NOISY: "unstable"}
# The jump step misses hits of fewer than this many sigma of a difference; the mean of a ramp of n groups takes up to
# 1.5 / n of a step (in its middle), so that one integration alone cannot tell such a hit from a hot pixel.
MISSED_HIT, SHARE_OF_STEP = 5.0, 1.5
# A saturated neighbour's flags may leave a ramp of one or two reads, in which no jump can be found: with fewer than so
# many differences in an integration, a hit is a slope.
LEAST_DIFFERENCES = 2
# Nothing left of fewer than this share of the science pixels says nothing of the mask. Of good exposures 99.5 % are
# judged; what a large snowball or a bright neighbour takes away is a few per cent.
LEAST_JUDGED = 0.5
# So many exposures are looked over at once. Maps of some pixels may take so much memory; those of an exposure and of
# the others take so many bytes a pixel of the rows that tell, with the pixels that are asked.
_GLANCED_AT, _ROOM, _BYTES = 8, 560_000_000, 210
# A number of pixels that chance exceeds in one case of so many is chance.
RARE = 1e-3
# So many positions of each kind are kept for the message.
_SHOWN = 5


@stage("residuals")
def left_in_exposures(
    request: SetRequest, passing: np.ndarray, lights: Sequence[Light] = (), wandering: Sequence[int] = ()
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
        _Exposure(exposure, *(tuple(n for n, of in numbered if (of is exposure) is own) for own in (True, False)))
        for exposure in request.exposures
    ]
    some = [part for part in parts if part.own]
    for part in some:
        require_enough(len(part.others), part.exposure.jump.shape[1], look_up_detector(request.detector))
    left: list[dict] = []
    for first in range(0, len(some), _GLANCED_AT):
        left += _left_in(request, some[first : first + _GLANCED_AT], passing, lights, wandering)
    return left


class _Exposure(NamedTuple):
    """An exposure, and the numbers of its integrations and of the others."""

    exposure: Exposure
    own: tuple[int, ...]
    others: tuple[int, ...]


def _left_in(
    request: SetRequest,
    parts: Sequence[_Exposure],
    passing: np.ndarray,
    lights: Sequence[Light],
    wandering: Sequence[int],
) -> Iterator[dict]:
    """Yield what is left in each of some exposures."""
    # With fewer in all its integrations the search judges no pixel, and none of those that it leaves would be left.
    fewest = -(-request.parameters.min_differences // min(len(part.own) for part in parts))
    seen = seen_at_a_glance(request, [part.own for part in parts], max(LEAST_DIFFERENCES, fewest))
    steady = ~np.isin(np.arange(request.shape[1]), wandering)
    for part, of in zip(parts, seen, strict=True):
        number, science = (int(np.count_nonzero(where)) for where in (of.judged, ~request.reference_pixels()))
        if number < LEAST_JUDGED * science:
            # None of none would be a pass, and so would be none of the few that fill their wells.
            said = f"{number} of {science} pixels" if number else "no pixel"
            raise TooLittleError(
                f"{part.exposure.jump.path} has {said} with the reads that tell a hit from a hot pixel: leave it out, "
                "or deliver longer ramps."
            )
    standing = [of.judged & of.may_stand for of in seen]
    asked = [_asked_of_others(request, one, lights) for one in standing]
    every = min(rows_apart(one, request.amplifiers()) for one in asked)
    at_once = max(1, _ROOM // (request.shape[0] * request.shape[1] * _BYTES // every))
    place = {number: k for k, number in enumerate(request.numbers)}
    for first in range(0, len(parts), at_once):
        chosen = range(first, min(first + at_once, len(parts)))
        choices = []
        for k in chosen:
            own, others = (tuple(place[number] for number in part) for part in parts[k][1:])
            # With fewer integrations the search compares none with another.
            choices.append(Choice(own, reached(standing[k]), changes=len(own) >= LEAST_COMPARED))
            choices.append(Choice(others, reached(asked[k])))
        measured = measure_some_pixels(request, choices, every)[::-1]
        for k in chosen:
            # Given up when they were judged.
            alone, of_others = measured.pop(), measured.pop()
            here = [light.of_integrations([place[number] for number in parts[k].others]) for light in lights]
            masked = _unusable(replace(request, integrations=parts[k].others), of_others, asked[k], here)
            found = standing_out(replace(request, integrations=parts[k].own), alone, standing[k])
            judged = {HOT: seen[k].judged & ~passing, NOISY: seen[k].judged & steady}
            counts: dict = {
                kind: count_left(where & ~masked, judged[kind], request, TESTS[kind]) for kind, where in found.items()
            }
            counts["passing"] = int(np.count_nonzero(found[HOT] & ~masked & seen[k].judged & passing))
            yield {"name": parts[k].exposure.jump.path, **counts}


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


def standing_out(request: SetRequest, some: SomeMaps, asked: np.ndarray) -> dict[str, np.ndarray]:
    """Return what stands out in one exposure, however few integrations it has.

    Parameters
    ----------
    request : SetRequest
    some : SomeMaps
        Of the exposure.
    asked : numpy.ndarray, shape (y, x), bool
        The pixels that may.

    Returns
    -------
    dict of str to numpy.ndarray, shape (y, x), bool
        ``hot``: so bright that no hit that the jump step missed could make it so. ``noisy``: with falls beyond chance,
        or so noisy that the search would call it noisy for that.
    """
    found = {kind: np.zeros(request.shape, bool) for kind in TESTS}

    def judge(part: SomePixels, _columns: slice) -> None:
        at = places(part.search()[Category.HOT])
        differences = (part.maps.differences[at] + part.maps.jumps[at]) / np.float32(part.integrations)
        missed = MISSED_HIT * part.noise_of_good * SHARE_OF_STEP / ((differences + 1) * part.tgroup * part.integrations)
        error = request.parameters.hot_significance * part.error(at)
        hot: np.ndarray = np.zeros(part.rate.shape, bool)
        hot[at] = part.rate[at] > part.centre + missed + error
        part.put(hot, found[HOT])
        # Not by what takes several exposures: rates that scatter, or jumps that are more than those of a column.
        part.put(part.noisy & part.unstable, found[NOISY])

    in_amplifiers(judge, Asked.of(request, some, asked))
    return found


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
    here = left & judged
    number, pixels = int(np.count_nonzero(here)), int(np.count_nonzero(judged))
    chance = expected_false_pixels(request.parameters, pixels)[test]
    beyond = max(number - _reached_by_chance(chance), 0.0)
    return {
        "left": number,
        "judged": pixels,
        "chance": chance,
        "beyond": 1e6 * beyond / max(pixels, 1),
        "places": list(_first_places(here)),
    }


def _reached_by_chance(mean: float) -> int:
    """Return the least number of events, of so many in the mean, that is exceeded in one case of a thousand at most."""
    from scipy.special import pdtrc

    number = 0
    while pdtrc(number, mean) > RARE:
        number += 1
    return number


def _first_places(where: np.ndarray) -> Iterator[tuple[int, int]]:
    y, x = places(where)
    return ((int(a), int(b)) for a, b in zip(x[:_SHOWN], y[:_SHOWN], strict=True))
