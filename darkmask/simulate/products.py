"""Run the pipeline's own steps on a simulated exposure, and write the files that they make.

``SaturationStep``, ``JumpStep`` and ``RampFitStep`` run with their defaults (growth of saturation by one pixel, jump
threshold 4 sigma, flagged neighbours) on bands of rows, so that an exposure of 2048 x 2048 x 120 groups fits in a few
GB. Bands overlap by the reach of the steps, and the products do not depend on their height.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.core.flags import dq_bits
from darkmask.core.window import Window
from darkmask.pipeline.steps import fit_ramps, save_dated, silence_logs

from .headers import FILE_DATE, ExposureName, fill_headers
from .ramps import simulate_ramps
from .references import SUPERBIAS, reference
from .spec import SimulationSpec, Subarray

# Pixels times groups in one band. The ramp fit takes 30 bytes for each, 0.6 GB in all; a demo exposure is one band.
BAND_SAMPLES = 20_000_000
# Rows beyond a band that decide its flags: saturation grows by one pixel, and a jump flags its neighbours.
HALO = 2

_RATE_ARRAYS = ("data", "err", "dq", "var_poisson", "var_rnoise")
# These have one plane per integration; the others have one per segment or jump of the worst pixel's ramp.
_FITOPT_ARRAYS = ("pedestal",)
_SEGMENT_ARRAYS = ("slope", "sigslope", "var_poisson", "var_rnoise", "yint", "sigyint", "weights", "crmag")


def make_triplet(
    folder: Path, spec: SimulationSpec, properties: Detector, subarray: Subarray | None, name: ExposureName
) -> None:
    """Simulate one exposure and write ``_jump``, ``_fitopt``, ``_rate`` and, for several integrations, ``_rateints``.

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
    It is called inside :func:`darkmask.pipeline.offline.offline_crds`.
    """
    silence_logs()
    ramps = simulate_ramps(spec, properties, subarray, name.exposure)
    border = spec.geometry.reference_pixels(spec.window(subarray))
    kept = (*_FITOPT_ARRAYS, *_SEGMENT_ARRAYS) if spec.fit_segments else _FITOPT_ARRAYS
    products = _Products(ramps, np.zeros(ramps.shape, np.uint8), np.zeros(border.shape, np.uint32), kept)
    del ramps  # products alone holds them now, and can free them
    for first, last in bands(products.ramps.shape, BAND_SAMPLES):
        model = _band_model(products.ramps, border, first, last, spec, properties, subarray, name)
        _run_steps(model, properties, products, first, last)
    products.save(folder, name, spec.window(subarray).ystart)


def bands(shape: tuple[int, int, int, int], samples: int) -> list[tuple[int, int]]:
    """Return first and last-plus-one row of each band of at most ``samples`` pixels times groups (at least one row)."""
    integrations, groups, rows, columns = shape
    height = max(1, samples // (integrations * groups * columns))
    return [(first, min(first + height, rows)) for first in range(0, rows, height)]


@dataclass
class _Products:
    """The sums of what the bands give.

    Attributes
    ----------
    ramps : numpy.ndarray, shape (integration, group, y, x), float32
        Ramps, replaced band by band by what the steps give.
    groupdq : numpy.ndarray, shape (integration, group, y, x), uint8
    pixeldq : numpy.ndarray, shape (y, x), uint32
    fitopt_arrays : tuple of str
        The optional results that are kept.
    rate, rateints, fitopt : dict of str to list of numpy.ndarray or _Packed
        Arrays of each band, with rows in the last axis but one.
    cosmic_rays, heights : list of float
        PRIMECRS of each band, and its number of rows.
    models : dict
        Data model that the steps made of the last band, by product name.
    """

    ramps: np.ndarray
    groupdq: np.ndarray
    pixeldq: np.ndarray
    fitopt_arrays: tuple[str, ...]
    rate: dict = field(default_factory=dict)
    rateints: dict = field(default_factory=dict)
    fitopt: dict = field(default_factory=dict)
    cosmic_rays: list = field(default_factory=list)
    heights: list = field(default_factory=list)
    models: dict = field(default_factory=dict)

    def save(self, folder: Path, name: ExposureName, first_row: int) -> None:
        """Give the models of the last band the arrays of all bands, and write them; SUBSTRT2 is ``first_row``.

        Products are written one after the other and freed at once: the optional results are larger than the ramps.
        """
        integrations, _, rows, _ = self.ramps.shape
        cosmic_rays = float(np.average(self.cosmic_rays, weights=self.heights))
        for product in ("jump", "fitopt", "rate", "rateints"):
            model = self.models.pop(product)
            if product == "rateints" and integrations == 1:
                continue
            if product == "jump":
                model.data, model.groupdq, model.pixeldq = self.ramps, self.groupdq, self.pixeldq
                del self.ramps, self.groupdq
            else:
                parts = getattr(self, product)
                for key in list(parts):
                    setattr(model, key, _joined(parts.pop(key)))
            model.meta.subarray.ystart, model.meta.subarray.ysize = first_row, rows
            model.meta.exposure.primary_cosmic_rays = cosmic_rays
            _save(model, Path(folder) / name.file_name(product))


@dataclass(frozen=True)
class _Packed:
    """An array that is mostly zeros: the fit's optional results have as many planes as the worst pixel has jumps."""

    shape: tuple[int, ...]
    where: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, array: np.ndarray) -> "_Packed":
        where = np.flatnonzero(array)
        return cls(array.shape, where.astype(np.uint32), array.reshape(-1)[where])

    def unpack(self, out: np.ndarray) -> None:
        """Write the array into ``out``, which is zero."""
        out[np.unravel_index(self.where, self.shape)] = self.values


