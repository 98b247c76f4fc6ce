"""Put ramps through the pipeline's jump and ramp-fit steps, in the process of `darkmask.pipeline.worker.pipeline`.

It has a process of its own, since the steps need an environment without a CRDS server, and a process with a real
configuration must keep it. Gain and read noise are the published ones of the detector, one value each.
"""

import json
from pathlib import Path

import numpy as np

from darkmask.core.detectors import Detector, detector
from darkmask.core.window import Window
from darkmask.pipeline.steps import fit_ramps
from darkmask.simulate.references import reference


def answer(job: dict) -> None:
    """Fit the ramps of a job; write GROUPDQ, rate and pedestal of each integration into ``fitted.npz``.

    Parameters
    ----------
    job : dict
        ``folder``, which holds ``sci.npy``, ``groupdq.npy`` and ``job.json``: ``detector``, ``meta`` (see
        :func:`fit_exposure`) and ``segments``, the number of integrations of each, in their order.

    Notes
    -----
    A call costs a second whatever it fits, so that segments of as many integrations lie one above the other in one
    frame: the steps treat each pixel by itself, and an empty row parts the neighbours that they flag.
    """
    folder = Path(job["folder"])
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    properties = detector(job["detector"])
    sci, groupdq = np.load(folder / "sci.npy"), np.load(folder / "groupdq.npy")
    ends = np.cumsum(job["segments"])
    fitted = np.zeros_like(groupdq), *(np.empty(sci[:, 0].shape, np.float32) for _ in range(2))
    for size in sorted(set(job["segments"])):
        planes = [np.arange(end - size, end) for end, of in zip(ends, job["segments"], strict=True) if of == size]
        frames = _above_one_another(sci, planes), _above_one_another(groupdq, planes)
        for whole, part in zip(fitted, fit_exposure(*frames, properties, job["meta"]), strict=True):
            rows = np.split(part, len(planes), axis=-2)
            for numbers, image in zip(planes, rows, strict=True):
                whole[numbers] = image[..., :-1, :]
    groupdq, rate, pedestal = fitted
    np.savez(folder / "fitted.npz", groupdq=groupdq, rate=rate, pedestal=pedestal)


def _above_one_another(ramps: np.ndarray, planes: list[np.ndarray]) -> np.ndarray:
    """Return ramps (integration, group, y, x) of several choices of integrations in one frame, each over a row of 0."""
    *shape, width = ramps[planes[0]].shape
    empty = np.zeros((*shape[:-1], 1, width), ramps.dtype)
    return np.concatenate([part for numbers in planes for part in (ramps[numbers], empty)], axis=2)


def fit_exposure(
    sci: np.ndarray, groupdq: np.ndarray, properties: Detector, meta: dict
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Run the jump and ramp-fit steps on one exposure.

    Parameters
    ----------
    sci : numpy.ndarray, shape (nint, ngroup, y, x), float32, DN
    groupdq : numpy.ndarray, same shape, uint8
        Flags without jumps.
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
    window = Window(1, meta["ystart"], columns, rows)
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
