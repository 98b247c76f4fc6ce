"""When each exposure, integration and read of a simulated delivery takes place."""

from datetime import datetime, timedelta

from .spec import FULL_FRAME_TIME, SimulationSpec, Subarray

# NRC-09 ran in April 2022; the hour is invented.
FIRST_EXPOSURE = datetime(2022, 4, 12, 3, 0, 0)
# Seconds between exposures, and between observations.
EXPOSURE_GAP, OBSERVATION_GAP = 60.0, 1800.0
_MJD_ZERO = datetime(1858, 11, 17)


def frame_time(subarray: Subarray | None) -> float:
    """Return the seconds that one read of a subarray, or of the full frame, takes."""
    return subarray.frame_time if subarray else FULL_FRAME_TIME


def integration_duration(spec: SimulationSpec, subarray: Subarray | None) -> float:
    """Return the seconds from one reset to the next; one reset frame precedes every integration."""
    return (1 + spec.frames) * frame_time(subarray)


def exposure_start(spec: SimulationSpec, subarray: Subarray | None, observation: int, exposure: int) -> datetime:
    """Return when the first reset frame of an exposure begins.

    Parameters
    ----------
    spec : SimulationSpec
    subarray : Subarray or None
    observation, exposure : int
        Numbers from 1.
    """
    # An observation begins when the longest one before it, of full frames, is over.
    before = spec.exposures * (EXPOSURE_GAP + spec.integrations * integration_duration(spec, None))
    duration = spec.integrations * integration_duration(spec, subarray)
    return FIRST_EXPOSURE + timedelta(
        days=sum(spec.epochs[: epoch_of(spec, exposure)]),
        seconds=(observation - 1) * (OBSERVATION_GAP + before) + (exposure - 1) * (EXPOSURE_GAP + duration),
    )


def epoch_of(spec: SimulationSpec, exposure: int) -> int:
    """Return the number of the epoch, from 0, of an exposure, from 1: epochs share the exposures out in their order."""
    return (exposure - 1) * (len(spec.epochs) + 1) // spec.exposures


def mjd(moment: datetime) -> float:
    """Return a moment as a modified Julian date, to a tenth of a millisecond."""
    return round((moment - _MJD_ZERO).total_seconds() / 86_400.0, 9)


def integration_times(spec: SimulationSpec, subarray: Subarray | None, start: datetime) -> list[tuple[float, ...]]:
    """Return the rows of INT_TIMES of an exposure: number, then start, middle and end in MJD UTC and in BJD TDB.

    The reset frame is part of no integration. The barycentric times are those of a telescope at the barycentre: TDB is
    69.2 s ahead of UTC, and no light time is added.
    """
    leap = 69.184 / 86_400.0
    rows = []
    for number in range(1, spec.integrations + 1):
        end = start + timedelta(seconds=number * integration_duration(spec, subarray))
        begin = end - timedelta(seconds=spec.frames * frame_time(subarray))
        times = [mjd(begin), mjd(begin + (end - begin) / 2), mjd(end)]
        rows.append((number, *times, *(time + leap for time in times)))
    return rows
