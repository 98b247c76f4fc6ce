"""Ask any engine for the bad pixels of a set, in one way."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.errors import ParameterError, TooLittleError
from darkmask.core.freed import give_back
from darkmask.core.remote import holding
from darkmask.core.stages import stage

from .choices import ENGINES, SEARCHES
from .flight.amplifier import own_saturation_level
from .flight.asked import Asked
from .flight.categories import FlightResult, search_flight
from .flight.light import Light
from .flight.named_by import of_pixels
from .flight.search_some import search_some
from .flight.shielded import shield
from .flight.unstable import name_unstable
from .left_out import without_unmeasured
from .maps.blocks import Blocks
from .maps.combine import CombinedMaps, combine_rows_of_set, combine_set, join_rows
from .maps.combine_some import combine_some
from .maps.glance import Glance, glance
from .maps.parts import SetRows
from .maps.some import Choice, SomeMaps
from .official.reading import official_categories
from .outcome import SearchOutcome
from .parameters import SearchParameters
from .reference_pixels import search_reference_pixels
from .reffiles.darks import Triplet, search_reffiles
from .request import SetRequest
from .structures import clumps_of, wandering_columns


def search_set(
    request: SetRequest, keep: bool = False, measured: Callable[[], CombinedMaps] | None = None
) -> SearchOutcome:
    """Find the bad pixels of a set.

    Parameters
    ----------
    request : SetRequest
    keep : bool
        See :func:`measure_maps`.
    measured : callable, optional
        Gives what that gives for this request, where it is there already.

    Raises
    ------
    ParameterError
        When there is no such engine or search.
    SearchError
        When the engine cannot search this much data, or failed.
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    judge = _judge_of(request.engine, request.search)
    return judge(request, measured or partial(measure_maps, request, keep))


def _judge_of(engine: str, search: str) -> Callable[[SetRequest, Callable[[], CombinedMaps]], SearchOutcome]:
    if search not in SEARCHES:
        raise ParameterError(f"There is no search {search!r}: use one of {', '.join(SEARCHES)}.")
    if engine not in ENGINES:
        raise ParameterError(f"There is no engine {engine!r}: use one of {', '.join(ENGINES)}.")
    if engine == "jwst_reffiles":
        return _jwst_reffiles
    return {"flight": _flight, "official": _official}[search]


@stage("measure ramps")
def measure_maps(
    request: SetRequest,
    keep: bool = False,
    measured: Sequence[SetRows] = (),
) -> CombinedMaps:
    """Return the maps that every search of a set works on.

    Parameters
    ----------
    request : SetRequest
    keep : bool
        Keep the maps of each integration on disk, and read no ramp of which they are kept
        (:mod:`darkmask.search.maps.kept`).
    measured : sequence of SetRows
        All rows of this request, where they were measured before; see :func:`measure_some_rows`.

    Raises
    ------
    SearchError
        When there is no exposure, or no integration that is a measurement.
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    maps = join_rows(measured) if measured else combine_set(**_measuring(request), keep=keep)
    return replace(maps, rate=without_unmeasured(request, maps.rate))


@stage("measure ramps")
def measure_some_rows(request: SetRequest, start: int, stop: int, keep: bool = False) -> SetRows:
    """Return what all integrations of a set say of its rows from ``start`` to before ``stop``, for `measure_maps`.

    Parameters
    ----------
    request : SetRequest
    start, stop : int
    keep : bool
        See :func:`measure_maps`, which then need not measure these rows again in this process or another of its cache.

    Raises
    ------
    SearchError
        When there is no exposure, or no integration that is a measurement.
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    return combine_rows_of_set(**_measuring(request), keep=keep, rows=(start, stop))


@stage("measure ramps")
def measure_some_pixels(request: SetRequest, choices: Sequence[Choice], every: int) -> list[SomeMaps]:
    """Return the maps of some choices of a set's integrations at some pixels; see :mod:`.maps.combine_some`.

    Parameters
    ----------
    request : SetRequest
    choices : sequence of Choice
        Places among the integrations of the request.
    every : int
        One row in so many is combined as a whole.

    Raises
    ------
    SearchError
        When there is no exposure, or no integration that is a measurement.
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    found = combine_some(Blocks(**_measuring(request)), choices, every)
    unknown = np.isnan(without_unmeasured(request, np.zeros(request.shape, np.float32)))
    for some in found if request.never_measured else ():
        some.rows.rate[unknown[:: some.every]] = np.nan
        some.pixels.rate[0, unknown.ravel()[some.places]] = np.nan
    return found


@stage("measure ramps")
def glance_at_pixels(
    request: SetRequest, choices: Sequence[Sequence[int]], least_rate: float, least_differences: int
) -> list[Glance]:
    """Look over all pixels of some choices of a set's integrations; see :func:`darkmask.search.maps.glance.glance`."""
    return glance(Blocks(**_measuring(request)), choices, least_rate, least_differences)


