"""Check the header of a MASK file and the type of its array where nobody else does.

CRDS chooses a mask by DETECTOR and SUBARRAY and looks neither at its axes nor at the type of its array; the pipeline
takes a mask of any detector and any REFTYPE.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np

from darkmask.core.detectors import DETECTORS, Geometry
from darkmask.delivery.headers import detector_in_name

from .file import MaskFile

# Nobody could see a dark in flight before.
LAUNCH = date(2021, 12, 25)
# What crds.certify takes when it is blank.
_SAID = ("AUTHOR", "DESCRIP")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_INFLIGHT = re.compile(r"INFLIGHT (\d{4}-\d\d-\d\d) (\d{4}-\d\d-\d\d)")


def header_problems(mask: MaskFile, detector: str, geometry: Geometry) -> list[str]:
    """Return the keywords of a mask that do not belong to its detector and frame.

    Parameters
    ----------
    mask : MaskFile
    detector : str
        The detector that the mask should be for.
    geometry : Geometry

    Returns
    -------
    list of str
        One sentence for each keyword (FITS keywords of the JWST reference-file schema; axes by CRDS NIRCam
        constraints; dates that cannot be), and for a file name that names another detector.
    """
    properties = DETECTORS[detector]
    required = {
        "TELESCOP": ("JWST",),
        "INSTRUME": ("NIRCAM",),
        "REFTYPE": ("MASK",),
        "DETECTOR": (detector,),
        "SUBARRAY": ("GENERIC", "FULL"),
        "FASTAXIS": (properties.fastaxis,),
        "SLOWAXIS": (properties.slowaxis,),
        "SUBSTRT1": (1,),
        "SUBSTRT2": (1,),
        "SUBSIZE1": (geometry.frame,),
        "SUBSIZE2": (geometry.frame,),
    }
    # A mask may lack these keywords; those that it has must be right.
    if_there = {
        "CHANNEL": (properties.channel,),
        "MODULE": (properties.module,),
        "DATAMODL": ("MaskModel",),
    }
    wanted = required | {key: values for key, values in if_there.items() if key in mask.header}
    said = []
    for key, values in wanted.items():
        found = mask.header.get(key)
        if (found.strip() if isinstance(found, str) else found) not in values:
            has = f"has {key} {found!r}" if key in mask.header else f"has no {key}"
            right = " or ".join(str(value) for value in values)
            said.append(f"{mask.path.name} {has} where {right} belongs to {detector}: correct the header.")
    named = detector_in_name(mask.path)
    if named not in (None, detector):
        said.append(
            f"{mask.path.name} is named for {named} and its header says DETECTOR {detector}: deliver the mask of "
            "the right detector."
        )
    return [*said, *_unsaid(mask), *_impossible_dates(mask)]


# What a header says of where the pixels of a mask lie, and from which day on.
_PLACES = (
    *("TELESCOP", "INSTRUME", "DETECTOR", "SUBARRAY", "FASTAXIS", "SLOWAXIS", "CHANNEL", "MODULE"),
    *("SUBSTRT1", "SUBSTRT2", "SUBSIZE1", "SUBSIZE2"),
    "USEAFTER",
)


def used_after(mask: MaskFile) -> str:
    """Return the day of a mask's USEAFTER, YYYY-MM-DD; empty where it has none."""
    day = _DAY.match(str(mask.header.get("USEAFTER", "")))
    return day[0] if day else ""


def days_in_flight(mask: MaskFile) -> tuple[str, str] | None:
    """Return the first and the last day of a mask's darks, YYYY-MM-DD, as PEDIGREE says; None where it does not."""
    flight = _INFLIGHT.match(str(mask.header.get("PEDIGREE", "")))
    return (flight[1], flight[2]) if flight else None


def misplaced(mask: MaskFile, detector: str, geometry: Geometry) -> list[str]:
    """Return what a header says of the place of a mask's pixels that is not of its detector and frame, or of its time.

    What it does not say is no mistake: masks in force may be older than a keyword.

    Parameters
    ----------
    mask, detector, geometry
        See :func:`header_problems`.

    Returns
    -------
    list of str
        One sentence for each keyword, and for a file name that names another detector.
    """
    there = {key: value for key, value in mask.header.items() if key in _PLACES}
    problems = header_problems(replace(mask, header=there), detector, geometry)
    return [one for one in problems if " has no " not in one]


def _unsaid(mask: MaskFile) -> Iterator[str]:
    """Yield a sentence for each keyword that says nothing; of one that is not there crds.certify does."""
    for key in _SAID:
        if not str(mask.header.get(key, "-")).strip():
            yield f"{mask.path.name} has {key} without a value where a text for its users is asked: say it."


def _impossible_dates(mask: MaskFile) -> Iterator[str]:
    """Yield a sentence for each date that cannot be; what is no date at all crds.certify says."""
    today = datetime.now(UTC).date()
    useafter = used_after(mask)
    if useafter > today.isoformat():
        yield (
            f"{mask.path.name} has USEAFTER {useafter} where a day up to today, {today}, was expected, so that CRDS "
            "gives it to no exposure: correct the header."
        )
    flight = days_in_flight(mask)
    if flight and not (LAUNCH.isoformat() <= flight[0] and flight[1] <= today.isoformat()):
        yield (
            f"{mask.path.name} has PEDIGREE INFLIGHT {' '.join(flight)} where days of flight, from {LAUNCH} to today, "
            f"{today}, were expected: correct the header."
        )


def stored_type(raw: np.ndarray) -> str:
    """Return the type of a stored DQ array in words; empty when it is the uint32 that the MASK schema asks for."""
    return "" if raw.dtype == np.uint32 else str(raw.dtype)
