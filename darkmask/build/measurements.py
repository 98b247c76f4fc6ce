"""Measure what a set says of its detector besides the bad pixels: numbers that checks judge."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.flags import has_flag
from darkmask.core.handed import Handed
from darkmask.core.stages import stage
from darkmask.core.statistics import median_of_finite
from darkmask.delivery import OpenExposure, OpenSet
from darkmask.delivery.quality import (
    difference_noise,
    jump_rate,
    lost_pixels,
    median_rates,
    unexplained_rates,
)
from darkmask.search.flight.noises import slope_variances
from darkmask.search.maps.changes import SIGMA_UNIT
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.outcome import SearchOutcome
from darkmask.search.request import SetRequest
from darkmask.search.structures import PATCH, wandering_columns

from .aligned import least_aligned
from .border import frame_off, misplaced_reference_pixels
from .dark import dark_current, scatter_of_means, unsettled
from .frozen import frozen_pixels
from .hidden import hidden_pixels, taken_out
from .outputs import pattern_noise, reset_levels
from .places import Place, least_alike, places_in_maps, places_in_ramps
from .steps import Steps, steps_of
from .straight import least_flagged
from .together import rise_by_rate, together
from .unrated import ramps_without_a_rate, rates_without_a_ramp
from .unsuspected import full_pixels, quiet_pixels, same_rates

# The rates of so many pixels, in evenly spread rows, tell their median to a thousandth of their scatter.
_ENOUGH_PIXELS = 1 << 20
# And of so many, how they scatter to a part in five hundred.
_SOME_PIXELS = 1 << 18
_ROWS_AT_ONCE = 128
# One pixel in a million jumps so often by hits.
_SELDOM = 1e-6


def measure_set(request: SetRequest, outcome: SearchOutcome) -> dict:
    """Measure the numbers of a set that checks judge, so that no check reads a ramp.

    Parameters
    ----------
    request : SetRequest
    outcome : SearchOutcome
        The outcome of that request.

    Returns
    -------
    dict of str to plain value
        None for a number that cannot be told.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    return SetMeasured(request, outcome, of_all_pixels(request, outcome)).numbers()


class SetMeasured:
    """What :func:`measure_set` returns, of which other processes may measure a part until it is asked for.

    Parameters
    ----------
    request, outcome
        Those of :func:`measure_set`; maps of bad pixels alone are enough for most of them.
    of_all : OfAllPixels
        What :func:`of_all_pixels` says.
    """

    def __init__(self, request: SetRequest, outcome: SearchOutcome, of_all: "OfAllPixels"):
        self._request, self._outcome, self._of_all = request, outcome, of_all
        self._good = good_pixels(request, outcome)
        # A hit without a flag makes a good pixel a noisy one.
        hit = ~request.reference_pixels() & ((outcome.categories & ~np.uint16(Category.NOISY.bit)) == 0)
        self._handed = Handed(_of_files, [(request, np.packbits(self._good), np.packbits(hit))])

    @stage("measure set")
    def numbers(self) -> dict:
        """Return the numbers by name."""
        of_files = self._handed.results()[0]
        alike = [place for place in (self._of_all.alike, of_files["least_alike"]) if place]
        of_maps = _of_maps(self._request, self._outcome, self._good)
        of_all = {"least_alike": least_alike(alike), "hidden_pixels": self._of_all.hidden}
        return {**of_maps, **of_files, **of_all}


def good_pixels(request: SetRequest, outcome: SearchOutcome) -> np.ndarray:
    """Return the science pixels that a search calls good, bool (y, x)."""
    good: np.ndarray = ~request.reference_pixels() & (outcome.categories == 0)
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
    maps, good, amplifiers = outcome.maps, good_pixels(request, outcome), _amplifiers(request)
    return OfAllPixels(
        least_alike(places_in_maps(maps, good, amplifiers)),
        hidden_pixels(
            maps, outcome.categories, ~request.reference_pixels(), amplifiers, request.exposures[0].jump.tgroup
        ),
    )


def _of_maps(request: SetRequest, outcome: SearchOutcome, good: np.ndarray) -> dict:
    """Measure what maps and headers say."""
    from scipy.ndimage import binary_dilation

    exposures, science = request.exposures, ~request.reference_pixels()
    first, maps, found = exposures[0].jump, outcome.maps, sorted(outcome.structures)
    off = frame_off(maps.jumps, outcome.categories == 0, request.geometry) if _is_full(request) else None
    amplifiers = _amplifiers(request)
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
        "frame_off": off,
        "rise_by_rate": rise_by_rate(maps, outcome.categories == Category.HOT.bit, first.tgroup),
        "rates_without_a_ramp": rates_without_a_ramp(request, maps),
        "ramps_without_a_rate": ramps_without_a_rate(request, maps),
        "least_aligned": least_aligned(request, outcome),
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


def _amplifiers(request: SetRequest) -> Sequence[slice]:
    """Return the columns of each output: a full frame is read by four, whatever its headers say of them."""
    return request.geometry.amplifier_columns() if _is_full(request) else request.amplifiers()


