"""Find the exposures of a set that were not taken when, or for as long as, their headers say, as sentences.

INT_TIMES is the clock of the spacecraft: nobody who makes files again from a template, or exchanges them, thinks of it.
"""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from .records import Exposure
from .times import SECONDS_PER_DAY

# The frames that are dropped after the last group of the shortest ramps take less than the other half of one.
_SHORTEST = 0.5
# One frame is reset before each integration (JDox NIRCam Detector Readout), of which INT_TIMES may make a part of the
# integration, and another reset takes another frame. Groups that were left out, or another readout pattern, take more.
_RESET, _FRAMES_OFF = 1.0, 1.5
# EXPSTART and INT_TIMES tell the same time to some seconds; the next exposure begins a minute later or more.
_ROUGHLY = 20 / SECONDS_PER_DAY
# MJD of the day before the first of the calendar that Python counts days by.
_MJD_0 = date(1858, 11, 17).toordinal()


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
    """Return that an integration lasted longer or less than its groups take, as a predicate; rates are off as much.

    Headers and rates may both be those of another readout pattern, or of groups that are no longer there. Between two
    integrations there may be a pause: by when they were taken alone none of them was too long.
    """
    jump, times = exposure.jump, exposure.times
    frame = jump.tframe or jump.tgroup
    # The last group has no gap after it, and what its frames take is known from the pattern alone.
    least, most = (jump.ngroups - 1) * jump.tgroup + frame, jump.ngroups * jump.tgroup
    apart = sorted(SECONDS_PER_DAY * (after - before) for before, after in pairwise(times))
    # Between two integrations a reset takes time.
    by_clock = [apart[len(apart) // 2] - _RESET * frame] if apart else []
    by_clock += [] if jump.lasting is None else [jump.lasting]
    off = _FRAMES_OFF * frame
    too_short = by_clock and max(by_clock) < least - off
    too_long = jump.lasting is not None and min(by_clock) > most + off
    if not too_short and not too_long:
        return ""
    return (
        f"has integrations of {by_clock[-1]:.2f} s by its INT_TIMES or EXPEND, where {jump.ngroups} groups of "
        f"{jump.tgroup:g} s take {most:.2f} s: correct READPATT, NGROUPS and TGROUP and make the rates again, or make "
        "it again from all of its groups"
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
