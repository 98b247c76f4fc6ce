"""The pipeline's own steps on a simulated exposure, and the files that they make.

``SaturationStep``, ``JumpStep`` and ``RampFitStep`` run with their defaults (growth of saturation
by one pixel, jump threshold 4 sigma, flagged neighbours) on bands of rows, so that an exposure of 2048 x 2048 x 120
groups fits in a few GB. Bands overlap by the reach of the steps, and the products do not depend on their height.
"""

import logging
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from ..detectors import Detector
from ..flags import pixel_flags
from .headers import FILE_DATE, ExposureName, fill_headers
from .ramps import saturation_level, simulate_ramps
from .spec import SimulationSpec, Subarray

# DN. Constant: what a superbias looks like is gone after its subtraction; the saturation step needs counts above zero.
SUPERBIAS = 10_000.0
# Pixels times groups in one band. The ramp fit takes 30 bytes for each (0.6 GB in all), and bands of the mini frames'
# size would be none: the whole of a demo exposure is one band.
BAND_SAMPLES = 20_000_000
# Rows beyond a band that decide its flags: saturation grows by one pixel, and a jump flags its neighbours.
HALO = 2

_RATE_ARRAYS = ("data", "err", "dq", "var_poisson", "var_rnoise")
_FITOPT_ARRAYS = (
    "slope", "sigslope", "var_poisson", "var_rnoise", "yint", "sigyint", "pedestal", "weights", "crmag",
)  # fmt: skip


def make_triplet(
    folder: Path, spec: SimulationSpec, properties: Detector, subarray: Subarray | None, name: ExposureName
) -> None:
    """Simulate one exposure and write ``_jump``, ``_fitopt``, ``_rate`` and, of several integrations, ``_rateints``.

    Parameters
    ----------
    folder : Path
    spec : SimulationSpec
    properties : Detector
    subarray : Subarray or None
        None for the full frame.
    name : ExposureName

    Notes
    -----
    To be called inside :func:`darkmask.offline.offline_crds`.
    """
    _silence_logs()
    ramps = simulate_ramps(spec, properties, subarray, name.exposure)
    start = (subarray.xstart, subarray.ystart) if subarray else (1, 1)
    reference = spec.geometry.reference_pixels(*start, ramps.shape[2:])
    products = _Products(ramps, np.zeros(ramps.shape, np.uint8), np.zeros(reference.shape, np.uint32))
    for first, last in bands(ramps.shape, BAND_SAMPLES):
        model = _band_model(ramps, reference, first, last, spec, properties, subarray, name)
        _run_steps(model, properties, products, first, last)
    products.save(folder, name, start[1])


def bands(shape: tuple[int, int, int, int], samples: int) -> list[tuple[int, int]]:
    """First and one past the last row of each band of at most ``samples`` pixels times groups (at least one row)."""
    integrations, groups, rows, columns = shape
    height = max(1, samples // (integrations * groups * columns))
    return [(first, min(first + height, rows)) for first in range(0, rows, height)]


@dataclass
class _Products:
    """What the bands add up to.

    Attributes
    ----------
    ramps : numpy.ndarray, shape (integration, group, y, x), float32
        Replaced band by band by what the steps give.
    groupdq : numpy.ndarray, shape (integration, group, y, x), uint8
    pixeldq : numpy.ndarray, shape (y, x), uint32
    rate, rateints, fitopt : dict of str to list of numpy.ndarray
        The arrays of each band, rows in the last axis but one.
    cosmic_rays, heights : list of float
        PRIMECRS of each band, and its rows.
    models : dict
        Product name to the data model that the steps made of the last band.
    """

    ramps: np.ndarray
    groupdq: np.ndarray
    pixeldq: np.ndarray
    rate: dict = field(default_factory=dict)
    rateints: dict = field(default_factory=dict)
    fitopt: dict = field(default_factory=dict)
    cosmic_rays: list = field(default_factory=list)
    heights: list = field(default_factory=list)
    models: dict = field(default_factory=dict)

    def save(self, folder: Path, name: ExposureName, first_row: int) -> None:
        """Give the models of the last band the arrays of all, and write them; SUBSTRT2 is ``first_row``."""
        arrays = {"jump": {"data": self.ramps, "groupdq": self.groupdq, "pixeldq": self.pixeldq}}
        for product in ("fitopt", "rate", "rateints"):
            arrays[product] = _joined(getattr(self, product))
        if self.ramps.shape[0] == 1:
            del arrays["rateints"]
        cosmic_rays = float(np.average(self.cosmic_rays, weights=self.heights))
        for product, values in arrays.items():
            model = self.models.pop(product)
            for key, value in values.items():
                setattr(model, key, value)
            model.meta.subarray.ystart, model.meta.subarray.ysize = first_row, self.ramps.shape[2]
            model.meta.exposure.primary_cosmic_rays = cosmic_rays
            _save(model, Path(folder) / name.file_name(product))


def _joined(parts: dict) -> dict:
    """One array per name from those of the bands; fewer segments or jumps than elsewhere are padded with zeros."""
    joined = {}
    for key, arrays in parts.items():
        if arrays[0].ndim == 4:
            most = max(array.shape[1] for array in arrays)
            arrays = [np.pad(a, ((0, 0), (0, most - a.shape[1]), (0, 0), (0, 0))) for a in arrays]
        joined[key] = arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=-2)
    return joined


