"""Measure how much of the defects injected into a delivery's ramps the search finds: completeness and purity.

Defects are added to the good pixels of a strip of rows of every integration. The strip goes through the pipeline's real
jump and ramp-fit steps, and takes the place of those rows in the detector's maps. The search then judges it by the
thresholds that it draws from the whole detector, as it did without defects.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from darkmask.core.atomic import temporary_folder
from darkmask.core.categories import DEFECTS, Category
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.errors import CrowdedError
from darkmask.core.stages import stage
from darkmask.delivery import OpenSet
from darkmask.delivery.reading import read_rows
from darkmask.search.engines import measure_maps, search_set
from darkmask.search.flight.amplifier import own_saturation_level
from darkmask.search.flight.bright import RECOVERY
from darkmask.search.flight.categories import search_flight
from darkmask.search.flight.light import Light, places_in_rows
from darkmask.search.flight.shielded import without_light
from darkmask.search.flight.steady import Planes
from darkmask.search.flight.unstable import name_unstable
from darkmask.search.maps.changes import ChangeMaps
from darkmask.search.maps.combine import CombinedMaps, combine_set
from darkmask.search.maps.rare import Instead
from darkmask.search.maps.stacks import SLOPE_SHOT
from darkmask.search.request import SetRequest

from .injection import (
    SPACING,
    Injections,
    Strengths,
    add_defects,
    category_of,
    draw_injections,
    strengths_of,
    without_jumps,
)
from .refit import refit_ramps

# This many pixels times groups go through the steps: they take 0.25 s a million and 50 bytes each.
SAMPLES = 6_000_000
# A name is wrong only when the rate lies farther than this many of its errors on the other side of a border.
BORDER_SIGMA = 3.0


@dataclass(frozen=True)
class Recovery:
    """The outcome for the injected defects of a detector.

    Attributes
    ----------
    injections : Injections
        Injected defects, with positions in the full frame.
    kinds : dict of str to Strengths
    found : numpy.ndarray, bool
        Whether each got any category.
    named : numpy.ndarray, bool
        Whether each got its own category. Of hot and warm pixels whose rate lies within ``BORDER_SIGMA`` errors of the
        border between these two names, either is right.
    false_pixels : int
        Number of pixels of the strip with a category that gets DO_NOT_USE, good before, and not beside an injected one.
    limits : dict of str to float
        The search's own detection limit and recovery limit, and ``hot_border_e_per_s``: how far from the border between
        hot and warm both names are right, and ``change_limit_e_per_s``: from which rate on 98 % of intermittent pixels
        are found, e-/s.
    """

    injections: Injections
    kinds: dict[str, Strengths]
    found: np.ndarray
    named: np.ndarray
    false_pixels: int
    limits: dict[str, float]


class Searched(NamedTuple):
    """What the search found in a set without injected defects; see :class:`darkmask.search.outcome.SearchOutcome`."""

    categories: np.ndarray
    thresholds: Mapping[str, float]
    lights: Sequence[Light]


@stage("injection")
def inject_and_recover(request: SetRequest, searched: Searched | None = None) -> Recovery:
    """Inject defects into a set and search it again.

    Parameters
    ----------
    request : SetRequest
        Request of the flight search, of a full frame.
    searched : Searched, optional
        What that search found, where it is known.

    Raises
    ------
    SearchError
        When there is no good pixel, or the pipeline's steps failed.
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    properties = look_up_detector(request.detector)
    if searched is None:
        outcome = search_set(request, keep=True)
        before, maps = Searched(outcome.categories, outcome.thresholds, outcome.lights), outcome.maps
        del outcome
    else:
        before, maps = searched, measure_maps(request, keep=True)
    height, width = request.shape
    rows = _strip(height, width * maps.integrations * maps.groups)
    good = (before.categories == 0) & ~request.reference_pixels() & np.isfinite(maps.rate)
    kinds = strengths_of(
        request.parameters.hot_rate,
        before.thresholds["detection_limit_e_per_s"],
        properties.read_noise,
        properties.well / properties.gain,
    )
    # The seed depends on the detector's name alone: the same delivery gets the same defects.
    seed = int.from_bytes(hashlib.sha256(request.detector.encode()).digest()[:8], "big")
    random = np.random.default_rng(seed)
    injections = draw_injections(good[rows], kinds, random, maps.integrations * maps.groups)
    if not injections.y.size:
        raise CrowdedError(
            f"Rows {rows.start} to {rows.stop - 1} of {request.detector} have no pixel with good surroundings to put a "
            "defect into: look at the mask of this detector first."
        )
    sci, groupdq = _read_strip(request, rows)
    groupdq = without_jumps(groupdq)
    tgroup = request.exposures[0].set_key.tgroup
    add_defects(sci, groupdq, injections, properties, tgroup, random, request.exposures[0].set_key.readpatt)
    with temporary_folder("inject") as folder:
        categories = _search_again(request, maps, before.lights, rows, sci, groupdq, folder)
    return _compare(request, before, (maps.integrations, maps.groups), categories, rows, injections, kinds)


