"""Make the mask of one detector, with everything that a check or a reviewer may ask of it."""

import json
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from darkmask.core.atomic import replacing, write_text
from darkmask.core.cache import cached, key_of
from darkmask.core.cores import usable_cores
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.digests import remembered_digest
from darkmask.core.errors import DarkmaskError, TooLittleError
from darkmask.core.flags import Category
from darkmask.core.provenance import source_digest
from darkmask.core.stages import stage
from darkmask.delivery.index import DeliveryIndex, ProblemKind
from darkmask.masks.file import write_categories
from darkmask.search.budget import expected_false_pixels
from darkmask.search.engines import search_set
from darkmask.search.outcome import SearchOutcome
from darkmask.search.structures import structure_table

from .catalogue import write_catalogue
from .drift import drift_of, drift_table
from .examples import pick_examples
from .fitted_columns import fit_ramps
from .mask import write_detector_mask
from .measurements import measure_set
from .products import BuiltMask
from .rates import rates_table
from .request import BuildRequest
from .subarrays import compare_sets, count_once, difference_of, difference_table, evidence_of, window_of

# A mask depends on the arithmetic or the files of these packages.
_DECIDING_PACKAGES = ("astropy", "jwst", "jwst_reffiles", "numba", "numpy", "scipy", "stdatamodels")


def build_cached(request: BuildRequest, keep: bool = False) -> BuiltMask:
    """Make the mask of a detector, or take it from the cache when the same inputs were searched before.

    Parameters
    ----------
    request : BuildRequest
    keep : bool
        Keep the maps of each integration of the full frames, for whoever combines them otherwise; see
        :mod:`darkmask.search.maps.kept`.

    Raises
    ------
    DarkmaskError
        When there is nothing to search, or a file has changed.
    """
    inputs = _hash_inputs(request)
    folder = cached("masks", _key(request, inputs), lambda out: build(request, out, inputs, keep))
    return BuiltMask(folder, json.loads((folder / "summary.json").read_text(encoding="utf-8")))


def build(request: BuildRequest, out: Path, inputs: dict[str, str], keep: bool = False) -> None:
    """Search every set of a detector and write its mask into an empty folder.

    Parameters
    ----------
    request : BuildRequest
    out : Path
    inputs : dict of str to str
        BLAKE3 digests by path (relative to the delivery), for the mask's HISTORY.
    keep : bool
        See :func:`build_cached`.
    """
    if not request.exposures("FULL"):
        raise TooLittleError(nothing_to_search(request.index, request.detector))
    sets = {}
    outcomes = {}
    for subarray in ("FULL", *request.subarrays):
        if not request.exposures(subarray):
            continue
        outcome = outcomes[subarray] = search_set(request.set_request(subarray), keep=keep and subarray == "FULL")
        _write_set(out, request, subarray, outcome)
        sets[subarray] = measure_set(request.set_request(subarray), outcome)
    full = outcomes["FULL"]
    counted = np.zeros(full.categories.shape, dtype=np.uint8)
    for subarray in [name for name in outcomes if name != "FULL"]:
        sets[subarray]["difference"] = _write_difference(out, request, subarray, outcomes, counted)
    if full.reference is not None:
        np.savez_compressed(out / "reference_pixels.npz", judged=full.reference.judged, bad=full.reference.bad)
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


@stage("keep maps")
def _write_set(out: Path, request: BuildRequest, subarray: str, outcome: SearchOutcome) -> None:
    write_categories(out / f"{subarray}_categories.fits", outcome.categories, request.detector, subarray)
    asked, properties = request.set_request(subarray), look_up_detector(request.detector)
    fits = fit_ramps(asked, outcome, properties)
    write_catalogue(out / f"{subarray}_catalogue.ecsv", outcome, request.exposures(subarray)[0].jump, fits)
    with replacing(out / f"{subarray}_rates.ecsv") as temporary:
        table = rates_table(asked, outcome, properties, request.exposures(subarray)[0].jump)
        table.write(temporary, format="ascii.ecsv", overwrite=True)
    with replacing(out / f"{subarray}_structures.ecsv") as temporary:
        table = structure_table(outcome.structures, request.detector)
        table.write(temporary, format="ascii.ecsv", overwrite=True)
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
    with replacing(out / f"{subarray}_drift.ecsv") as temporary:
        table = drift_table(drift, outcome.categories, frame.xstart, frame.ystart)
        table.write(temporary, format="ascii.ecsv", overwrite=True)
    np.savez_compressed(out / f"{subarray}_maps.npz", **maps)
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
    with replacing(out / f"{subarray}_difference.ecsv") as temporary:
        difference_table(parts, full, part, window).write(temporary, format="ascii.ecsv", overwrite=True)
    false_alarms = sum(expected_false_pixels(request.parameters, parts.size).values())
    return vars(difference_of(parts, false_alarms))


def _hash_inputs(request: BuildRequest) -> dict[str, str]:
    files = request.input_files()

    def digest(name: str) -> str:
        found = remembered_digest(files[name])
        # Without this the mask of other bytes than those scanned would come from the cache.
        request.require_unchanged(name)
        return found

    try:
        # A thread for each core: neither reading nor hashing holds Python's lock.
        with ThreadPoolExecutor(usable_cores(), thread_name_prefix="blake3") as threads:
            return dict(zip(files, threads.map(digest, files), strict=True))
    except OSError as error:
        raise DarkmaskError(f"{error.filename} can no longer be read ({error.strerror}): run again.") from error


def _key(request: BuildRequest, inputs: dict[str, str]) -> str:
    """Return the digest of all that the mask depends on; our own code counts, so another version has another entry."""
    depends = {
        "inputs": inputs,
        "code": source_digest("build"),
        "packages": {name: version(name) for name in _DECIDING_PACKAGES if _installed(name)},
        "detector": request.detector,
        "engine": [request.engine, request.search_made],
        "parameters": request.parameters.model_dump(mode="json"),
        # The name stands in HISTORY, and the digest of the file stands for its pixels.
        "manual": [request.manual.name, request.manual.sha256] if request.manual else None,
        "geometry": [request.geometry.frame, request.geometry.border],
        "header": [
            request.author,
            request.description,
            request.pedigree,
            request.useafter,
            request.history,
            request.mask_subarray,
            request.mask_file,
        ],
    }
    return key_of(depends)


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def nothing_to_search(index: DeliveryIndex, detector: str) -> str:
    """Return why there is no exposure of a detector to search, as a sentence."""
    problems = index.problems_of(detector, None, *ProblemKind)
    if problems:
        return problems[0].sentence
    return (
        f"The delivery {index.place} holds no whole full-frame exposure of {detector}: deliver its _jump, _fitopt and "
        "_rate files."
    )