def _band_model(ramps, reference, first, last, spec, properties, subarray, name):
    from stdatamodels.jwst import datamodels

    low, high = max(first - HALO, 0), min(last + HALO, ramps.shape[2])
    data = ramps[:, :, low:high] + np.float32(SUPERBIAS)
    pixeldq = np.where(reference[low:high], pixel_flags()["REFERENCE_PIXEL"], 0).astype(np.uint32)
    model = datamodels.RampModel(data=data, pixeldq=pixeldq, groupdq=np.zeros(data.shape, np.uint8))
    fill_headers(model, spec, properties, subarray, name)
    model.meta.subarray.ystart += low
    model.meta.subarray.ysize = high - low
    return model


def _run_steps(model, properties: Detector, products: _Products, first: int, last: int) -> None:
    """Run the steps on one band with its halo, and put what belongs to the band into ``products``."""
    from jwst.jump import JumpStep
    from jwst.saturation import SaturationStep

    area = model.meta.subarray
    window = (area.xstart, area.ystart, area.xsize, area.ysize)

    def override(*names):
        references = {f"override_{name}": _reference(name, properties, window) for name in names}
        return references | {"configure_log": False}

    model = SaturationStep.call(model, **override("saturation", "superbias"))
    model.data -= np.float32(SUPERBIAS)
    model = JumpStep.call(model, **override("gain", "readnoise"))
    low = max(first - HALO, 0)
    inner = slice(first - low, last - low)
    products.ramps[:, :, first:last] = model.data[:, :, inner]
    products.groupdq[:, :, first:last] = model.groupdq[:, :, inner]
    products.pixeldq[first:last] = model.pixeldq[inner]

    fit = _optional_fit_class()(algorithm="OLS_C")
    fit.save_opt = True
    fit.override_gain = _reference("gain", properties, window)
    fit.override_readnoise = _reference("readnoise", properties, window)
    rate, rateints = fit.run(model)
    for product, result, arrays in (
        ("rate", rate, _RATE_ARRAYS),
        ("rateints", rateints, _RATE_ARRAYS),
        ("fitopt", fit.optional, _FITOPT_ARRAYS),
    ):
        collected = getattr(products, product)
        for key in arrays:
            collected.setdefault(key, []).append(getattr(result, key)[..., inner, :].copy())
        products.models[product] = result
    # The pipeline writes the optional results before it marks the fit as done; MAST's files are marked.
    fit.optional.meta.cal_step.ramp_fit = "COMPLETE"
    products.models["jump"] = model
    products.cosmic_rays.append(model.meta.exposure.primary_cosmic_rays or 0.0)
    products.heights.append(model.meta.subarray.ysize)


@cache
def _optional_fit_class():
    """``RampFitStep`` that keeps its optional results in memory instead of writing them."""
    from jwst.ramp_fitting import RampFitStep

    class OptionalFit(RampFitStep):
        optional = None

        def save_model(self, model, suffix=None, **_):
            if suffix == "fitopt":
                self.optional = model

    return OptionalFit


def _save(model, path: Path) -> None:
    """Write a product marked as simulated, with nothing in it that depends on the clock or the machine."""
    # Past the model's own __setattr__, which would make it part of the metadata.
    object.__setattr__(model, "__class__", _dated_class(type(model)))
    if model.hasattr("cal_logs"):
        del model.cal_logs
    for kind in ("gain", "readnoise", "saturation", "superbias"):
        getattr(model.meta.ref_file, kind).name = "N/A"
    model.extra_fits = {"PRIMARY": {"header": [["SIMULATD", True, "simulated by darkmask: not for delivery"]]}}
    model.save(str(path))


@cache
def _dated_class(model_class):
    """The same data model, but saved with a fixed DATE instead of the clock's.

    And without checking 90 header values against the schema, 70 times four: tests read the files back with strict
    checking instead.
    """

    def on_save(self, path=None):
        model_class.on_save(self, path)
        self.meta.date = FILE_DATE

    def validate(_):
        pass

    # Of the same name: it is what DATAMODL says.
    members = {"on_save": on_save, "validate": validate, "__module__": model_class.__module__}
    return type(model_class.__name__, (model_class,), members)


@cache
def _reference_model(kind: str):
    """An empty reference model; making one costs 30 ms, and a triplet takes eight."""
    from stdatamodels.jwst import datamodels

    return {
        "gain": datamodels.GainModel,
        "readnoise": datamodels.ReadnoiseModel,
        "saturation": datamodels.SaturationModel,
        "superbias": datamodels.SuperBiasModel,
    }[kind]()


def _reference(kind: str, properties: Detector, window: tuple[int, int, int, int]):
    """A reference model with one value all over a window (xstart, ystart, xsize, ysize).

    Its arrays are new for every step: the ramp fit multiplies the read noise by the gain in place.
    """
    value = {
        "gain": properties.gain,
        # The pipeline's read noise is that of a correlated double sample.
        "readnoise": properties.read_noise * np.sqrt(2.0),
        "saturation": SUPERBIAS + saturation_level(properties),
        "superbias": SUPERBIAS,
    }[kind]
    xstart, ystart, xsize, ysize = window
    model = _reference_model(kind)
    model.data = np.full((ysize, xsize), value, dtype=np.float32)
    if kind in ("saturation", "superbias"):
        model.dq = np.zeros((ysize, xsize), dtype=np.uint32)
    model.meta.instrument.name = "NIRCAM"
    model.meta.instrument.detector = properties.name
    model.meta.subarray.xstart, model.meta.subarray.ystart = xstart, ystart
    model.meta.subarray.xsize, model.meta.subarray.ysize = xsize, ysize
    return model


def _silence_logs() -> None:
    """Only warnings: the steps tell everything they do, 70 exposures of it."""
    for name in ("jwst", "stcal", "stdatamodels", "stpipe", "CRDS"):
        logging.getLogger(name).setLevel(logging.WARNING)
