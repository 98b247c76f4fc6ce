"""Make the mask of one detector, with everything that a check or a reviewer may ask of it."""

import contextlib
import json
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

from darkmask.core.atomic import write_text
from darkmask.core.categories import Category
from darkmask.core.cores import usable_cores
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.ecsv import write_ecsv
from darkmask.core.errors import TooLittleError
from darkmask.core.freed import give_back
from darkmask.core.stages import stage
from darkmask.delivery import OpenSet
from darkmask.masks.file import load_model, write_categories
from darkmask.search.budget import expected_false_pixels
from darkmask.search.engines import search_set
from darkmask.search.flight.light import arrays_of
from darkmask.search.outcome import SearchOutcome
from darkmask.search.structures import structure_table

from .catalogue import write_catalogue
from .differences import difference_of
from .drift import drift_of, drift_table
from .examples import pick_examples
from .fitted_columns import RampFits
from .mask import write_detector_mask
from .measurements import measure_set, of_all_pixels
from .rates import rates_table
from .request import BuildRequest, nothing_to_search
from .subarrays import Evidence, compare_sets, count_once, difference_table, evidence_of, window_of

# Of these maps, images and numbers ask for good pixels too; of the others nobody does once a set is judged.
_WHOLE = frozenset(
    ("pedestal", "first", "noise", "differences", "jumps", "finite", "saturated_first", "largest", "early", "late")
) | {"precision"}


def build(
    request: BuildRequest,
    out: Path,
    inputs: dict[str, str],
    keep: bool = False,
    searched: Callable[[], SearchOutcome] | None = None,
) -> None:
    """Search every set of a detector and write its mask into an empty folder.

    Parameters
    ----------
    request : BuildRequest
    out : Path
    inputs : dict of str to str
        BLAKE3 digests by path (relative to the delivery), for the mask's HISTORY.
    keep : bool
        See :func:`build_cached`.
    searched : callable, optional
        Gives what was found in the full frames, where they were searched already, and keeps none of its maps.
    """
    if not request.exposures("FULL"):
        raise TooLittleError(nothing_to_search(request.index, request.detector))
    parts = [name for name in request.subarrays if request.exposures(name)]
    whole, found = request.set_request("FULL"), _Found(out, request)
    full = found.write("FULL", searched() if searched else search_set(whole, keep), parts)
    counted = np.zeros(full.categories.shape, dtype=np.uint8)
    for subarray in parts:
        part = found.write(subarray, search_set(request.set_request(subarray)))
        found.sets[subarray]["difference"] = found.difference(subarray, full, part, counted)
    if full.reference is not None:
        np.savez_compressed(out / "reference_pixels.npz", judged=full.reference.judged, bad=full.reference.bad)
    found.loading.join()
    write_detector_mask(out / request.mask_file, request, full, inputs)
    summary = {
        "detector": request.detector,
        "mask": request.mask_file,
        "engine": request.engine,
        "search": request.search_made,
        "version": full.version,
        "inputs": inputs,
        "reference_pixels": full.reference.counts() if full.reference else None,
        "flags": {str(category.bit): full.flags.value(category) for category in Category},
        "hot_neighbours": full.flags.neighbours,
        "sets": found.sets,
    }
    write_text(out / "summary.json", json.dumps(summary, indent=1, sort_keys=True))


def _load_model() -> None:
    # Whoever writes the mask meets the same error, and can tell it.
    with contextlib.suppress(Exception):
        load_model()


