"""Read one file of a delivery by its headers alone."""

import os
import re
import stat
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from darkmask.core import fits_layout
from darkmask.core.detectors import DETECTORS
from darkmask.core.errors import DeliveryError

from .records import ArrayPlace, FileRecord, Kind
from .times import integration_times

# Suffixes that MAST gives. They tell what a file was meant to be when its headers cannot be read; readable headers win.
_SUFFIX = re.compile(r"_(jump|fitopt|rate|rateints|uncal)\.fits$", re.IGNORECASE)
_DETECTOR_IN_NAME = re.compile(r"nrc(?:[ab][1-4]|[ab]long)", re.IGNORECASE)
# These identify an exposure in the headers; a segment of a long exposure is a triplet of its own.
_EXPOSURE_KEYWORDS = ("PROGRAM", "OBSERVTN", "VISIT", "VISITGRP", "SEQ_ID", "ACT_ID", "EXPOSURE", "DETECTOR")
_SEARCHED = ("SCI", "GROUPDQ", "PIXELDQ", "PEDESTAL", "DQ")
_REQUIRED = (
    *("DETECTOR", "SUBARRAY", "NINTS", "NGROUPS", "TGROUP", "NOUTPUTS", "DATE-OBS"),
    *("SUBSTRT1", "SUBSTRT2", "SUBSIZE1", "SUBSIZE2"),
)


def suffix_of(path: Path) -> Kind | None:
    """Return the product that a file's name claims it is; None for any other file."""
    match = _SUFFIX.search(path.name)
    return Kind(match.group(1).lower()) if match else None


def detector_in_name(path: Path) -> str | None:
    """Return the NIRCam detector that a file's name claims; None when it names none."""
    match = _DETECTOR_IN_NAME.search(path.name)
    name = match.group(0).upper() if match else None
    return name if name in DETECTORS else None


def read_record(path: Path, folder: Path) -> FileRecord | None:
    """Read the headers of a FITS file, and check that the file is as long as they say.

    Parameters
    ----------
    path : Path
    folder : Path
        The delivery's folder.

    Returns
    -------
    FileRecord or None
        None for a FITS file that is not one of a delivery's products.

    Raises
    ------
    DeliveryError
        When the file is not a FITS file, is shorter than its headers say, or lacks a keyword.
    """
    relative = path.relative_to(folder).as_posix()
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        # Opening a pipe would wait for somebody to write into it.
        raise DeliveryError(f"{relative} is no regular file: put the file itself there.")
    if status.st_size == 0:
        raise DeliveryError(f"{relative} is empty (0 bytes) where a FITS file was expected: transfer it again.")
    primary, arrays, int_times = _read_headers(path, relative, status.st_size)
    kind = _product_kind(arrays, path, relative)
    if kind is None:
        return None
    missing = [keyword for keyword in _REQUIRED if keyword not in primary]
    if missing and kind is not Kind.UNCAL:
        raise DeliveryError(
            f"{relative} lacks the header keyword {', '.join(missing)}: a pipeline product has it; make the file again."
        )
    try:
        record = _record(primary, kind, arrays, path, relative, status)
        integrations = record.shape[0] if len(record.shape) > 2 else 1
        return replace(record, times=integration_times(primary, int_times, integrations))
    except Exception as error:  # a wrong type, or a card that astropy cannot parse and reads only now
        raise DeliveryError(
            f"{relative} has a header value that cannot be used ({_first_line(error)}): make the file again."
        ) from error


def _read_headers(path: Path, relative: str, size: int) -> tuple[Any, dict[str, ArrayPlace], Any]:
    """Return the primary header of a whole FITS file, where its extensions lie, and INT_TIMES or None."""
    from astropy.io import fits

    try:
        # The file is opened here: astropy would leave it open on failure, and unpack a compressed file of any name.
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what astropy warns of is found below, and said in our words
            if file.read(len(fits_layout.SIGNATURE)) != fits_layout.SIGNATURE:
                raise DeliveryError(
                    f"{relative} is not a FITS file (it does not begin with SIMPLE): transfer it again."
                )
            file.seek(0)
            with fits.open(file, memmap=False, lazy_load_hdus=False, disable_image_compression=True) as hdus:
                primary = hdus[0].header
                arrays = {hdu.name: _place(hdu.header, hdu.fileinfo()["datLoc"]) for hdu in hdus[1:]}
                damage = fits_layout.damage(hdus, file, size)
                int_times = hdus["INT_TIMES"].data if "INT_TIMES" in hdus and not damage else None
    except DeliveryError:
        raise
    except Exception as error:  # astropy raises many types for damaged headers; each means the same to the user
        raise DeliveryError(
            f"{relative} has damaged FITS headers ({_first_line(error)}): transfer it again."
        ) from error
    if damage:
        raise DeliveryError(f"{relative} {damage}: it is truncated, or was changed on its way; transfer it again.")
    return primary, arrays, int_times


