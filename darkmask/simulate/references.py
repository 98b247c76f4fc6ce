"""Make the reference files that the pipeline's steps get by override, with one value per detector."""

from functools import cache
from pathlib import Path

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.core.window import Window
from darkmask.pipeline.steps import save_dated

from .headers import FILE_DATE
from .ramps import saturation_threshold

# DN. It is constant, since subtraction removes any structure; the saturation step needs counts above zero.
SUPERBIAS = 10_000.0
KINDS = ("gain", "linearity", "readnoise", "saturation", "superbias")


def reference(kind: str, properties: Detector, window: Window):
    """Make a reference model with one value all over a window of the detector.

    Parameters
    ----------
    kind : str
        ``gain`` (e-/DN), ``linearity`` (for a linear detector), ``readnoise``, ``saturation`` or ``superbias`` (DN).
    properties : Detector
    window : Window

    Returns
    -------
    stdatamodels.jwst.datamodels.ReferenceFileModel
        The same model for each kind, with new arrays for every call: the ramp fit multiplies the read noise by the gain
        in place.
    """
    value = {
        "gain": properties.gain,
        "linearity": 0.0,
        # The pipeline's read noise is that of a correlated double sample.
        "readnoise": properties.read_noise * np.sqrt(2.0),
        "saturation": SUPERBIAS + saturation_threshold(properties),
        "superbias": SUPERBIAS,
    }[kind]
    model = _empty_model(kind)
    if kind != "linearity":
        model.data = np.full(window.shape, value, dtype=np.float32)
    if kind == "linearity":
        # Corrected counts are a polynomial of the counts; simulated ramps are linear as they are.
        model.coeffs = np.zeros((2, *window.shape), dtype=np.float32)
        model.coeffs[1] = 1.0
    if kind in ("linearity", "saturation", "superbias"):
        model.dq = np.zeros(window.shape, dtype=np.uint32)
    model.meta.instrument.name = "NIRCAM"
    model.meta.instrument.detector = properties.name
    area = model.meta.subarray
    area.xstart, area.ystart, area.xsize, area.ysize = window
    return model


def write_references(folder: Path, properties: Detector, frame: int) -> None:
    """Write the references that the pipeline needs to make triplets of one detector's simulated ``_uncal`` files.

    Parameters
    ----------
    folder : Path
        Folder for ``<DETECTOR>_<kind>.fits`` of the full frame, one for each kind.
    properties : Detector
    frame : int
    """
    for kind in KINDS:
        model = reference(kind, properties, Window.of_frame(frame))
        model.meta.subarray.name = "FULL"
        model.meta.subarray.fastaxis, model.meta.subarray.slowaxis = properties.fastaxis, properties.slowaxis
        model.meta.reftype = kind
        model.meta.author, model.meta.pedigree = "darkmask", "DUMMY"
        model.meta.description = "simulated by darkmask: not for delivery"
        model.meta.useafter = "2022-01-01T00:00:00"
        if kind in ("gain", "readnoise", "superbias"):
            model.meta.exposure.readpatt = "ANY"
        save_dated(model, Path(folder) / f"{properties.name}_{kind}.fits", FILE_DATE)


@cache
def _empty_model(kind: str):
    """Return an empty reference model; making one costs 30 ms, and a triplet takes eight."""
    from stdatamodels.jwst import datamodels

    return {
        "gain": datamodels.GainModel,
        "linearity": datamodels.LinearityModel,
        "readnoise": datamodels.ReadnoiseModel,
        "saturation": datamodels.SaturationModel,
        "superbias": datamodels.SuperBiasModel,
    }[kind]()