@stage("files")
def _of_files(request: SetRequest, *packed: np.ndarray) -> dict:
    """Measure what is read in the files of a set once its good pixels are known, eight of them in a byte.

    Parameters
    ----------
    request : SetRequest
    *packed : numpy.ndarray, uint8
        Good pixels, and those with noisy ones.
    """
    exposures, science = request.exposures, ~request.reference_pixels()
    good, hit = (np.unpackbits(each, count=science.size).reshape(science.shape).astype(bool) for each in packed)
    unexplained: list[tuple[float, str]] = []
    lost: list[tuple[float, str]] = []
    misplaced: list[tuple[int | None, str]] = []
    gone = np.zeros_like(science)
    for exposure in exposures:
        opened = OpenExposure(exposure, request.folder)
        # Of an exposure of two full frames, all at once would take 100 MB.
        rows_of = [slice(start, start + _ROWS_AT_ONCE) for start in range(0, len(science), _ROWS_AT_ONCE)]
        blocks = ((opened.rate(rows), opened.rate_dq(rows), science[rows]) for rows in rows_of)
        unexplained.append((unexplained_rates(blocks), exposure.rate.path))
        pixeldq = opened.pixeldq()
        lost.append((lost_pixels(pixeldq, science), exposure.jump.path))
        gone |= has_flag(pixeldq, "DO_NOT_USE") & science
        misplaced.append((misplaced_reference_pixels(pixeldq, ~science), exposure.jump.path))

    searched = OpenSet(exposures, request.folder, request.integrations).planes
    rows = slice(None, None, max(1, science.size // _ENOUGH_PIXELS))
    rates = (exposure.rate(rows, i) for exposure, i in searched)
    few = slice(None, None, max(1, science.size // _SOME_PIXELS))
    rates_of_few = (exposure.rate(few, i) for exposure, i in searched)
    tgroup = exposures[0].jump.tgroup
    steps = steps_of(request, good, hit)
    dark = dark_current(median_rates(rates, good[rows]), steps.medians, tgroup)
    return {
        "dark_dn_per_s": _or_none(dark.rate),
        "dark_error_dn_per_s": _or_none(dark.error),
        "settling_dn_per_s": _or_none(dark.settling),
        "settling_start_dn": _or_none(dark.start),
        "settling_start_error_dn": _or_none(dark.start_error),
        "scatter_of_means": _or_none(scatter_of_means(rates_of_few, good[few], _amplifiers(request))),
        "noise_of_exposures_dn": {path: _or_none(noise) for path, noise in sorted(steps.noises.items())},
        "pattern_noise_dn": pattern_noise(steps.patterns),
        "reset_levels_dn": reset_levels(request, good, _amplifiers(request)),
        "shared_step_dn": _step(steps),
        "unexplained_rates": _worst(unexplained),
        "together": together(steps.straight, steps.names),
        "least_alike": least_alike(places_in_ramps(steps.straight, steps.names)),
        "least_flagged": least_flagged(steps.hits, steps.names),
        "frozen_pixels": frozen_pixels(searched, good),
        "lost_pixels": _worst(lost),
        "taken_out": taken_out(request, gone, float(np.median([*steps.noises.values()]))),
        "misplaced_reference_pixels": _worst_border(misplaced, int((~science).sum())),
    }


def _worst_border(misplaced: list[tuple[int | None, str]], reference: int) -> tuple[float, str] | None:
    """Return how many reference pixels are misplaced in the worst exposure, and its path; None where none marks any.

    Where one exposure marks them, another that does not had another mask, and leaves out all of them.
    """
    if all(number is None for number, _ in misplaced):
        return None
    return _worst([(reference if number is None else number, path) for number, path in misplaced])


def _worst(counted: list[tuple[float, str]]) -> tuple[float, str]:
    """Return the largest number and the path of its exposure; of several the first by name, whatever their order."""
    return min(counted, key=lambda found: (-found[0], found[1]))


def _amplifier(maps: CombinedMaps, good: np.ndarray, alone: np.ndarray, columns: slice, tgroup: float) -> dict:
    """Measure what the good pixels of one amplifier show; ``alone`` are those that touch no bad one."""
    here = (slice(None), columns)
    # What jumps more often than hits make a pixel jump is no test of hits: the fainter telegraph pixels do.
    jumps = maps.jumps[here]
    usual = float(jumps[alone[here]].mean()) if alone[here].any() else 0.0
    alone_here = alone[here] & (jumps <= _most_by_chance(usual))
    seconds = maps.integrations * (maps.groups - 1) * tgroup
    return {
        "pedestal_dn": _or_none(median_of_finite(maps.pedestal[here][good[here]])),
        "difference_noise_dn": _or_none(difference_noise(maps.noise[here], good[here])),
        "jumps_per_pixel_s": _or_none(jump_rate(jumps, alone_here, seconds)),
        "pixel_seconds": float(alone_here.sum() * seconds),
    }


def _most_by_chance(mean: float) -> int:
    """Return how many events a Poisson process of this mean exceeds in no more than ``_SELDOM`` of cases."""
    # scipy.stats has it too, and takes longer to load than the search of a small frame takes.
    from scipy.special import pdtrc

    most = 0
    while pdtrc(most, mean) > _SELDOM:
        most += 1
    return most


def _step(steps: Steps) -> tuple[float, str] | None:
    """Return the largest step that good pixels share, DN, and where it is, in words."""
    found = unsettled(steps.medians)
    if found is None:
        return None
    whose = "all integrations" if found.integration is None else steps.names[found.integration]
    return found.size, f"group {found.group} of {whose}"


def _or_none(value: float) -> float | None:
    """Return a number that JSON can hold: it has no NaN."""
    return value if np.isfinite(value) else None
