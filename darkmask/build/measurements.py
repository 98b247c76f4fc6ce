"""Measure what a set says of its detector besides the bad pixels: numbers that checks judge."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.stages import stage
from darkmask.core.statistics import median_of_finite, reached_by_chance
from darkmask.delivery.quality import (
    difference_noise,
    jump_rate,
)
from darkmask.search.flight.noises import slope_variances
from darkmask.search.maps.changes import SIGMA_UNIT
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.outcome import SearchOutcome
from darkmask.search.request import SetRequest
from darkmask.search.structures import PATCH, wandering_columns

from .aligned import least_aligned
from .border import frame_off
from .hidden import hidden_pixels
from .places import Place, least_alike, places_in_maps
from .unrated import ramps_without_a_rate, rates_without_a_ramp
from .unsuspected import full_pixels, high_pixels, quiet_pixels, same_rates

# One pixel in a million jumps so often by hits.
_SELDOM = 1e-6


def good_pixels(request: SetRequest, categories: np.ndarray) -> np.ndarray:
    """Return the science pixels that a search calls good, bool (y, x)."""
    good: np.ndarray = ~request.reference_pixels() & (categories == 0)
    return good


class OfAllPixels(NamedTuple):
    """What maps of all pixels say, which nobody keeps for long.

    Attributes
    ----------
    alike : Place or None
        Where ramps and rates have least in common.
    hidden : list of (int, int)
        See :func:`.hidden.hidden_pixels`.
    """

    alike: Place | None
    hidden: list[tuple[int, int]]


@stage("places")
def of_all_pixels(request: SetRequest, outcome: SearchOutcome) -> OfAllPixels:
    """Measure what maps of all pixels say of ramps and what was derived from them."""
    maps, good, amplifiers = outcome.maps, good_pixels(request, outcome.categories), output_columns(request)
    return OfAllPixels(
        least_alike(places_in_maps(maps, good, amplifiers)),
        hidden_pixels(
            maps, outcome.categories, ~request.reference_pixels(), amplifiers, request.exposures[0].jump.tgroup
        ),
    )


@stage("measure set")
def measure_set(request: SetRequest, outcome: SearchOutcome, of_all: OfAllPixels) -> dict:
    """Measure what maps and headers say of a set; of its files :func:`.of_files.measure_files` tells the rest.

    Parameters
    ----------
    request : SetRequest
    outcome : SearchOutcome
        The outcome of that request; maps of bad pixels alone are enough for most of it.
    of_all : OfAllPixels
        What :func:`of_all_pixels` says.

    Returns
    -------
    dict of str to plain value
        None for a number that cannot be told.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    from scipy.ndimage import binary_dilation

    exposures, science = request.exposures, ~request.reference_pixels()
    first, maps, found = exposures[0].jump, outcome.maps, sorted(outcome.structures)
    good = good_pixels(request, outcome.categories)
    off = frame_off(maps.jumps, outcome.categories == 0, request.geometry) if _is_full(request) else None
    amplifiers = output_columns(request)
    full = full_pixels(maps.first, good)
    # The jump step flags the jumps of a bad pixel in its neighbours too.
    alone = good & ~binary_dilation(science & ~good, np.ones((3, 3)))
    return {
        "amplifiers": [_amplifier(maps, good, alone, columns, first.tgroup) for columns in amplifiers],
        "readpatt": first.readpatt,
        "tgroup": first.tgroup,
        "integrations": outcome.maps.integrations,
        "left_out": list(request.left_out),
        "doubted": list(request.doubted),
        "exposures": len(exposures),
        "in_time": bool(maps.changes and maps.changes.times),
        "epochs": len(set(maps.changes.epochs)) if maps.changes and maps.changes.times else None,
        "science_pixels": int(science.sum()),
        "quiet_pixels": quiet_pixels(maps.noise, maps.differences, good, amplifiers, _alike(request, outcome)),
        "full_good_pixels": full,
        "full_and_flagged": sum(bool(maps.saturated_first[y, x]) for x, y in full),
        "high_pixels": high_pixels(maps.first, good, amplifiers),
        "frame_off": off,
        "rates_without_a_ramp": rates_without_a_ramp(request, maps),
        "ramps_without_a_rate": ramps_without_a_rate(request, maps),
        "least_aligned": least_aligned(request, outcome),
        "least_alike": of_all.alike,
        "hidden_pixels": of_all.hidden,
        "thresholds": outcome.thresholds,
        "structures": [one.sentence(first.detector) for one in found if one.kind != PATCH],
        "wandering_columns": wandering_columns(found),
        "patches": [one.sentence(first.detector) for one in found if one.kind == PATCH],
        "xstart": first.xstart,
        "ystart": first.ystart,
    }


def _alike(request: SetRequest, outcome: SearchOutcome) -> np.ndarray | None:
    """Return the pixels with one rate in all integrations, bool (y, x); None where nothing was measured of them."""
    maps = outcome.maps
    if maps.changes is None:
        return None
    farthest = maps.changes.rows.largest * np.float32(SIGMA_UNIT)
    alike = same_rates(farthest, maps.integrations) & (maps.finite == maps.integrations)
    # What a bright neighbour couples in has hardly any shot noise: the noise of the reads must be missing too.
    y, x = np.nonzero(alike)
    gain = look_up_detector(request.detector).gain
    rate, tgroup = np.nan_to_num(outcome.rate[y, x]) / np.float32(gain), request.exposures[0].jump.tgroup
    reading, shot = slope_variances(maps.noise[y, x], rate, maps.groups, tgroup, gain)
    in_noise = farthest[y, x] * np.sqrt(1 + shot / np.fmax(reading, np.float32(1e-30)))
    alike[y, x] = same_rates(in_noise, maps.integrations)
    return alike


def _is_full(request: SetRequest) -> bool:
    return request.shape[1] == request.geometry.frame


def output_columns(request: SetRequest) -> Sequence[slice]:
    """Return the columns of each output: a full frame is read by four, whatever its headers say of them."""
    return request.geometry.amplifier_columns() if _is_full(request) else request.amplifiers()


def _amplifier(maps: CombinedMaps, good: np.ndarray, alone: np.ndarray, columns: slice, tgroup: float) -> dict:
    """Measure what the good pixels of one amplifier show; ``alone`` are those that touch no bad one."""
    here = (slice(None), columns)
    # What jumps more often than hits make a pixel jump is no test of hits: the fainter telegraph pixels do.
    jumps = maps.jumps[here]
    usual = float(jumps[alone[here]].mean()) if alone[here].any() else 0.0
    alone_here = alone[here] & (jumps <= reached_by_chance(usual, _SELDOM))
    seconds = maps.integrations * (maps.groups - 1) * tgroup
    return {
        "pedestal_dn": or_none(median_of_finite(maps.pedestal[here][good[here]])),
        "difference_noise_dn": or_none(difference_noise(maps.noise[here], good[here])),
        "jumps_per_pixel_s": or_none(jump_rate(jumps, alone_here, seconds)),
        "pixel_seconds": float(alone_here.sum() * seconds),
    }


def or_none(value: float) -> float | None:
    """Return a number that JSON can hold: it has no NaN."""
    return value if np.isfinite(value) else None
