"""Get the mask that CRDS has in force at a date, from the user's server and cache."""

from pathlib import Path

from darkmask.core.errors import MaskError

from .acceptance import QUESTIONS, configured_crds
from .certification import has_own_crds
from .worker import OWN_CRDS, WorkerError, pipeline


def mask_in_force(detector: str, date: str) -> Path:
    """Ask CRDS for the MASK of a detector, and take it from the user's cache or fetch it into the cache.

    Parameters
    ----------
    detector : str
    date : str
        ``YYYY-MM-DD``; the mask in force at the end of that day counts.

    Returns
    -------
    Path
        Path in the CRDS cache.

    Raises
    ------
    MaskError
        When no CRDS is configured, it cannot be reached, or it has no such mask.
    """
    if not has_own_crds():
        raise MaskError(
            f"The mask of {detector} in force on {date} cannot be asked of CRDS, which is not configured: set "
            "CRDS_SERVER_URL and CRDS_PATH as for the pipeline, or give a folder of masks."
        )
    try:
        return Path(pipeline(OWN_CRDS).ask({"module": QUESTIONS, "asks": "mask", "detector": detector, "date": date}))
    except WorkerError as error:
        raise MaskError(
            f"CRDS as configured ({configured_crds()}) gives no mask of {detector} in force on {date} ({error}): "
            "connect to the network, or give a folder of masks."
        ) from error
