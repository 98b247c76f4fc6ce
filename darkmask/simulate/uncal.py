"""Simulate exposures as the archive serves darks: raw counts, before any step."""

from pathlib import Path

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.pipeline.steps import save_dated

from .headers import FILE_DATE, ExposureName, fill_headers
from .ramps import simulate_ramps
from .references import SUPERBIAS
from .spec import SimulationSpec, Subarray


def make_uncal(
    folder: Path, spec: SimulationSpec, properties: Detector, subarray: Subarray | None, name: ExposureName
) -> None:
    """Simulate one exposure and write its ``_uncal`` file.

    Parameters
    ----------
    folder : Path
    spec : SimulationSpec
    properties : Detector
    subarray : Subarray or None
        None for the full frame.
    name : ExposureName
    """
    write_uncal(folder, spec, properties, subarray, name, simulate_ramps(spec, properties, subarray, name.exposure))


def write_uncal(
    folder: Path,
    spec: SimulationSpec,
    properties: Detector,
    subarray: Subarray | None,
    name: ExposureName,
    ramps: np.ndarray,
) -> None:
    """Write an ``_uncal`` file: ramps on a superbias, in whole counts.

    Parameters
    ----------
    folder : Path
    spec : SimulationSpec
        What the headers say: numbers of integrations and groups, READPATT.
    properties : Detector
    subarray : Subarray or None
    name : ExposureName
    ramps : numpy.ndarray, shape (integration, group, y, x), float32
        DN above the superbias; changed in place.
    """
    from stdatamodels.jwst import datamodels

    ramps += np.float32(SUPERBIAS)
    counts = np.clip(np.rint(ramps, out=ramps), 0, np.iinfo(np.uint16).max).astype(np.uint16)
    del ramps
    model = datamodels.Level1bModel(data=counts)
    fill_headers(model, spec, properties, subarray, name)
    model.meta.cal_step = None
    model.extra_fits = {"PRIMARY": {"header": [["SIMULATD", True, "simulated by darkmask: not for delivery"]]}}
    save_dated(model, Path(folder) / name.file_name("uncal"), FILE_DATE, validate=False)
