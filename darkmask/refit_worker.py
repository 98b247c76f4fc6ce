"""Put ramps through the pipeline's jump and ramp-fit steps, in the process that :mod:`darkmask.recovery` made for it.

A process of its own, since the steps need an environment without a CRDS server, and one with a real configuration is
to keep it. Gain and read noise are the published ones of the detector, one value each.
"""

import json
import sys
from pathlib import Path

import numpy as np

from .detectors import Detector, detector
from .offline import offline_crds
from .pipeline import fit_ramps, silence_logs
from .simulate.references import reference


def run(job: dict, folder: Path) -> None:
    """Fit every exposure of a job; ``<key>.npz`` gets GROUPDQ, rate and pedestal of each integration.

    Parameters
    ----------
    job : dict
        ``detector``, ``meta`` (see :func:`refit`) and ``exposures``: keys of ``<key>_sci.npy`` and ``_groupdq.npy``.
    folder : Path
    """
    properties = detector(job["detector"])
    silence_logs()
    for key in job["exposures"]:
        sci, groupdq = np.load(folder / f"{key}_sci.npy"), np.load(folder / f"{key}_groupdq.npy")
        groupdq, rate, pedestal = refit(sci, groupdq, properties, job["meta"])
        np.savez(folder / f"{key}.npz", groupdq=groupdq, rate=rate, pedestal=pedestal)


def refit(
    sci: np.ndarray, groupdq: np.ndarray, properties: Detector, meta: dict
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Jump and ramp-fit steps on one exposure.

    Parameters
    ----------
    sci : numpy.ndarray, shape (nint, ngroup, y, x), float32, DN
    groupdq : numpy.ndarray, same shape, uint8
        Without jumps.
    properties : Detector
    meta : dict
        ``tgroup``, ``tframe`` (s), ``nframes``, ``groupgap``, ``readpatt`` and ``ystart``.

    Returns
    -------
    groupdq : numpy.ndarray, shape (nint, ngroup, y, x), uint8
    rate : numpy.ndarray, shape (nint, y, x), float32, DN/s
    pedestal : numpy.ndarray, shape (nint, y, x), float32, DN
    """
    from jwst.jump import JumpStep
    from stdatamodels.jwst import datamodels

    nint, ngroup, rows, columns = sci.shape
    window = (1, meta["ystart"], columns, rows)
    model = datamodels.RampModel(data=sci, groupdq=groupdq, pixeldq=np.zeros((rows, columns), np.uint32))
    model.meta.instrument.name, model.meta.instrument.detector = "NIRCAM", properties.name
    model.meta.telescope = "JWST"
    model.meta.observation.date, model.meta.observation.time = "2022-01-01", "00:00:00"
    area, exposure = model.meta.subarray, model.meta.exposure
    area.name, (area.xstart, area.ystart, area.xsize, area.ysize) = "FULL", window
    area.fastaxis, area.slowaxis = properties.fastaxis, properties.slowaxis
    exposure.type, exposure.readpatt = "NRC_DARK", meta["readpatt"]
    exposure.nints, exposure.ngroups = nint, ngroup
    exposure.nframes, exposure.groupgap = meta["nframes"], meta["groupgap"]
    exposure.group_time, exposure.frame_time = meta["tgroup"], meta["tframe"]
    exposure.integration_start, exposure.integration_end = 1, nint

    references = {f"override_{kind}": reference(kind, properties, window) for kind in ("gain", "readnoise")}
    model = JumpStep.call(model, configure_log=False, **references)
    gain, readnoise = (reference(kind, properties, window) for kind in ("gain", "readnoise"))
    rate, rateints, optional = fit_ramps(model, gain, readnoise)
    slopes = rate.data[None] if rateints is None else rateints.data
    return model.groupdq, slopes.astype(np.float32), optional.pedestal.astype(np.float32)


if __name__ == "__main__":
    with offline_crds():
        run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[1]).parent)
