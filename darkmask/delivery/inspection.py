"""Find what the headers of a set show to be wrong with its exposures, as lists of sentences, one per file."""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise

from darkmask.core import siaf
from darkmask.core.detectors import FRAME_SIZE, Geometry, frame_times
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.display import counted
from darkmask.core.window import Window

from .made import unlike_steps
from .records import Exposure, FileRecord, SetKey
from .times import SECONDS_PER_DAY

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
# The frames that are dropped after the last group of the shortest ramps take less than the other half of one.
_SHORTEST = 0.5
# One frame is reset before each integration (JDox NIRCam Detector Readout). A clock that tells of one frame more or
# less is that of another reset; groups that were left out, or another readout pattern, take two or more.
_RESET, _FRAMES_OFF = 1.0, 1.5
# EXPSTART and INT_TIMES tell the same time to some seconds; the next exposure begins a minute later or more.
_ROUGHLY = 20 / SECONDS_PER_DAY
# MJD of the day before the first of the calendar that Python counts days by.
_MJD_0 = date(1858, 11, 17).toordinal()


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


def time_problems(exposures: Sequence[Exposure], of_detector: Sequence[Exposure]) -> list[str]:
    """Return the exposures that were not taken when their headers say, or of which only others say when.

    A detector takes one integration after the other, begins an exposure on the day of DATE-OBS, and its ramps were
    taken when their rates were. Where this is not so, integrations are put in a wrong order, or in none.

    Parameters
    ----------
    exposures : sequence of Exposure
        Of one detector and subarray.
    of_detector : sequence of Exposure
        All of that detector.
    """
    placed = sorted(
        (time, _length(exposure), exposure.jump.path) for exposure in of_detector for time in exposure.times
    )
    together: dict[str, str] = {}
    for (begun, length, path), (next_begun, next_length, next_path) in pairwise(placed):
        if path != next_path and next_begun - begun < _SHORTEST * (length + next_length) / 2:
            together.setdefault(path, next_path)
            together.setdefault(next_path, path)
    some, overtaken = any(exposure.times for exposure in exposures), _overtaken(exposures)
    found = (
        (each.jump.path, _time_problem(each, together, some) or overtaken.get(each.jump.path, "")) for each in exposures
    )
    return [f"{path} {problem}." for path, problem in found if problem]


def _overtaken(exposures: Sequence[Exposure]) -> dict[str, str]:
    """Return the exposures that were taken before one of a lower number of the same activity: predicates by file.

    Times that were exchanged with all their cards put what turned hot where it healed.
    """
    activities: dict[tuple[str, ...], list[tuple[str, float, str]]] = {}
    for exposure in exposures:
        if exposure.jump.identity and exposure.times:
            *activity, number = exposure.jump.identity
            activities.setdefault((*activity,), []).append((number, exposure.times[0], exposure.jump.path))
    return {
        path: f"was taken before {before}, by their INT_TIMES or EXPSTART, and has a higher EXPOSURE number: make both "
        "again, with the times of their own"
        for each in activities.values()
        for (_, first, before), (_, time, path) in pairwise(sorted(each))
        if time < first
    }


def _time_problem(exposure: Exposure, together: dict[str, str], some: bool) -> str:
    """Return what is wrong with the times of an exposure, as a predicate; empty when nothing is."""
    times, shortest = exposure.times, _SHORTEST * _length(exposure)
    if not times:
        return "does not say when it was taken, as others of its set do: add its INT_TIMES, or EXPSTART" if some else ""
    if other := together.get(exposure.jump.path):
        return (
            f"and {other} were taken by one detector at one time (MJD {times[0]:.5f}), by their INT_TIMES or EXPSTART: "
            "make that which has the times of another again"
        )
    if any(after - before < shortest for before, after in pairwise(times)):
        return "has times in INT_TIMES that do not follow one another, integration by integration: make it again"
    if problem := _cadence_problem(exposure):
        return problem
    for segment in exposure.segments:
        pairs = zip(segment.jump.times, segment.rate.times, strict=False)
        if any(abs(here - there) > shortest + _ROUGHLY for here, there in pairs):
            return f"and {segment.rate.path} have other times: make both again, with one call of the pipeline"
    # An exposure begins half an integration before the middle of its first one, and on the day of DATE-OBS.
    for keyword, begun, later in (
        ("EXPSTART", exposure.jump.began, 0.0),
        ("DATE-OBS", _mjd(exposure.jump.date_obs), 1.0),
    ):
        if begun is not None and not begun - _ROUGHLY <= times[0] <= begun + later + _length(exposure) + _ROUGHLY:
            return (
                f"begins at MJD {begun:.5f} by its {keyword}, and the middle of its first integration is at "
                f"{times[0]:.5f} by INT_TIMES: make it again"
            )
    return ""


def _cadence_problem(exposure: Exposure) -> str:
    """Return that the clock ran otherwise than the groups say, as a predicate; rates are wrong by the ratio.

    Headers and rates may both be those of another readout pattern, or of groups that are no longer there; nobody who
    makes them again from a template thinks of INT_TIMES.
    """
    jump, times = exposure.jump, exposure.times
    frame = jump.tframe or jump.tgroup
    # The last group has no gap after it, and what its frames take is known from the pattern alone.
    least, most = (jump.ngroups - 1) * jump.tgroup + frame, jump.ngroups * jump.tgroup
    apart = [SECONDS_PER_DAY * (after - before) for before, after in pairwise(times)]
    if apart:
        # Between two integrations nothing but a reset takes time; a pause of an exposure is longer, and is none here.
        found, what = sorted(apart)[len(apart) // 2], "begins an integration every"
        least, most = least + _RESET * frame, most + _RESET * frame
    elif jump.lasting is not None:
        found, what = jump.lasting, "has an integration of"
    else:
        return ""
    if least - _FRAMES_OFF * frame <= found <= most + _FRAMES_OFF * frame:
        return ""
    said = f"{jump.ngroups} groups of {jump.tgroup:g} s" + (" and a reset" if apart else "")
    return (
        f"{what} {found:.2f} s by its INT_TIMES or EXPEND, where {said} take {most:.2f} s: correct READPATT, NGROUPS "
        "and TGROUP and make the rates again, or make it again from all of its groups"
    )


def _length(exposure: Exposure) -> float:
    """Return how long an integration of an exposure takes, in days."""
    return exposure.jump.ngroups * exposure.jump.tgroup / SECONDS_PER_DAY


def _mjd(day: str) -> int | None:
    """Return the MJD at which a day begins; None for what is no day in ISO 8601."""
    try:
        return date.fromisoformat(day).toordinal() - _MJD_0
    except ValueError:
        return None


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
