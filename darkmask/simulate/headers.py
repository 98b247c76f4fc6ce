"""Fill the headers of an exposure, and name its files."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from darkmask.core.detectors import READOUT_PATTERNS, Detector
from darkmask.core.errors import ParameterError

from .spec import SimulationSpec, Subarray
from .timing import exposure_start, frame_time, integration_duration, integration_times, mjd

PROGRAM = "01062"
# DATE of every file is fixed, since equal specifications promise equal bytes.
FILE_DATE = "2022-04-30T00:00:00.000"


@dataclass(frozen=True)
class ExposureName:
    """Identifiers of one exposure of one detector."""

    detector: str
    observation: int
    exposure: int

    @property
    def root(self) -> str:
        """The root of its file names, as MAST gives them: ``jw01062001001_02101_00001_nrca1``."""
        return f"jw{PROGRAM}{self.observation:03d}001_02101_{self.exposure:05d}_{self.detector.lower()}"

    def file_name(self, product: str) -> str:
        return f"{self.root}_{product}.fits"


def require_known_to_headers(spec: SimulationSpec) -> None:
    """Make sure that a header may hold the read pattern that is to be simulated.

    Raises
    ------
    ParameterError
        When the schema of the installed stdatamodels does not list it, which would end in its own words while a file is
        written.
    """
    from stdatamodels.jwst.datamodels import RampModel
    from stdatamodels.schema import walk_schema

    known: list[str] = []

    def collect(subschema: dict, _path: list, *_) -> None:
        if isinstance(subschema, dict) and subschema.get("fits_keyword") == "READPATT":
            known.extend(subschema.get("enum", ()))

    with RampModel() as model:
        walk_schema(model.schema, collect)
    if known and spec.readpatt not in known:
        usable = ", ".join(name for name in READOUT_PATTERNS if name in known)
        raise ParameterError(
            f"readpatt = {spec.readpatt!r} is no READPATT of the installed stdatamodels: "
            f"use one of {usable}, or install a stdatamodels that knows it."
        )


def fill_headers(
    model, spec: SimulationSpec, properties: Detector, subarray: Subarray | None, name: ExposureName
) -> None:
    """Fill ``model.meta`` and INT_TIMES of a ramp; the pipeline's steps copy it to their products.

    Parameters
    ----------
    model : stdatamodels.jwst.datamodels.RampModel
    spec : SimulationSpec
    properties : Detector
    subarray : Subarray or None
    name : ExposureName
    """
    meta = model.meta
    meta.telescope = "JWST"
    meta.origin = "STSCI"
    meta.filename = name.file_name("uncal")
    meta.instrument.name = "NIRCAM"
    meta.instrument.detector = properties.name
    meta.instrument.channel = properties.channel
    meta.instrument.module = properties.module

    area = meta.subarray
    area.name = subarray.name if subarray else "FULL"
    area.xstart, area.ystart, area.xsize, area.ysize = spec.window(subarray)
    area.fastaxis, area.slowaxis = properties.fastaxis, properties.slowaxis

    _fill_exposure(meta, spec, subarray, name)
    start = exposure_start(spec, subarray, name.observation, name.exposure)
    model.int_times = np.array(integration_times(spec, subarray, start), dtype=model.get_dtype("int_times"))
    for step in ("dq_init", "superbias", "refpix", "linearity"):
        setattr(meta.cal_step, step, "COMPLETE")
    # A search looks for dark current: it is never subtracted here.
    for step in ("group_scale", "ipc", "persistence", "dark_sub"):
        setattr(meta.cal_step, step, "SKIPPED")


def _fill_exposure(meta, spec: SimulationSpec, subarray: Subarray | None, name: ExposureName) -> None:
    read = frame_time(subarray)
    duration = spec.integrations * integration_duration(spec, subarray)
    start = exposure_start(spec, subarray, name.observation, name.exposure)
    end = start + timedelta(seconds=duration)
    _fill_observation(meta, name, start)
    exposure = meta.exposure
    exposure.type = "NRC_DARK"
    exposure.readpatt = spec.readpatt
    exposure.nints, exposure.ngroups = spec.integrations, spec.groups
    exposure.nframes = spec.frames_per_group
    exposure.groupgap = spec.frames_apart - spec.frames_per_group
    exposure.integration_start, exposure.integration_end = 1, spec.integrations
    exposure.noutputs = 1 if subarray else 4
    exposure.nsamples, exposure.sample_time = 1, 10.0
    exposure.nresets_at_start, exposure.nresets_between_ints = 1, 1
    exposure.zero_frame = False
    exposure.frame_time = round(read, 7)
    exposure.group_time = round(spec.frames_apart * read, 7)
    exposure.integration_time = round(spec.frames * read, 5)
    exposure.exposure_time = round(spec.integrations * spec.frames * read, 5)
    exposure.duration = round(duration, 5)
    exposure.start_time = mjd(start)
    exposure.mid_time = mjd(start + timedelta(seconds=duration / 2))
    exposure.end_time = mjd(end)
    meta.observation.date_beg = start.isoformat(timespec="milliseconds")
    meta.observation.date_end = end.isoformat(timespec="milliseconds")


def _fill_observation(meta, name: ExposureName, start: datetime) -> None:
    observation = meta.observation
    visit = f"{PROGRAM}{name.observation:03d}001"
    observation.program_number = PROGRAM
    observation.observation_number = f"{name.observation:03d}"
    observation.visit_number = "001"
    observation.visit_id = visit
    observation.visit_group = "02"
    observation.sequence_id = "1"
    observation.activity_id = "01"
    observation.exposure_number = f"{name.exposure:05d}"
    observation.obs_id = f"V{visit}P0000000002101"
    observation.observation_label = "NRC-09 darks (simulated)"
    observation.date = start.strftime("%Y-%m-%d")
    observation.time = start.strftime("%H:%M:%S.%f")[:-3]