@stage("judge maps")
def judge_some_pixels(
    request: SetRequest,
    some: SomeMaps,
    asked: np.ndarray,
    lights: Sequence[Light] = (),
    strict: SearchParameters | None = None,
) -> FlightResult:
    """Return what the flight search finds at some pixels of a set; see :func:`.flight.search_some.search_some`.

    Parameters
    ----------
    request : SetRequest
    some : SomeMaps
    asked : numpy.ndarray, shape (y, x), bool
    lights : sequence of Light
        Of the patches that the search of all integrations found.
    strict : SearchParameters, optional
    """
    return search_some(Asked.of(request, some, asked, lights), strict)


def _measuring(request: SetRequest) -> dict[str, Any]:
    """Return what combines a set; raises where there is nothing to combine."""
    if request.exposures and not request.numbers:
        raise TooLittleError(
            f"No integration of {request.detector} {request.subarray} is a measurement ({request.left_out[0]}): make "
            "the files again."
        )
    properties = look_up_detector(request.detector)
    return {
        "exposures": request.exposures,
        "folder": request.folder,
        "detector": properties,
        "own_saturation_level": own_saturation_level(properties),
        "integrations": request.integrations,
    }


@stage("judge maps")
def judge_maps(
    request: SetRequest,
    maps: CombinedMaps,
    keep_evidence: bool = False,
    look_at: np.ndarray | None = None,
    strict: SearchParameters | None = None,
    pixels_only: bool = False,
) -> FlightResult:
    """Return where the flight search finds what in the maps of a set; see :func:`.flight.categories.search_flight`."""
    properties = look_up_detector(request.detector)
    science = ~request.reference_pixels()
    tgroup = request.exposures[0].set_key.tgroup
    return search_flight(
        maps,
        science,
        request.amplifiers(),
        properties,
        tgroup,
        request.parameters,
        keep_evidence,
        look_at,
        strict,
        pixels_only,
    )


def _flight(request: SetRequest, measured: Callable[[], CombinedMaps]) -> SearchOutcome:
    maps = measured()
    give_back()
    found = judge_maps(request, maps)
    give_back()
    categories, patches, lights, steady = shield(request, maps, found, found.named(name_unstable(request, maps, found)))
    reference = None
    if request.shape == (request.geometry.frame, request.geometry.frame):
        wandering = wandering_columns(found.structures)
        reference = search_reference_pixels(maps, request.geometry, request.amplifiers(), request.parameters, wandering)
    flags = request.parameters.flight_flags()
    structures = (*found.structures, *clumps_of(flags.unusable(categories)), *(one.finding for one in patches))
    passed = {name: of_pixels(one, categories) for name, one in {**found.passed, **steady}.items()}
    return SearchOutcome(
        categories,
        flags,
        maps,
        found.rate,
        found.thresholds,
        structures,
        reference=reference,
        passed=passed,
        lights=tuple(lights),
    )


def _official(request: SetRequest, measured: Callable[[], CombinedMaps]) -> SearchOutcome:
    # It has no use for the maps, which take the memory that it needs.
    categories = official_categories(request)
    give_back()
    maps = measured()
    return SearchOutcome(categories, request.parameters.official_flags(), maps, _electrons(request, maps))


def _jwst_reffiles(request: SetRequest, measured: Callable[[], CombinedMaps]) -> SearchOutcome:
    # The package is given files, and a segment of an exposure is a triplet of files like any other.
    segments = [segment for exposure in request.exposures for segment in exposure.segments]
    with holding(request.folder / record.path for segment in segments for record in segment.files):
        triplets = [Triplet(*(request.folder / record.path for record in segment.files)) for segment in segments]
        found = search_reffiles(triplets, request.parameters, detector=request.detector, subarray=request.subarray)
    maps = measured()
    return SearchOutcome(
        found.categories,
        request.parameters.official_flags(),
        maps,
        _electrons(request, maps),
        version=found.version,
    )


def _electrons(request: SetRequest, maps: CombinedMaps) -> np.ndarray:
    return (maps.rate * np.float32(look_up_detector(request.detector).gain)).astype(np.float32)
