"""Write the MASK file that is delivered, from the search of a detector's full frames."""

from pathlib import Path

import numpy as np

from darkmask.core.categories import Category, in_category
from darkmask.core.errors import MaskError
from darkmask.core.flags import NEIGHBOUR_FLAGS, dq_bits, has_flag
from darkmask.core.stages import stage
from darkmask.delivery.observed import observed, sentence
from darkmask.masks.carrying import carried_bits, path_beside, read_carried, write_carried
from darkmask.masks.file import MaskMeta, read_mask, write_mask
from darkmask.masks.manual_flags import add_manual_flags
from darkmask.search.outcome import SearchOutcome
from darkmask.search.reffiles.flats import FlatsResult, keywords_of, merge_flats, search_flats

from .request import BuildRequest

# HISTORY tells so many findings of many pixels at the most.
_TOLD = 20


@stage("mask file")
def write_detector_mask(path: Path, request: BuildRequest, outcome: SearchOutcome, inputs: dict[str, str]) -> None:
    """Write the MASK file of a detector.

    Parameters
    ----------
    path : Path
    request : BuildRequest
    outcome : SearchOutcome
        The outcome of its full frames.
    inputs : dict of str to str
        BLAKE3 digests by path (relative to the delivery), for HISTORY.

    Raises
    ------
    MaskError
        When the frames, or the mask in force, do not have the size that the criteria say.
    SearchError
        When flats were given and cannot be searched.
    """
    dq = outcome.flags.to_dq(outcome.categories)
    border = request.geometry.reference_pixels()
    if dq.shape != border.shape:
        raise MaskError(
            f"The FULL frames of {request.detector} are {dq.shape[1]}x{dq.shape[0]} and the criteria say "
            f"{request.geometry.frame}x{request.geometry.frame}: deliver whole frames, or give the criteria of this "
            "frame size."
        )
    dq[outcome.flags.beside_hot(outcome.categories)] |= dq_bits(*NEIGHBOUR_FLAGS)
    # A reference pixel sees no light: no category can apply to it.
    dq[border] = dq_bits("REFERENCE_PIXEL")
    if outcome.reference is not None:
        dq[outcome.reference.bad] |= dq_bits("BAD_REF_PIXEL", "DO_NOT_USE")
    found = None
    if request.flats:
        found = search_flats(request.flats, request.parameters, request.detector)
        dq = merge_flats(dq, found.dq)
    carried = _carried(request, outcome, border, dq)
    if request.manual is not None:
        # Nobody measured these: the next run must not take them for what this one found.
        add_manual_flags(carried, request.manual.of(request.detector))
    dq |= carried
    write_carried(path_beside(path), carried, dq, request.detector)
    days = [file.date_obs for e in request.exposures("FULL") for file in e.files if file.date_obs]
    dates = sorted(days) or ["1970-01-01"]
    write_mask(
        path,
        dq,
        MaskMeta(
            detector=request.detector,
            author=request.author,
            description=request.description,
            pedigree=request.pedigree or f"INFLIGHT {dates[0]} {dates[-1]}",
            useafter=request.useafter or f"{dates[0]}T00:00:00",
            history=tuple(_history(request, outcome, found, inputs)),
            subarray=request.mask_subarray,
            date=f"{dates[-1]}T00:00:00.000",
        ),
    )


def judged_anew(outcome: SearchOutcome, border: np.ndarray) -> np.ndarray:
    """Return the bits that a search judged anew in each pixel.

    Parameters
    ----------
    outcome : SearchOutcome
        The outcome of a detector's full frames.
    border : numpy.ndarray, shape (y, x), bool
        The reference pixels.

    Returns
    -------
    numpy.ndarray, shape (y, x), uint32
        None where nobody could judge.
    """
    judged = np.full(border.shape, outcome.flags.measured_bits)
    judged[in_category(outcome.categories, Category.UNDETERMINED)] = 0
    judged[border] = 0
    if outcome.reference is not None:
        judged[outcome.reference.judged] = dq_bits("BAD_REF_PIXEL")
    return judged


def _carried(request: BuildRequest, outcome: SearchOutcome, border: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return the bits that the mask in force adds to those that were found.

    A pixel that is hot in flight and dead on the ground was saturated there: HOT stays and DEAD goes, as jwst_reffiles
    decides it. A warm pixel may well be dead.
    """
    if request.base is None:
        return np.zeros_like(found)
    base = read_mask(request.base)
    if base.decoded.shape != found.shape:
        raise MaskError(
            f"The mask in force {request.base} has {base.decoded.shape[1]}x{base.decoded.shape[0]} pixels and the "
            f"darks of {request.detector} {found.shape[1]}x{found.shape[0]}: give the mask of the same frame."
        )
    carried = carried_bits(base.decoded, judged_anew(outcome, border), read_carried(base))
    carried[has_flag(found, "HOT")] &= ~dq_bits("DEAD")
    return carried


def _history(
    request: BuildRequest, outcome: SearchOutcome, flats: FlatsResult | None, inputs: dict[str, str]
) -> list[str]:
    lines = [
        *request.history,
        f"Bad pixels searched by darkmask: engine {request.engine} {outcome.version}, search {request.search_made}.",
    ]
    lines += [sentence(observed(request.exposures("FULL"))), *_unmeasured(request)]
    if request.manual is not None:
        pixels = len(request.manual.of(request.detector))
        lines.append(f"{pixels} pixels flagged by hand: {request.manual.name}, SHA-256 {request.manual.sha256}.")
    used = request.parameters.of_search(request.search_made)
    lines += ["Parameters of the search:", *(f"{name} = {value}" for name, value in sorted(used.items()))]
    lines += _structures(request.detector, outcome)
    if flats is not None:
        lines += [f"Dead, low-QE and open pixels searched in flats by jwst_reffiles {flats.version}, with:"]
        lines += [f"{name} = {value}" for name, value in sorted(keywords_of(request.parameters).items())]
    lines += ["Files (BLAKE3):", *(f"{Path(name).name} {digest}" for name, digest in sorted(inputs.items()))]
    return [_for_header(line) for line in lines]


def _for_header(line: str) -> str:
    """Return a line in the characters that a FITS header may hold: names of files have others."""
    return "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode() for c in line)


def _structures(detector: str, outcome: SearchOutcome) -> list[str]:
    """Return the lines about what was found of many pixels together."""
    found = [one.sentence(detector) for one in sorted(outcome.structures)]
    if not found:
        return []
    left = len(found) - _TOLD
    more = [f"and {left} more, in the table of structures."] if left > 0 else []
    return ["Found of many pixels together:", *(f"{one}." for one in found[:_TOLD]), *more]


def _unmeasured(request: BuildRequest) -> list[str]:
    """Return the lines about integrations that are no measurement."""
    asked = request.set_request("FULL")
    # The package takes whole files.
    searched = request.engine == "jwst_reffiles"
    what = "were searched by jwst_reffiles all the same" if searched else "are left out of the search"
    told = [(f"Integrations that are no measurement {what}:", asked.left_out)]
    told += [("Integrations that are no measurement in some rows were searched all the same:", asked.doubted)]
    return [line for title, said in told if said for line in (title, *(f"{sentence}." for sentence in said))]
