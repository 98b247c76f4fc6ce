"""Measure what a mask leaves: pixels that still stand out in an exposure and are not in the mask made from the others.

A user of a mask asks this of any mask, as cp_verify does of defects: it needs no truth, and sees what the search of all
exposures together cannot, since that throws out what is bad in a few integrations alone.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.cores import usable_cores
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.errors import TooLittleError
from darkmask.core.stages import add_processor_time, stage
from darkmask.delivery import OpenSet
from darkmask.search.budget import expected_false_pixels
from darkmask.search.engines import judge_maps, measure_maps
from darkmask.search.flight.amplifier import LEAST_COMPARED, AmplifierSearch
from darkmask.search.flight.light import Light
from darkmask.search.flight.robust import places
from darkmask.search.flight.shielded import without_light
from darkmask.search.flight.steady import Planes
from darkmask.search.flight.unstable import name_unstable
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.request import SetRequest

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
# A number of pixels that chance exceeds in one case of so many is chance.
RARE = 1e-3
# So many positions of each kind are kept for the message.
_SHOWN = 5


@stage("residuals")
def left_in_exposures(request: SetRequest, passing: np.ndarray, lights: Sequence[Light] = ()) -> list[dict]:
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
    left = []
    of_others: CombinedMaps | None = None
    maps: CombinedMaps | None = None
    # Integrations that are no measurement belong to neither part.
    planes = OpenSet(request.exposures, request.folder, request.integrations).planes
    numbered = [(number, opened.exposure) for number, (opened, _) in zip(request.numbers, planes, strict=True)]
    for exposure in request.exposures:
        own = tuple(number for number, of in numbered if of is exposure)
        if not own:
            continue
        others = replace(request, integrations=tuple(number for number, of in numbered if of is not exposure))
        of_others = measure_maps(others, keep=True, spent=of_others)
        chosen = [k for k, number in enumerate(request.numbers) if number in others.numbers]
        masked = _unusable(others, of_others, [light.of_integrations(chosen) for light in lights])
        alone = replace(request, integrations=own)
        # With fewer integrations the search compares none with another.
        maps = measure_maps(alone, keep=True, spent=maps, changes=len(own) >= LEAST_COMPARED)
        judged = _judged(alone, maps)
        if not judged.any():
            # None of none would be a pass.
            raise TooLittleError(
                f"{exposure.jump.path} has no pixel with the reads that tell a hit from a hot pixel: leave it out."
            )
        found = {kind: where & ~masked for kind, where in standing_out(alone, maps).items()}
        counts: dict = {
            kind: count_left(where, judged & ~passing if kind is HOT else judged, request, TESTS[kind])
            for kind, where in found.items()
        }
        counts["passing"] = int((found[HOT] & judged & passing).sum())
        left.append({"name": exposure.jump.path, **counts})
    return left


def _judged(request: SetRequest, maps: CombinedMaps) -> np.ndarray:
    """Return the pixels in which a hit can be told from what the pixel does, bool (y, x).

    Beside a saturated pixel the jump step does not look, and a single hit looks like noise, or like a rate where few
    reads are left. What fills its own well early has few reads too, and is judged.
    """
    few = maps.differences + maps.jumps < LEAST_DIFFERENCES * maps.integrations
    return ~request.reference_pixels() & (maps.saturated_first == 0) & (~few | (maps.saturated_last > 0))


def _unusable(request: SetRequest, maps: CombinedMaps, lights: Sequence[Light]) -> np.ndarray:
    """Return what gets DO_NOT_USE; telegraph and noisy pixels both do, and no ramp need tell which but in a patch."""
    in_patch = np.zeros(request.shape, bool)
    for light in lights:
        in_patch.ravel()[light.region] = True
    found = judge_maps(request, maps, pixels_only=True)
    if not lights:
        categories = found.named(in_patch)
    else:
        telegraph = name_unstable(request, maps, found, found.in_question & in_patch)
        categories, *_ = without_light(Planes(request, maps), found, found.named(telegraph), lights)
    flags = request.parameters.flight_flags()
    return flags.unusable(categories) | flags.beside_hot(categories)


def standing_out(request: SetRequest, maps: CombinedMaps) -> dict[str, np.ndarray]:
    """Return what stands out in one exposure, however few integrations it has.

    Parameters
    ----------
    request : SetRequest
    maps : CombinedMaps
        Of the exposure.

    Returns
    -------
    dict of str to numpy.ndarray, shape (y, x), bool
        ``hot``: so bright that no hit that the jump step missed could make it so. ``noisy``: with noise, or falls,
        beyond what the search allows.
    """
    detector, science = look_up_detector(request.detector), ~request.reference_pixels()
    tgroup = request.exposures[0].set_key.tgroup
    found = {kind: np.zeros(maps.rate.shape, bool) for kind in TESTS}

    def work(columns: slice) -> float:
        used = time.thread_time()
        with np.errstate(invalid="ignore", divide="ignore"):
            part = AmplifierSearch(maps, science, columns, detector, tgroup, request.parameters, pixels_only=True)
            at = places(part.search()[Category.HOT])
            differences = (part.maps.differences[at] + part.maps.jumps[at]) / np.float32(maps.integrations)
            missed = MISSED_HIT * part.noise_of_good * SHARE_OF_STEP / ((differences + 1) * tgroup * maps.integrations)
            error = request.parameters.hot_significance * part.error(at)
        found[HOT][:, columns][at] = part.rate[at] > part.centre + missed + error
        found[NOISY][:, columns] = part.unstable
        return time.thread_time() - used

    with ThreadPoolExecutor(usable_cores()) as pool:
        add_processor_time(sum(pool.map(work, request.amplifiers())))
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
    number, pixels = int(here.sum()), int(judged.sum())
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
