"""Put a MASK file into the hands of the pipeline: ``MaskModel`` opens it, ``DQInitStep`` applies it to ramps.

Importing ``jwst`` takes seconds, so only workers import this module.
"""

import logging
import warnings
from pathlib import Path

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.core.flags import has_flag, pixel_flags
from darkmask.core.window import Window

from .steps import Heard, one_line


def model_complaints(path: Path) -> list[str]:
    """Return what ``MaskModel`` refuses when strict, and warns of or logs when not; empty when it is content."""
    from stdatamodels.jwst.datamodels import MaskModel

    heard = Heard()
    logger = logging.getLogger("stdatamodels")
    logger.addHandler(heard)
    try:
        # Without strictness it tells all errors, and not only the first.
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with MaskModel(str(path)) as model:
                model.validate()
                model.dq.shape  # noqa: B018 (what is wrong with an array shows when it is first asked for)
        said = [one_line(warning.message) for warning in caught] + [text for _, text in heard.messages]
        if not said:
            with MaskModel(str(path), strict_validation=True) as model:
                model.validate()
    except Exception as error:  # any type: the schema's, the model's, astropy's
        said = [one_line(error)]
    finally:
        logger.removeHandler(heard)
    return list(dict.fromkeys(said))


def applied_pixeldq(path: Path, properties: Detector, subarray: str, window: Window) -> np.ndarray:
    """Return PIXELDQ of a dark of two groups after ``DQInitStep`` with a mask.

    Parameters
    ----------
    path : Path
        The mask.
    properties : Detector
        Detector of the dark.
    subarray : str
        Value of SUBARRAY of the dark.
    window : Window
        Window of the dark.

    Returns
    -------
    numpy.ndarray, shape (ysize, xsize), uint32

    Raises
    ------
    Exception
        Any exception of the step, when it refuses the mask.
    """
    from jwst.dq_init import DQInitStep
    from stdatamodels.jwst.datamodels import RampModel

    shape = (1, 2, *window.shape)
    ramp = RampModel(
        data=np.zeros(shape, np.float32), groupdq=np.zeros(shape, np.uint8), pixeldq=np.zeros(shape[2:], np.uint32)
    )
    ramp.meta.telescope = "JWST"
    ramp.meta.instrument.name, ramp.meta.instrument.detector = "NIRCAM", properties.name
    ramp.meta.observation.date, ramp.meta.observation.time = "2022-01-01", "00:00:00"
    ramp.meta.exposure.type = "NRC_DARK"
    area = ramp.meta.subarray
    area.name, (area.xstart, area.ystart, area.xsize, area.ysize) = subarray, window
    area.fastaxis, area.slowaxis = properties.fastaxis, properties.slowaxis
    result = DQInitStep.call(ramp, override_mask=str(path), configure_log=False)
    return result.pixeldq.copy()


def difference(expected: np.ndarray, found: np.ndarray) -> dict:
    """Return where two DQ arrays differ.

    Parameters
    ----------
    expected, found : numpy.ndarray, shape (y, x), uint32

    Returns
    -------
    dict
        ``pixels``, the number of pixels; ``first``, x and y of the first, counted from 0; ``flags``, those that differ,
        with the numbers of pixels that ``found`` gained and lost.
    """
    y, x = np.nonzero(expected != found)
    flags = {}
    for name in pixel_flags():
        gained = int(has_flag(found & ~expected, name).sum())
        lost = int(has_flag(expected & ~found, name).sum())
        if gained or lost:
            flags[name] = [gained, lost]
    return {"pixels": int(y.size), "first": [int(x[0]), int(y[0])] if y.size else [], "flags": flags}