def _joined(parts: list) -> np.ndarray:
    """Join the arrays of the bands into one, padding those with fewer segments or jumps than others with zeros."""
    if len(parts) == 1:
        return parts[0]
    if not isinstance(parts[0], _Packed):
        return np.concatenate(parts, axis=-2)
    integrations, _, _, columns = parts[0].shape
    most = max(part.shape[1] for part in parts)
    rows = sum(part.shape[2] for part in parts)
    whole = np.zeros((integrations, most, rows, columns), dtype=parts[0].values.dtype)
    first = 0
    for part in parts:
        part.unpack(whole[:, : part.shape[1], first : first + part.shape[2]])
        first += part.shape[2]
    return whole


def _band_model(ramps, border, first, last, spec, properties, subarray, name):
    from stdatamodels.jwst import datamodels

    low, high = max(first - HALO, 0), min(last + HALO, ramps.shape[2])
    data = ramps[:, :, low:high] + np.float32(SUPERBIAS)
    pixeldq = np.where(border[low:high], dq_bits("REFERENCE_PIXEL"), np.uint32(0))
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
    window = Window(area.xstart, area.ystart, area.xsize, area.ysize)

    def override(*names):
        references = {f"override_{name}": reference(name, properties, window) for name in names}
        return references | {"configure_log": False}

    model = SaturationStep.call(model, **override("saturation", "superbias"))
    model.data -= np.float32(SUPERBIAS)
    model = JumpStep.call(model, **override("gain", "readnoise"))
    low = max(first - HALO, 0)
    inner = slice(first - low, last - low)
    products.ramps[:, :, first:last] = model.data[:, :, inner]
    products.groupdq[:, :, first:last] = model.groupdq[:, :, inner]
    products.pixeldq[first:last] = model.pixeldq[inner]

    gain, readnoise = (reference(kind, properties, window) for kind in ("gain", "readnoise"))
    rate, rateints, optional = fit_ramps(model, gain, readnoise)
    for product, result, arrays in (
        ("rate", rate, _RATE_ARRAYS),
        ("rateints", rateints, _RATE_ARRAYS),
        ("fitopt", optional, products.fitopt_arrays),
    ):
        collected = getattr(products, product)
        for key in arrays:
            array = np.ascontiguousarray(getattr(result, key)[..., inner, :])
            banded = last - first < products.ramps.shape[2]
            collected.setdefault(key, []).append(_Packed.of(array) if banded and array.ndim == 4 else array)
        products.models[product] = result
    for key in set(_SEGMENT_ARRAYS) - set(products.fitopt_arrays):
        delattr(optional, key)
    # The pipeline writes the optional results before it marks the fit as done; MAST's files have the mark.
    optional.meta.cal_step.ramp_fit = "COMPLETE"
    products.models["jump"] = model
    products.cosmic_rays.append(model.meta.exposure.primary_cosmic_rays or 0.0)
    products.heights.append(model.meta.subarray.ysize)


def _save(model, path: Path) -> None:
    """Write a product marked as simulated, with nothing in it that depends on the clock or the machine."""
    for kind in ("gain", "readnoise", "saturation", "superbias"):
        getattr(model.meta.ref_file, kind).name = "N/A"
    model.extra_fits = {"PRIMARY": {"header": [["SIMULATD", True, "simulated by darkmask: not for delivery"]]}}
    # 90 header values are not checked against the schema 70 times four: tests read the files back and check them all.
    save_dated(model, path, FILE_DATE, validate=False)