def _product_kind(arrays: dict[str, ArrayPlace], path: Path, relative: str) -> Kind | None:
    """Return which product a file is; None for one that neither is nor claims to be one."""
    kind = _kind({name: place.shape for name, place in arrays.items()}, path)
    if kind is None and suffix_of(path) is not None:
        raise DeliveryError(
            f"{relative} has the extensions {', '.join(arrays) or 'none'}, which are not those of a "
            f"_{suffix_of(path)} file: it may be truncated or misnamed; transfer it again."
        )
    return kind


def _record(primary, kind: Kind, arrays: dict, path: Path, relative: str, status: os.stat_result) -> FileRecord:
    science = "PEDESTAL" if kind is Kind.FITOPT else "SCI"
    return FileRecord(
        path=relative,
        kind=kind,
        key=_exposure_key(primary, path),
        detector=str(primary.get("DETECTOR", "")).strip().upper(),
        subarray=str(primary.get("SUBARRAY", "")).strip().upper(),
        shape=arrays[science].shape,
        nints=int(primary.get("NINTS", 0)),
        ngroups=int(primary.get("NGROUPS", 0)),
        noutputs=int(primary.get("NOUTPUTS", 0)),
        readpatt=str(primary.get("READPATT", "")),
        tgroup=float(primary.get("TGROUP", 0.0)),
        exp_type=str(primary.get("EXP_TYPE", "")),
        observation=str(primary.get("OBSERVTN", "")),
        date_obs=str(primary.get("DATE-OBS", "")),
        steps={key: str(primary[key]) for key in primary if key.startswith("S_")},
        xstart=int(primary.get("SUBSTRT1", 0)),
        ystart=int(primary.get("SUBSTRT2", 0)),
        xsize=int(primary.get("SUBSIZE1", 0)),
        ysize=int(primary.get("SUBSIZE2", 0)),
        fastaxis=int(primary.get("FASTAXIS", 0)),
        slowaxis=int(primary.get("SLOWAXIS", 0)),
        segments=int(primary.get("EXSEGTOT", 1)),
        simulated=bool(primary.get("SIMULATD", False)),
        size=status.st_size,
        modified=status.st_mtime_ns,
        arrays={name: place for name, place in arrays.items() if name in _SEARCHED},
    )


def _kind(shapes: dict, path: Path) -> Kind | None:
    """Return the kind of a file by its extensions; ``_rate`` and ``_rateints`` differ in dimensions alone."""
    science = shapes.get("SCI", ())
    if "GROUPDQ" in shapes and len(science) == 4:
        return Kind.JUMP
    if "PEDESTAL" in shapes:
        return Kind.FITOPT
    if "DQ" in shapes and len(science) == 3:
        return Kind.RATEINTS
    if "DQ" in shapes and len(science) == 2:
        return Kind.RATE
    if len(science) == 4 and suffix_of(path) is Kind.UNCAL:
        return Kind.UNCAL
    return None


def _exposure_key(primary, path: Path) -> str:
    values = [str(primary.get(keyword, "")).strip() for keyword in _EXPOSURE_KEYWORDS]
    if all(values):
        return "-".join([*values, str(primary.get("EXSEGNUM", 1))])
    # Files made outside the archive may lack the visit keywords; then the common root of their names joins partners.
    return _SUFFIX.sub("", path.name)


def _place(header, offset: int) -> ArrayPlace:
    """Return where and how an image extension is stored; a table has no shape."""
    axes = range(header["NAXIS"], 0, -1) if header.get("XTENSION") == "IMAGE" else ()
    return ArrayPlace(
        offset,
        tuple(header[f"NAXIS{axis}"] for axis in axes),
        header["BITPIX"],
        header.get("BZERO", 0),
        header.get("BSCALE", 1),
    )


def _first_line(error: Exception) -> str:
    return " ".join((str(error).splitlines() or [type(error).__name__])[0].split())[:160].rstrip(".")
