"""Check the header of a MASK file and the type of its array where nobody else does.

CRDS chooses a mask by DETECTOR and SUBARRAY and looks neither at its axes nor at the type of its array; the pipeline
takes a mask of any detector and any REFTYPE.
"""

import numpy as np

from darkmask.core.detectors import DETECTORS, Geometry
from darkmask.delivery.headers import detector_in_name

from .file import MaskFile


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
        constraints) and for a file name that names another detector.
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
    return said


def stored_type(raw: np.ndarray) -> str:
    """Return the type of a stored DQ array in words; empty when it is the uint32 that the MASK schema asks for."""
    return "" if raw.dtype == np.uint32 else str(raw.dtype)
