"""Find dead, low-QE and open pixels of flats by ``bad_pixels()`` of jwst_reffiles; no code here searches flats."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from darkmask.core.detectors import Geometry
from darkmask.core.errors import DeliveryError, SearchError
from darkmask.core.flags import dq_bits, has_flag
from darkmask.delivery import DeliveryIndex, scan
from darkmask.delivery.index import ProblemKind
from darkmask.delivery.inspection import DARK
from darkmask.delivery.records import FileRecord, Kind
from darkmask.search.parameters import SearchParameters

from .process import run_worker

FLAT_MNEMONICS = ("DEAD", "LOW_QE", "OPEN", "ADJ_OPEN")
# A search of flats depends on these keywords; its own flags and lists of pixels are not used.
KEYWORDS = (
    "dead_search",
    "low_qe_and_open_search",
    "dead_search_type",
    "flat_mean_sigma_threshold",
    "flat_mean_normalization_method",
    "smoothing_box_width",
    "smoothing_type",
    "dead_sigma_threshold",
    "max_dead_norm_signal",
    "max_low_qe_norm_signal",
    "max_open_adj_norm_signal",
)


@dataclass(frozen=True)
class FlatsResult:
    """The bad pixels that the package found in flats.

    Attributes
    ----------
    dq : numpy.ndarray, shape (y, x), uint32
        DEAD, LOW_QE, OPEN and ADJ_OPEN, as the pipeline defines them; a pixel may have several.
    version : str
        Version of the package.
    """

    dq: np.ndarray
    version: str


def find_flats(folder: Path, detector: str, geometry: Geometry) -> tuple[Path, ...]:
    """Return the slope files of full-frame flats of one detector.

    Parameters
    ----------
    folder : Path
        Folder of ``_rate`` or ``_rateints`` files; if an exposure has both, ``_rateints`` counts.
    detector : str
    geometry : Geometry

    Returns
    -------
    tuple of Path
        Ordered by path.

    Raises
    ------
    DeliveryError
        When there is none, or one is damaged, is a dark, is not a slope or has another size.
    """
    return choose_flats(scan(folder), detector, geometry, f"The folder {folder} holds")


def choose_flats(index: DeliveryIndex, detector: str, geometry: Geometry, where: str) -> tuple[Path, ...]:
    """Return the slope files of full-frame flats of one detector, of files that were scanned.

    Parameters
    ----------
    index : DeliveryIndex
        Of the flats.
    detector : str
    geometry : Geometry
    where : str
        The beginning of the sentence that there is none: "The folder flats holds".

    Returns
    -------
    tuple of Path
        Ordered by path.

    Raises
    ------
    DeliveryError
        As of :func:`find_flats`.
    """
    damaged = index.problems_of(detector, None, ProblemKind.FILE)
    if damaged:
        raise DeliveryError(damaged[0].sentence)
    chosen: dict[tuple[str, int], FileRecord] = {}
    for record in index.files:
        if (record.detector, record.subarray) == (detector, "FULL") and record.kind in (Kind.RATE, Kind.RATEINTS):
            other = chosen.get((record.key, record.segment))
            if other is None or record.kind is Kind.RATEINTS:
                chosen[record.key, record.segment] = record
    if not chosen:
        raise DeliveryError(
            f"{where} no full-frame _rate or _rateints file of a flat of {detector}: add them, or "
            "name the detectors that have flats with --detectors."
        )
    for record in chosen.values():
        wrong = _what_is_wrong(record, geometry)
        if wrong:
            raise DeliveryError(f"{record.path} {wrong}.")
    return tuple(index.path(record) for record in sorted(chosen.values(), key=lambda record: record.path))


def _what_is_wrong(record: FileRecord, geometry: Geometry) -> str:
    if record.exp_type == DARK:
        return f"has EXP_TYPE {DARK} and was given as a flat: take it out of the folder of flats"
    if record.steps.get("S_RAMP") != "COMPLETE":
        return f"has S_RAMP {record.steps.get('S_RAMP', 'absent')} where COMPLETE was expected: fit its ramps"
    rows, columns = record.shape[-2:]
    if (rows, columns) != (geometry.frame, geometry.frame):
        return f"has {columns}x{rows} pixels where {geometry.frame}x{geometry.frame} were expected: give --frame"
    return ""


def search_flats(paths: Sequence[Path], parameters: SearchParameters, detector: str) -> FlatsResult:
    """Run ``bad_pixels()`` of jwst_reffiles on flats alone.

    The package runs in a process and a temporary folder of its own, as in :func:`.reffiles.search_reffiles`.

    Parameters
    ----------
    paths : sequence of Path
    parameters : SearchParameters
        The keywords of flats apply.
    detector : str
        Name for the messages of errors.

    Raises
    ------
    SearchError
        When the package is missing or failed.
    """
    if importlib.util.find_spec("jwst_reffiles") is None:
        raise SearchError(
            f"jwst_reffiles is not installed and was to search the flats of {detector}: install jwst_reffiles==1.0.1, "
            "or leave out --flats."
        )
    job = {"flats": [str(Path(path).resolve()) for path in paths], "keywords": keywords_of(parameters)}
    with run_worker("flats_worker", job, f"the {len(paths)} flats of {detector}") as result:
        return FlatsResult(result["dq"] & dq_bits(*FLAT_MNEMONICS), str(result["version"]))


def keywords_of(parameters: SearchParameters) -> dict:
    """Return the keywords of ``bad_pixels()`` for flats, without its own 2048x2048 list of pixels to flag by hand."""
    keywords = {name: getattr(parameters, name) for name in KEYWORDS}
    keywords["smoothing_box_width"] = int(keywords["smoothing_box_width"])
    return keywords | {"manual_flag_file": ""}


def merge_flats(dq: np.ndarray, flats: np.ndarray) -> np.ndarray:
    """Add the bad pixels of flats to the mask of the darks.

    HOT removes DEAD (a pixel that is saturated in darks has no slope in flats either), DEAD removes LOW_QE, and DEAD
    and OPEN get DO_NOT_USE; the first rule is that of jwst_reffiles.

    Parameters
    ----------
    dq : numpy.ndarray, shape (y, x), uint32
        DQ of the darks; reference pixels stay as they are.
    flats : numpy.ndarray, shape (y, x), uint32

    Returns
    -------
    numpy.ndarray, shape (y, x), uint32
    """
    hot, dead, low_qe, reference = (dq_bits(name) for name in ("HOT", "DEAD", "LOW_QE", "REFERENCE_PIXEL"))
    seen = np.where(dq & reference, np.uint32(0), flats)
    seen[(dq & hot) != 0] &= ~dead
    seen[(seen & dead) != 0] &= ~low_qe
    unusable = has_flag(seen, "DEAD", "OPEN")
    return dq | seen | np.where(unusable, dq_bits("DO_NOT_USE"), np.uint32(0))