class _Found:
    """What was found in the sets of a detector, as it is written; no map is kept longer than somebody asks for it.

    Attributes
    ----------
    sets : dict of str to dict
        What :func:`measure_set` says of each.
    loading : Thread
        Loads what the mask is written with, from the first set on that is written: before, there is no room for it
        beside the maps of all pixels.
    """

    def __init__(self, out: Path, request: BuildRequest):
        self._out, self._request = out, request
        self.sets: dict[str, dict] = {}
        # While requests is imported in that thread, another one's catch_warnings may undo what it asks to be ignored.
        warnings.filterwarnings("ignore", "SOCKS support in urllib3")
        self.loading = Thread(target=_load_model, name="mask model")
        # Of each subarray what the full frame shows of its pixels, and what it shows itself.
        self._evidence: dict[str, list[Evidence]] = {}

    def write(self, subarray: str, outcome: SearchOutcome, parts: Sequence[str] = ()) -> SearchOutcome:
        """Write what was found in a set beside its mask, and return it with the maps of its bad pixels alone.

        Parameters
        ----------
        subarray : str
        outcome : SearchOutcome
            No one else should keep it.
        parts : sequence of str
            Subarrays that will be compared with this set.
        """
        asked = self._request.set_request(subarray)
        for part in parts:
            window = window_of(asked, self._request.set_request(part))
            self._evidence[part] = [evidence_of(asked, outcome, window)]
        if subarray in self._evidence:
            self._evidence[subarray].append(evidence_of(asked, outcome))
        # What others can do is begun first.
        fits = RampFits(asked, outcome, look_up_detector(self._request.detector))
        bad, of_all = outcome.categories != 0, of_all_pixels(asked, outcome)
        of_bad = replace(outcome, maps=outcome.maps.at_pixels(bad))
        outcome = replace(outcome, maps=outcome.maps.at_pixels(bad, whole=_WHOLE))
        give_back()
        if self.loading.ident is None:
            self.loading.start()
        # Most of it is arithmetic of numpy, which does not hold Python's lock.
        with ThreadPoolExecutor(usable_cores(), thread_name_prefix="write set") as threads:
            # One thread comes to the pixels when others have done parts of them.
            images = threads.submit(_write_images, self._out, self._request, subarray, outcome)
            pixels = threads.submit(_write_pixels, self._out, self._request, subarray, of_bad, fits)
            measured = threads.submit(measure_set, asked, outcome, of_all)
            del outcome
            for one in (pixels, images):
                one.result()
            self.sets[subarray] = measured.result()
        # Tables and ramps of the threads that wrote them.
        give_back()
        return of_bad

    def difference(self, subarray: str, full: SearchOutcome, part: SearchOutcome, counted: np.ndarray) -> dict:
        """Write how a subarray's bad pixels differ from the full frame's, and return the numbers of the difference."""
        request = self._request
        window = window_of(request.set_request("FULL"), request.set_request(subarray))
        parts = compare_sets(*self._evidence[subarray])
        count_once(parts, window.cut(counted))
        np.savez_compressed(self._out / f"{subarray}_difference.npz", parts=parts)
        write_ecsv(difference_table(parts, full, part, window), self._out / f"{subarray}_difference.ecsv")
        false_alarms = sum(expected_false_pixels(request.parameters, parts.size).values())
        return vars(difference_of(parts, false_alarms))


@stage("pixels")
def _write_pixels(out: Path, request: BuildRequest, subarray: str, outcome: SearchOutcome, begun: RampFits) -> None:
    """Write what is told of bad pixels one by one."""
    asked, properties = request.set_request(subarray), look_up_detector(request.detector)
    frame = request.exposures(subarray)[0].jump
    # Held open, because a page of a map that was read once costs nothing the next time.
    with OpenSet(asked.exposures, asked.folder, asked.integrations) as opened:
        rates = rates_table(asked, opened, outcome, properties, frame)
        examples: dict[str, Any] = pick_examples(opened, outcome).arrays()
        fits = begun.fits(opened)
    write_catalogue(out / f"{subarray}_catalogue.ecsv", outcome, frame, fits)
    write_ecsv(rates, out / f"{subarray}_rates.ecsv")
    np.savez_compressed(out / f"{subarray}_examples.npz", **examples)


@stage("images")
def _write_images(out: Path, request: BuildRequest, subarray: str, outcome: SearchOutcome) -> None:
    """Write maps, and what changed in them."""
    asked, properties = request.set_request(subarray), look_up_detector(request.detector)
    write_categories(out / f"{subarray}_categories.fits", outcome.categories, request.detector, subarray)
    write_ecsv(structure_table(outcome.structures, request.detector), out / f"{subarray}_structures.ecsv")
    science, tgroup = ~asked.reference_pixels(), asked.exposures[0].set_key.tgroup
    drift = drift_of(outcome, science, properties, tgroup, request.parameters)
    frame = request.exposures(subarray)[0].jump
    changed = drift_table(drift, outcome.categories, frame.xstart, frame.ystart)
    write_ecsv(changed, out / f"{subarray}_drift.ecsv")
    maps: dict[str, Any] = {"categories": outcome.categories, "rate": outcome.rate, "noise": outcome.maps.noise}
    maps |= arrays_of(outcome.lights)
    # Compression takes a second and an eighth off what is noise.
    np.savez(out / f"{subarray}_maps.npz", **maps, drift=drift.changed)
