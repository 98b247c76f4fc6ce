"""Make the mask of one detector, with everything that a check or a reviewer may ask of it."""

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

from darkmask.core.atomic import write_text
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.ecsv import write_ecsv
from darkmask.core.errors import TooLittleError
from darkmask.core.flags import Category
from darkmask.core.stages import stage
from darkmask.masks.file import load_model, write_categories
from darkmask.search.budget import expected_false_pixels
from darkmask.search.engines import search_set
from darkmask.search.maps import SetRows
from darkmask.search.outcome import SearchOutcome
from darkmask.search.structures import structure_table

from .catalogue import write_catalogue
from .drift import drift_of, drift_table
from .examples import pick_examples
from .fitted_columns import fit_ramps
from .mask import write_detector_mask
from .measurements import measure_set
from .rates import rates_table
from .request import BuildRequest, nothing_to_search
from .subarrays import compare_sets, count_once, difference_of, difference_table, evidence_of, window_of


def build(
    request: BuildRequest, out: Path, inputs: dict[str, str], keep: bool = False, measured: Sequence[SetRows] = ()
) -> None:
    """Search every set of a detector and write its mask into an empty folder.

    Parameters
    ----------
    request : BuildRequest
    out : Path
    inputs : dict of str to str
        BLAKE3 digests by path (relative to the delivery), for the mask's HISTORY.
    keep : bool
    measured : sequence of SetRows
        See :func:`build_cached`.
    """
    if not request.exposures("FULL"):
        raise TooLittleError(nothing_to_search(request.index, request.detector))
    # Kernels, which leave the interpreter to others, take most of a search.
    loading = Thread(target=_load_model, name="mask model")
    loading.start()
    sets = {}
    outcomes = {}
    for subarray in ("FULL", *request.subarrays):
        if not request.exposures(subarray):
            continue
        full_frame = subarray == "FULL"
        outcome = outcomes[subarray] = search_set(
            request.set_request(subarray), keep=keep and full_frame, measured=measured if full_frame else ()
        )
        _write_set(out, request, subarray, outcome)
        sets[subarray] = measure_set(request.set_request(subarray), outcome)
    full = outcomes["FULL"]
    counted = np.zeros(full.categories.shape, dtype=np.uint8)
    for subarray in [name for name in outcomes if name != "FULL"]:
        sets[subarray]["difference"] = _write_difference(out, request, subarray, outcomes, counted)
    if full.reference is not None:
        np.savez_compressed(out / "reference_pixels.npz", judged=full.reference.judged, bad=full.reference.bad)
    loading.join()
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
        "sets": sets,
    }
    write_text(out / "summary.json", json.dumps(summary, indent=1, sort_keys=True))


def _load_model() -> None:
    # Whoever writes the mask meets the same error, and can tell it.
    with contextlib.suppress(Exception):
        load_model()


@stage("keep maps")
def _write_set(out: Path, request: BuildRequest, subarray: str, outcome: SearchOutcome) -> None:
    write_categories(out / f"{subarray}_categories.fits", outcome.categories, request.detector, subarray)
    asked, properties = request.set_request(subarray), look_up_detector(request.detector)
    fits = fit_ramps(asked, outcome, properties)
    write_catalogue(out / f"{subarray}_catalogue.ecsv", outcome, request.exposures(subarray)[0].jump, fits)
    rates = rates_table(asked, outcome, properties, request.exposures(subarray)[0].jump)
    write_ecsv(rates, out / f"{subarray}_rates.ecsv")
    write_ecsv(structure_table(outcome.structures, request.detector), out / f"{subarray}_structures.ecsv")
    drift = drift_of(
        outcome,
        ~asked.reference_pixels(),
        properties,
        asked.exposures[0].set_key.tgroup,
        request.parameters,
    )
    maps: dict[str, Any] = {"categories": outcome.categories, "rate": outcome.rate, "noise": outcome.maps.noise}
    maps |= {"drift": drift.changed}
    frame = request.exposures(subarray)[0].jump
    changed = drift_table(drift, outcome.categories, frame.xstart, frame.ystart)
    write_ecsv(changed, out / f"{subarray}_drift.ecsv")
    # Compression takes a second and an eighth off what is noise.
    np.savez(out / f"{subarray}_maps.npz", **maps)
    examples: dict[str, Any] = pick_examples(asked, outcome).arrays()
    np.savez_compressed(out / f"{subarray}_examples.npz", **examples)


def _write_difference(
    out: Path, request: BuildRequest, subarray: str, outcomes: dict[str, SearchOutcome], counted: np.ndarray
) -> dict:
    """Write how a subarray's bad pixels differ from the full frame's, and return the numbers of the difference."""
    whole, cut = request.set_request("FULL"), request.set_request(subarray)
    window = window_of(whole, cut)
    full, part = outcomes["FULL"], outcomes[subarray]
    parts = compare_sets(evidence_of(whole, full, window), evidence_of(cut, part))
    count_once(parts, window.cut(counted))
    np.savez_compressed(out / f"{subarray}_difference.npz", parts=parts)
    write_ecsv(difference_table(parts, full, part, window), out / f"{subarray}_difference.ecsv")
    false_alarms = sum(expected_false_pixels(request.parameters, parts.size).values())
    return vars(difference_of(parts, false_alarms))
