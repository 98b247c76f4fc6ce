"""Place integrations in time, by what the headers of a file say.

INT_TIMES, which the jump and ramp-fit steps carry along, says it exactly. Without it the beginning of the exposure and
the keywords of its timing say it to a second or so, which is enough to put integrations in order. Where neither is
there, nothing is guessed.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

SECONDS_PER_DAY = 86_400.0
# Darks without a longer pause belong to one epoch. NIRCam monitors take darks every 30 to 50 days (jwql dark_monitor),
# and a campaign like NRC-09 lasts hours to days.
EPOCH_GAP = 10.0


def integration_times(primary: Any, table: Any, integrations: int, first: int) -> tuple[float, ...]:
    """Return the middle of each integration of a file.

    Parameters
    ----------
    primary : mapping of str to value
        Primary header.
    table : numpy structured array or None
        The rows of INT_TIMES.
    integrations : int
        Number of integrations in the file.
    first : int
        Number of the first of them in its exposure, from 1.

    Returns
    -------
    tuple of float
        MJD (UTC); empty when the headers do not say it.
    """
    # An image of that name has rows and no columns.
    columns = set(table.dtype.names or ()) if table is not None and len(table) else set()
    if {"integration_number", "int_mid_MJD_UTC"} <= columns:
        middles = dict(zip(table["integration_number"].tolist(), table["int_mid_MJD_UTC"].tolist(), strict=True))
        times = tuple(float(middles.get(first + i, math.nan)) for i in range(integrations))
        # The archive fills the table with zeros or NaN when the telemetry of a visit was missing.
        if all(math.isfinite(time) and time > 0 for time in times):
            return times
    begin, step = beginning(primary), _duration(primary)
    if begin is None or step is None:
        return ()
    return tuple(begin + (first - 0.5 + i) * step / SECONDS_PER_DAY for i in range(integrations))


def lasting(table: Any, integrations: int, first: int) -> float | None:
    """Return how long the integrations of a file lasted by INT_TIMES, from their begin to their end, in seconds.

    Parameters
    ----------
    table : numpy structured array or None
        The rows of INT_TIMES.
    integrations, first : int
        See :func:`integration_times`.

    Returns
    -------
    float or None
        Their median; None when INT_TIMES does not say it.
    """
    columns = ("integration_number", "int_start_MJD_UTC", "int_end_MJD_UTC")
    if table is None or not len(table) or not set(columns) <= set(table.dtype.names or ()):
        return None
    number, start, end = (np.asarray(table[column], dtype=np.float64) for column in columns)
    told = (number >= first) & (number < first + integrations) & (start > 0) & (end > start)
    return float(np.median((end - start)[told])) * SECONDS_PER_DAY if told.any() else None


def numbered_twice(table: Any, integrations: int, first: int) -> int | None:
    """Return the first integration of a file that INT_TIMES has in several rows; None where each has one at the most.

    Parameters
    ----------
    table : numpy structured array or None
        The rows of INT_TIMES.
    integrations, first : int
        See :func:`integration_times`.
    """
    if table is None or not len(table) or "integration_number" not in (table.dtype.names or ()):
        return None
    numbers, rows = np.unique(np.asarray(table["integration_number"]), return_counts=True)
    wanted = numbers[(rows > 1) & (numbers >= first) & (numbers < first + integrations)]
    return int(wanted[0]) if wanted.size else None


def beginning(primary: Any) -> float | None:
    """Return when an exposure begins, MJD; None when neither EXPSTART nor DATE-BEG says it."""
    start = _number(primary, "EXPSTART")
    if start is not None:
        return start
    from astropy.time import Time

    try:
        return float(Time(str(primary.get("DATE-BEG", "")), format="isot", scale="utc").mjd)
    except ValueError:
        return None


def _duration(primary: Any) -> float | None:
    """Return the seconds from the beginning of one integration to that of the next; None when they are not known."""
    start, end, number = (_number(primary, name) for name in ("EXPSTART", "EXPEND", "NINTS"))
    if start is not None and end is not None and number is not None and end > start:
        return (end - start) * SECONDS_PER_DAY / number
    exposed = _number(primary, "EFFINTTM")
    group, groups = _number(primary, "TGROUP"), _number(primary, "NGROUPS")
    if exposed is None:
        if group is None or groups is None:
            return None
        exposed = group * groups
    # One frame is reset before each integration.
    return exposed + (_number(primary, "TFRAME") or 0.0)


def _number(primary: Any, name: str) -> float | None:
    """Return a positive number of a header, or None."""
    value = primary.get(name)
    known = isinstance(value, int | float) and math.isfinite(value) and value > 0
    return float(value) if known else None


def epochs_of(times: Sequence[float]) -> np.ndarray:
    """Return the epoch of each integration, counted from 0, int64.

    Parameters
    ----------
    times : sequence of float
        MJD, in order.
    """
    gaps = np.diff(np.asarray(times, dtype=np.float64), prepend=times[0] if len(times) else 0.0)
    return np.cumsum(gaps > EPOCH_GAP).astype(np.int64)
