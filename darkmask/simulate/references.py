"""The reference files that the pipeline's steps get by override: one value per detector."""

from functools import cache

import numpy as np

from ..detectors import Detector
from .ramps import saturation_level

# DN. Constant: what a superbias looks like is gone after its subtraction; the saturation step needs counts above zero.
SUPERBIAS = 10_000.0


def reference(kind: str, properties: Detector, window: tuple[int, int, int, int]):
    """A reference model with one value all over a window of the detector.

    Parameters
    ----------
    kind : str
        ``gain`` (e-/DN), ``readnoise``, ``saturation`` or ``superbias`` (DN).
    properties : Detector
    window : tuple of int
        xstart, ystart (from 1), xsize, ysize.

    Returns
    -------
    stdatamodels.jwst.datamodels.ReferenceFileModel
        One and the same model for each kind, with new arrays for every call: the ramp fit multiplies the read noise by
        the gain in place.
    """
    value = {
        "gain": properties.gain,
        # The pipeline's read noise is that of a correlated double sample.
        "readnoise": properties.read_noise * np.sqrt(2.0),
        "saturation": SUPERBIAS + saturation_level(properties),
        "superbias": SUPERBIAS,
    }[kind]
    xstart, ystart, xsize, ysize = window
    model = _empty_model(kind)
    model.data = np.full((ysize, xsize), value, dtype=np.float32)
    if kind in ("saturation", "superbias"):
        model.dq = np.zeros((ysize, xsize), dtype=np.uint32)
    model.meta.instrument.name = "NIRCAM"
    model.meta.instrument.detector = properties.name
    model.meta.subarray.xstart, model.meta.subarray.ystart = xstart, ystart
    model.meta.subarray.xsize, model.meta.subarray.ysize = xsize, ysize
    return model


@cache
def _empty_model(kind: str):
    """An empty reference model; making one costs 30 ms, and a triplet takes eight."""
    from stdatamodels.jwst import datamodels

    return {
        "gain": datamodels.GainModel,
        "readnoise": datamodels.ReadnoiseModel,
        "saturation": datamodels.SaturationModel,
        "superbias": datamodels.SuperBiasModel,
    }[kind]()
