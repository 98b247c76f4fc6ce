"""The pipeline's steps from one ``_uncal`` file to its triplet. Importing ``jwst`` takes seconds: for workers only."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from darkmask.core.detectors import Geometry
from darkmask.core.flags import dq_bits
from darkmask.delivery.records import FileRecord
from darkmask.pipeline.steps import fit_ramps, save_dated

from .exposures import root_of

# The kept results have one plane per integration. These have one for each segment or jump of the worst pixel's ramp,
# ten times the bytes of the ramp, and no search reads them.
_SEGMENT_ARRAYS = ("slope", "sigslope", "var_poisson", "var_rnoise", "yint", "sigyint", "weights", "crmag")


@dataclass(frozen=True)
class PrepareSettings:
    """The way to process exposures, apart from their reference files.

    Attributes
    ----------
    geometry : Geometry
        Tells where the reference pixels are.
    refpix : bool
        Whether to correct with reference pixels.
    fit_segments : bool
        Whether ``_fitopt`` keeps the results of each segment and jump of a ramp besides the pedestal.
    """

    geometry: Geometry = field(default_factory=Geometry)
    refpix: bool = True
    fit_segments: bool = False


def make_products(
    path: Path,
    record: FileRecord,
    references: dict[str, Path | None],
    settings: PrepareSettings,
    folder: Path,
    *,
    context: str = "N/A",
) -> list[Path]:
    """Process one exposure as the pipeline for darks does, then find jumps and fit ramps.

    The steps are those of ``calwebb_dark`` for near-infrared detectors without ``ipc``, since a search itself subtracts
    what neighbours couple in: group_scale, dq_init, saturation, superbias, refpix, linearity; then jump and ramp_fit
    (OLS_C, with optional results). dark_current never runs. The mask of dq_init holds only reference pixels: a search
    learns nothing of a pixel that is marked unusable before the fit.

    Parameters
    ----------
    path : Path
        The ``_uncal`` file.
    record : FileRecord
        Record of its headers.
    references : dict of str to Path or None
        Saturation, superbias, linearity, gain and readnoise; None skips the step.
    settings : PrepareSettings
    folder : Path
        Folder for the products.
    context : str
        The CRDS context that chose the references.

    Returns
    -------
    list of Path
        ``_jump``, ``_fitopt``, ``_rate`` and, for several integrations, ``_rateints``.

    Notes
    -----
    It is called inside :func:`darkmask.pipeline.offline.offline_crds`.
    """
    from jwst.jump import JumpStep

    root = root_of(path)
    model, date = _run_dark_steps(path, record, references, settings)
    override = {f"override_{kind}": str(references[kind]) for kind in ("gain", "readnoise")}
    model = JumpStep.call(model, configure_log=False, **override)
    made = []

    def save(product_model, product: str) -> None:
        target = folder / f"{root}_{product}.fits"
        _fill_provenance(product_model, record, references, context)
        save_dated(product_model, target, date)
        made.append(target)

    save(model, "jump")
    # Paths are given, and not models: the ramp fit multiplies the read noise by the gain in place.
    rate, rateints, optional = fit_ramps(model, str(references["gain"]), str(references["readnoise"]))
    del model
    if not settings.fit_segments:
        for name in _SEGMENT_ARRAYS:
            delattr(optional, name)
    # The pipeline writes the optional results before it marks the fit as done; the archive's files have the mark.
    optional.meta.cal_step.ramp_fit = "COMPLETE"
    save(optional, "fitopt")
    save(rate, "rate")
    if rateints is not None and record.shape[0] > 1:
        save(rateints, "rateints")
    return made


def _run_dark_steps(path: Path, record: FileRecord, references: dict[str, Path | None], settings: PrepareSettings):
    """Return the ramp model before the jump step, and the DATE that its products get."""
    from jwst.dq_init import DQInitStep
    from jwst.group_scale import GroupScaleStep
    from jwst.linearity import LinearityStep
    from jwst.refpix import RefPixStep
    from jwst.saturation import SaturationStep
    from jwst.superbias import SuperBiasStep
    from stdatamodels.jwst import datamodels

    given = {kind: str(path) for kind, path in references.items() if path is not None}
    quiet = {"configure_log": False}
    model = datamodels.RampModel(path)
    # The DATE of the raw file replaces the clock's, so that equal input gives equal bytes.
    date = model.meta.date or f"{record.date_obs}T00:00:00.000"
    model = GroupScaleStep.call(model, **quiet)
    model = DQInitStep.call(model, override_mask=reference_pixel_mask(record, settings.geometry), **quiet)
    if "saturation" in given:
        superbias = given.get("superbias", "N/A")
        model = SaturationStep.call(
            model, override_saturation=given["saturation"], override_superbias=superbias, **quiet
        )
    if "superbias" in given:
        model = SuperBiasStep.call(model, override_superbias=given["superbias"], **quiet)
    if settings.refpix:
        model = RefPixStep.call(model, override_refpix="N/A", override_sirskernel="N/A", **quiet)
    if "linearity" in given:
        model = LinearityStep.call(model, override_linearity=given["linearity"], **quiet)
    return model, date


def reference_pixel_mask(record: FileRecord, geometry: Geometry):
    """Make a mask of an exposure's window that marks its reference pixels and nothing else.

    Returns
    -------
    stdatamodels.jwst.datamodels.MaskModel
    """
    from stdatamodels.jwst import datamodels

    border = geometry.reference_pixels(record.window)
    model = datamodels.MaskModel(dq=np.where(border, dq_bits("REFERENCE_PIXEL"), np.uint32(0)))
    model.meta.instrument.name, model.meta.instrument.detector = "NIRCAM", record.detector
    area = model.meta.subarray
    area.xstart, area.ystart, area.xsize, area.ysize = record.window
    return model


def _fill_provenance(model, record: FileRecord, references: dict[str, Path | None], context: str) -> None:
    """Name the references by their files alone, since folders belong to one machine; the steps ran without CRDS."""
    for kind, path in references.items():
        getattr(model.meta.ref_file, kind).name = path.name if path else "N/A"
    model.meta.ref_file.mask.name = "N/A"
    model.meta.ref_file.crds.context_used = context
    if record.simulated:
        model.extra_fits = {"PRIMARY": {"header": [["SIMULATD", True, "simulated by darkmask: not for delivery"]]}}
