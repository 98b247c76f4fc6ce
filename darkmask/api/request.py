"""From what a call names to what is searched: files, detector, frame, and masks that it goes with."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from darkmask.build.request import BuildRequest
from darkmask.core.detectors import DETECTORS, FRAME_SIZE, Geometry
from darkmask.core.errors import DeliveryError, MaskError, ParameterError
from darkmask.core.naming import unknown
from darkmask.core.remote import is_address, open_place
from darkmask.delivery import DeliveryIndex, scan, scan_files
from darkmask.delivery.records import Kind
from darkmask.masks.folder import scan_masks
from darkmask.masks.manual_flags import read_manual_flags
from darkmask.search.reffiles.flats import choose_flats

from .keywords import Call, path_of

_SUFFIX = re.compile(r"_(jump|fitopt|rate|rateints)\.fits$", re.IGNORECASE)
_KINDS = {
    "dark_slope_files": (Kind.RATEINTS, Kind.RATE),
    "dark_jump_files": (Kind.JUMP,),
    "dark_fitopt_files": (Kind.FITOPT,),
}


def scan_delivery(folder: str | os.PathLike[str]) -> DeliveryIndex:
    """Describe a delivery of darks by its headers alone.

    Parameters
    ----------
    folder : str or path
        Searched with its subfolders; nothing is written to it. A text may be the address of a folder that lies
        elsewhere (``https://``, ``s3://``).

    Returns
    -------
    DeliveryIndex
        Files, whole exposures and sets; what is wrong with a file stands in ``problems``.

    Raises
    ------
    DeliveryError
        When the folder cannot be read or holds no dark.
    """
    index = scan(_folder(folder))
    if not index.files:
        raise DeliveryError(index.problems[0].sentence)
    return index


def index_of(folder: str | os.PathLike[str] | None, darks: Mapping[str, tuple[Path, ...]]) -> DeliveryIndex:
    """Describe the darks of a call: those of a folder, or files that are named.

    Parameters
    ----------
    folder : str, path or None
    darks : mapping of str to tuple of Path
        By keyword. Of an exposure of which only some files are named, the others are looked for beside them, by the
        suffixes of the pipeline.

    Returns
    -------
    DeliveryIndex

    Raises
    ------
    ParameterError
        When neither or both are given.
    DeliveryError
        When the folder holds no dark, or a named file cannot be used.
    """
    if darks and folder is not None:
        raise ParameterError(f"Both a folder and {', '.join(darks)} were given: give one of them.")
    if folder is not None:
        return scan_delivery(folder)
    if not darks:
        raise ParameterError(
            "No darks were given: name a folder, or files with dark_jump_files, dark_fitopt_files and dark_slope_files."
        )
    for keyword, paths in darks.items():
        for path in paths:
            if not path.exists():
                raise DeliveryError(f"{path} of {keyword} does not exist: correct the list.")
    named = {keyword: darks.get(keyword) or tuple(_partners(darks, keyword)) for keyword in _KINDS}
    named["dark_slope_files"] = tuple(_whole_slope(path) for path in named["dark_slope_files"])
    index = scan_files(path for paths in named.values() for path in paths)
    kinds = {index.path(record): record.kind for record in (*index.files, *index.raw)}
    wrong = [
        (path, keyword, kinds.get(Path(os.path.abspath(path))))
        for keyword, paths in named.items()
        for path in paths
        if kinds.get(Path(os.path.abspath(path))) not in _KINDS[keyword]
    ]
    for path, keyword, kind in wrong:
        if kind is not None:
            raise DeliveryError(f"{path} was named in {keyword} and is a _{kind} file: name it where it belongs.")
    if index.problems:
        raise DeliveryError(index.problems[0].sentence)
    for path, keyword, _ in wrong:
        raise DeliveryError(f"{path} of {keyword} is none of the pipeline's products: name the right file.")
    return index


def choose_detector(index: DeliveryIndex, detector: str | None) -> str:
    """Return the detector to search.

    Raises
    ------
    ParameterError
        When NIRCam has no such detector, or none is named and the darks are of several.
    DeliveryError
        When there is no dark of it.
    """
    if detector is None:
        if len(index.detectors) == 1:
            return index.detectors[0]
        raise ParameterError(
            f"The darks are of {len(index.detectors)} detectors ({', '.join(index.detectors)}): name one, as "
            f"detector={index.detectors[0]!r}, or search all of them with search_delivery()."
        )
    name = str(detector).upper()
    if name not in DETECTORS:
        raise ParameterError(unknown("NIRCam detector", detector, DETECTORS))
    if name not in index.detectors:
        raise DeliveryError(f"{index.place} holds no dark of {name}, only of {', '.join(index.detectors)}.")
    return name


def geometry_of(index: DeliveryIndex, detector: str) -> Geometry:
    """Return the geometry of a detector's full frames, as its files have them.

    Raises
    ------
    DeliveryError
        When the frame is neither real nor simulated.
    """
    exposures = index.main_set(detector, "FULL")
    if not exposures:
        return Geometry()
    rows, columns = exposures[0].jump.shape[2:]
    if rows == columns and (rows == FRAME_SIZE or exposures[0].jump.simulated):
        return Geometry(rows)
    raise DeliveryError(
        f"{exposures[0].jump.path} is a full frame of {columns}x{rows} pixels where {detector} has "
        f"{FRAME_SIZE}x{FRAME_SIZE}: deliver whole frames."
    )


def build_request(
    index: DeliveryIndex,
    detector: str,
    call: Call,
    *,
    engine: str,
    search: str,
    base: str | os.PathLike[str] | None,
    manual_flags: str | os.PathLike[str] | None,
) -> BuildRequest:
    """Put together what one detector's mask is made from.

    Parameters
    ----------
    index : DeliveryIndex
    detector : str
    call : Call
    engine, search : str
    base : str, path or None
        A mask in force, or a folder of them.
    manual_flags : str, path or None
        A table of pixels flagged by hand.

    Returns
    -------
    BuildRequest

    Raises
    ------
    DarkmaskError
        When one of them cannot be used.
    """
    geometry = geometry_of(index, detector)
    options: dict[str, Any] = dict(call.header)
    if base is not None:
        options["base"] = _mask_in_force(path_of("base", base), detector)
    if manual_flags is not None:
        options["manual"] = read_manual_flags(path_of("manual_flags", manual_flags), geometry)
    if call.flats:
        folder = call.flats[0] if len(call.flats) == 1 and call.flats[0].is_dir() else None
        found = scan(folder) if folder else scan_files(call.flats)
        where = f"The folder {folder} holds" if folder else "Among the files of flat_slope_files is"
        options["flats"] = choose_flats(found, detector, geometry, where)
    return BuildRequest(
        index=index,
        detector=detector,
        subarrays=tuple(sorted({f.subarray for f in index.files if f.detector == detector} - {"FULL"})),
        engine=engine,
        search=search,
        parameters=call.parameters,
        geometry=geometry,
        **options,
    )


def _folder(folder: str | os.PathLike[str]) -> Path:
    if not isinstance(folder, str | os.PathLike):
        raise ParameterError(
            f"The darks were given as a {type(folder).__name__}: give the folder that holds them, or name files with "
            "dark_jump_files, dark_fitopt_files and dark_slope_files."
        )
    return open_place(folder) if isinstance(folder, str) and is_address(folder) else Path(folder)


def _mask_in_force(path: Path, detector: str) -> Path:
    if path.is_dir():
        return scan_masks(path).path_of(detector)
    if not path.exists():
        raise MaskError(f"{path} does not exist: give the mask in force, or the folder that holds it.")
    return path


def _partners(darks: Mapping[str, tuple[Path, ...]], keyword: str) -> Iterable[Path]:
    """Return the files that were not named, beside those that were."""
    given, paths = next(iter(darks.items()))
    for path in paths:
        root = _SUFFIX.sub("", path.name)
        beside = [path.with_name(f"{root}_{kind}.fits") for kind in _KINDS[keyword]]
        found = next((partner for partner in beside if partner.is_file()), None)
        if root == path.name or found is None:
            raise DeliveryError(
                f"{path} of {given} has no {' or '.join(f'_{kind}' for kind in _KINDS[keyword])} file beside it: name "
                f"it with {keyword}."
            )
        yield found


def _whole_slope(path: Path) -> Path:
    """Return the slopes of each integration where a ``_rate`` file, which is their mean, has such a partner.

    A list made with ``glob("*_rate.fits")`` names the means, of which no search can tell what comes and goes; where the
    exposure has one integration there is no partner.
    """
    if path.name.lower().endswith("_rate.fits"):
        partner = path.with_name(f"{path.name[: -len('_rate.fits')]}_rateints.fits")
        if partner.is_file():
            return partner
    return path
