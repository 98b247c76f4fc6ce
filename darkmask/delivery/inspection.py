"""Find what the headers of a set show to be wrong with its exposures, as lists of sentences, one per file."""

from collections.abc import Iterable, Sequence

from darkmask.core import siaf
from darkmask.core.detectors import FRAME_SIZE, Geometry, frame_times
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.display import counted
from darkmask.core.window import Window

from .made import unlike_steps
from .records import Exposure, FileRecord, SetKey

# A dark must have had these steps before it is searched. Subtracting the dark reference must not have been done: it
# takes the hot pixels away.
_DONE = {"jump": ("S_SUPERB", "S_JUMP"), "rate": ("S_RAMP",)}
_NOT_DONE = ("S_DARK",)
# A search takes for granted that full pixels and reference pixels have their flags. An older file may not name these
# steps; that they were left out is said in so many words. What the steps of reference pixels and linearity do, if they
# were run, is measured.
_NOT_SKIPPED = ("S_DQINIT", "S_SATURA")
DARK = "NRC_DARK"
# A row more or less changes the time of the largest frame by 1/2048.
_TIME_TOLERANCE = 4e-4


def step_problems(exposures: Sequence[Exposure]) -> list[str]:
    """Return the files whose S_* keywords say that a step is missing, that others had one, or that the dark is gone."""
    sentences = unlike_steps(exposures)
    for segment in (segment for exposure in exposures for segment in exposure.segments):
        for record, needed in ((segment.jump, _DONE["jump"]), (segment.rate, _DONE["rate"])):
            missing = [step for step in needed if record.steps.get(step) != "COMPLETE"]
            if missing:
                found = ", ".join(f"{step} {record.steps.get(step, 'absent')}" for step in missing)
                sentences.append(f"{record.path} has {found} where COMPLETE was expected: run the missing step.")
            skipped = [step for step in _NOT_SKIPPED if record.steps.get(step) == "SKIPPED"]
            if skipped:
                sentences.append(
                    f"{record.path} has {' and '.join(skipped)} SKIPPED: make it again with this step, whose flags a "
                    "search goes by."
                )
            done = [step for step in _NOT_DONE if record.steps.get(step) == "COMPLETE"]
            if done:
                sentences.append(
                    f"{record.path} has {done[0]} COMPLETE: the dark was subtracted and its hot pixels with it; make "
                    "it again without dark_current."
                )
            unknown = [step for step in _NOT_DONE if record.steps.get(step, "SKIPPED") not in ("SKIPPED", "COMPLETE")]
            if unknown:
                sentences.append(
                    f"{record.path} has {unknown[0]} {record.steps[unknown[0]]} where SKIPPED was expected: make it "
                    "again without dark_current."
                )
    return sentences


def exposure_type_problems(exposures: Iterable[Exposure]) -> list[str]:
    """Return the files that are not darks by their EXP_TYPE."""
    return [
        f"{record.path} has EXP_TYPE {record.exp_type or 'missing'} where {DARK} was expected: "
        + ("take it out of the delivery." if record.exp_type else "add the keyword if it is a dark.")
        for exposure in exposures
        for record in exposure.files
        if record.exp_type != DARK
    ]


def geometry_problems(exposures: Sequence[Exposure], geometry: Geometry) -> list[str]:
    """Return the files whose size, position or axes are not those of their detector and subarray.

    On real frames a subarray is also compared with the SIAF; mini frames have none. Exposures of one set must agree on
    their position, since a subarray that was moved in flight keeps its name.
    """
    sentences = []
    first: dict[SetKey, FileRecord] = {}
    for exposure in exposures:
        for record in exposure.files:
            sentences += _frame_problems(record, geometry)
            if geometry.frame == FRAME_SIZE:
                sentences += _siaf_problems(record) if record.subarray != "FULL" else []
                sentences += _time_problems(record)
            sentences += _moved(record, first.setdefault(exposure.set_key, record))
    return sentences


def _frame_problems(record: FileRecord, geometry: Geometry) -> list[str]:
    rows, columns = record.shape[-2:]
    frame = geometry.frame
    found = []
    if (record.xsize, record.ysize) != (columns, rows):
        found.append(f"SUBSIZE {record.xsize}x{record.ysize} and an array of {columns}x{rows} pixels")
    if record.subarray == "FULL" and (columns, rows) != (frame, frame):
        found.append(f"SUBARRAY FULL and {columns}x{rows} pixels where {frame}x{frame} were expected")
    if not Window.of_frame(frame).covers(Window(record.xstart, record.ystart, columns, rows)):
        found.append(f"SUBSTRT {record.xstart},{record.ystart}, which puts it beyond the frame of {frame}x{frame}")
    axes = look_up_detector(record.detector)
    if (record.fastaxis, record.slowaxis) != (axes.fastaxis, axes.slowaxis):
        found.append(
            f"FASTAXIS, SLOWAXIS {record.fastaxis}, {record.slowaxis} where {axes.fastaxis}, {axes.slowaxis} belong to "
            f"{record.detector}"
        )
    return [f"{record.path} has {what}: make the file again." for what in found]


def _time_problems(record: FileRecord) -> list[str]:
    """Return that a frame of this size takes another time: rates and thresholds would be wrong by the ratio."""
    rows, columns = record.shape[-2:]
    times = frame_times(columns, rows, record.noutputs)
    if record.tframe is None or any(abs(record.tframe - time) <= _TIME_TOLERANCE * time for time in times):
        return []
    outputs = counted(record.noutputs, "output")
    return [
        f"{record.path} has TFRAME {record.tframe:.7g} s where {columns}x{rows} pixels through {outputs} take "
        f"{times[0]:.7g} s: correct NOUTPUTS, or TFRAME and TGROUP."
    ]


def _siaf_problems(record: FileRecord) -> list[str]:
    allowed = siaf.positions(record.detector, record.subarray)
    # A subarray that was moved may be where any SIAF since launch puts it.
    versions = f"the SIAF (PRD {siaf.FIRST_PRD_VERSION} to {siaf.PRD_VERSION})"
    if not allowed:
        return [
            f"{record.path} has SUBARRAY {record.subarray or 'missing'}, which {versions} does not have on "
            f"{record.detector}: correct SUBARRAY, or take the file out of the delivery."
        ]
    if record.window in allowed:
        return []
    positions = ", or ".join(map(str, allowed))
    return [f"{record.path} has {record.window} where {versions} has {positions}: make the file again."]


def _moved(record: FileRecord, first: FileRecord) -> list[str]:
    here, there = (record.xstart, record.ystart), (first.xstart, first.ystart)
    if here == there:
        return []
    return [
        f"{record.path} has SUBSTRT {here[0]},{here[1]} where {first.path} of the same set has {there[0]},{there[1]}: "
        "give exposures of other pixels a delivery of their own."
    ]