def _strip(height: int, samples_per_row: int) -> slice:
    """Return rows in the middle of the frame, as many as the budget allows and the lattice needs."""
    rows = min(max(SAMPLES // samples_per_row, 2 * SPACING), height)
    first = (height - rows) // 2
    return slice(first, first + rows)


def _read_strip(request: SetRequest, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    """Read SCI (float32) and GROUPDQ of some rows of all integrations, shape (nint, ngroup, rows, x)."""
    height, width = request.shape
    count = rows.stop - rows.start
    with OpenSet(request.exposures, request.folder, request.integrations) as opened:
        groups = opened.exposures[0].shape[1]
        sci = np.empty((len(opened.planes), groups, count, width), ">f4")
        groupdq = np.empty(sci.shape, np.uint8)
        wanted: tuple[np.ndarray, np.ndarray] = (sci.view(np.uint32), groupdq)
        for i, places in enumerate(opened.places):
            for (descriptor, offset), out in zip(places[:2], wanted, strict=False):
                if not read_rows(descriptor, offset, height * width, rows.start, count, out[i]):
                    opened.require_read(i)
    return sci.astype(np.float32), groupdq


def _search_again(
    request: SetRequest,
    before: CombinedMaps,
    lights: Sequence[Light],
    rows: slice,
    sci: np.ndarray,
    groupdq: np.ndarray,
    folder: Path,
) -> np.ndarray:
    """Return the categories of the strip's pixels with the defects in it; the maps of before are changed."""
    properties = look_up_detector(request.detector)
    fitted = refit_ramps(request, rows, sci, groupdq, folder)
    # It holds the integrations that were searched, and no others.
    strip = replace(request, exposures=(fitted,), folder=folder, integrations=None)
    part = combine_set(strip.exposures, folder, properties, own_saturation_level(properties))
    whole = {}
    for field in fields(CombinedMaps):
        value = getattr(before, field.name)
        if isinstance(value, np.ndarray | Instead) and value.ndim == 2:
            # Copies of all maps would take as much memory again.
            value = np.asarray(value)
            value[rows] = getattr(part, field.name)
        elif isinstance(value, ChangeMaps) and part.changes is not None:
            value = value.with_rows(rows, part.changes)
        whole[field.name] = value
    tgroup = request.exposures[0].set_key.tgroup
    science = ~request.reference_pixels()
    maps = CombinedMaps(**whole)
    found = search_flight(
        maps, science, request.amplifiers(), properties, tgroup, request.parameters, pixels_only=True
    )  # fmt: skip
    here = found.part(rows)
    categories = here.named(name_unstable(strip, part, here))
    # Light that decays falls on what is injected as well, and on the good pixels beside it.
    width = categories.shape[1]
    shown = tuple(one._replace(region=places_in_rows(one.region, rows, width)) for one in found.patches)
    here = replace(here, patches=shown)
    categories, *_ = without_light(Planes(strip, part), here, categories, [one.of_rows(rows, width) for one in lights])
    return categories


def _compare(
    request: SetRequest,
    before: Searched,
    size: tuple[int, int],
    categories: np.ndarray,
    rows: slice,
    injections: Injections,
    kinds: dict[str, Strengths],
) -> Recovery:
    from scipy.ndimage import binary_dilation

    at = categories[injections.y, injections.x]
    own = np.array([category_of(name).bit for name in injections.category], dtype=np.uint16)
    limits = {name: before.thresholds[name] for name in ("detection_limit_e_per_s", "recovery_limit_e_per_s")}
    hot, (integrations, groups) = request.parameters.hot_rate, size
    seconds = integrations * (groups - 1) * request.exposures[0].set_key.tgroup
    border = border_of(hot, limits["detection_limit_e_per_s"], limits["recovery_limit_e_per_s"], seconds)
    # A change is a rate of one integration alone that lies so many of its own errors off.
    error = (limits["recovery_limit_e_per_s"] - limits["detection_limit_e_per_s"]) / RECOVERY
    change = (request.parameters.change_significance + RECOVERY) * error * integrations**0.5
    bright = injections.of(Category.HOT) | injections.of(Category.WARM)
    own[bright & (np.abs(injections.strength - hot) <= border)] = Category.HOT.bit | Category.WARM.bit
    # The jump step compares all groups of an exposure, and cuts the ramps of a pixel that is hot in some of them:
    # which name of a pixel that does not repeat itself it gets depends on what is left. Hot alone is wrong.
    own[injections.of(Category.INTERMITTENT)] |= Category.TELEGRAPH.bit | Category.NOISY.bit
    unusable = request.parameters.flight_flags().unusable
    injected = np.zeros(categories.shape, dtype=bool)
    injected[injections.y, injections.x] = True
    beside = binary_dilation(injected, np.ones((3, 3), dtype=bool))
    false = unusable(categories) & ~unusable(before.categories[rows]) & ~beside
    return Recovery(
        injections=replace(injections, y=injections.y + rows.start),
        kinds=kinds,
        found=(at & DEFECTS) != 0,
        named=(at & own) != 0,
        false_pixels=int(false.sum()),
        limits={**limits, "hot_border_e_per_s": border, "change_limit_e_per_s": change},
    )


def border_of(hot_rate: float, detection_limit: float, recovery_limit: float, seconds: float) -> float:
    """Return within which distance of the border between hot and warm a rate may get either name, e-/s.

    Parameters
    ----------
    hot_rate, detection_limit, recovery_limit : float
        Rates, e-/s; the last two lie ``RECOVERY`` errors of a good pixel's rate apart.
    seconds : float
        Time of all ramps together; the shot noise of the pixel's own charge is added.
    """
    error = (recovery_limit - detection_limit) / RECOVERY
    return float(BORDER_SIGMA * np.sqrt(error**2 + SLOPE_SHOT * hot_rate / seconds))
