"""Put ramps through the pipeline's jump and ramp-fit steps, and read them back as an exposure.

The steps run in a process of their own (:mod:`darkmask.pipeline.server`) that stays for the next detector.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from darkmask.core.errors import DeliveryError, SearchError
from darkmask.core.remote import brought
from darkmask.delivery import Exposure
from darkmask.delivery.plain import Ramps, write_plain
from darkmask.pipeline.worker import WorkerError, pipeline
from darkmask.search.request import SetRequest


def refit_ramps(request: SetRequest, rows: slice, sci: np.ndarray, groupdq: np.ndarray, folder: Path) -> Exposure:
    """Return rows of all integrations of a set after the pipeline's steps, as one exposure.

    Parameters
    ----------
    request : SetRequest
    rows : slice
    sci : numpy.ndarray, shape (nint, ngroup, rows, x), float32, DN
    groupdq : numpy.ndarray, same shape, uint8
        Flags without jumps.
    folder : Path
        Folder for the files of the exposure.

    Raises
    ------
    SearchError
        When the steps failed.
    DeliveryError
        When the header of the first exposure can no longer be read.
    """
    np.save(folder / "sci.npy", sci)
    np.save(folder / "groupdq.npy", groupdq)
    job = {"detector": request.detector, "meta": _meta(request, rows), "segments": _segments(request)}
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    try:
        pipeline().ask({"module": "darkmask.validation.refit_worker", "folder": str(folder)})
    except WorkerError as error:
        raise SearchError(
            f"The pipeline's jump and ramp-fit steps failed on ramps of {request.detector} with injected defects "
            f"({error}): check the installation of jwst."
        ) from error
    with np.load(folder / "fitted.npz") as fitted:
        ramps = Ramps(sci, fitted["groupdq"], fitted["rate"], fitted["pedestal"])
    times = tuple(sorted(time for exposure in request.exposures for time in exposure.times))
    return write_plain(folder, "refitted", ramps, replace(request.exposures[0].jump, times=times))


def _segments(request: SetRequest) -> list[int]:
    """Return how many of the integrations that are searched each segment of an exposure has; those of none not.

    The jump step compares the groups of all integrations that it is given, which are those of a segment.
    """
    searched, sizes, first = np.asarray(request.numbers), [], 0
    for segment in (segment for exposure in request.exposures for segment in exposure.segments):
        last = first + segment.integrations
        sizes.append(int(np.count_nonzero((searched >= first) & (searched < last))))
        first = last
    return [size for size in sizes if size]


def _meta(request: SetRequest, rows: slice) -> dict:
    from astropy.io import fits

    record = request.exposures[0].jump
    try:
        header = fits.getheader(brought(request.folder / record.path))
    except OSError as error:
        raise DeliveryError(f"{record.path} can no longer be read ({error.strerror or error}): run again.") from error
    return {
        "tgroup": record.tgroup,
        "tframe": float(header.get("TFRAME", record.tgroup)),
        "nframes": int(header.get("NFRAMES", 1)),
        "groupgap": int(header.get("GROUPGAP", 0)),
        "readpatt": record.readpatt,
        "ystart": rows.start + 1,
    }
