"""Compare the first half of a set's integrations, in time, with the second: which pixels have become hot, or good?"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from darkmask.core.categories import category_names
from darkmask.core.detectors import Detector
from darkmask.search.flight.changing import ROWS_OF_SCATTER, usual
from darkmask.search.maps.changes import PRECISION_UNIT
from darkmask.search.maps.stacks import SLOPE_SHOT
from darkmask.search.outcome import SearchOutcome
from darkmask.search.parameters import SearchParameters
from darkmask.search.structures import WANDERING, Structure

from .turned import GONE, LEAST_INTEGRATIONS, NEW

_ROWS_AT_ONCE = 128


@dataclass(frozen=True)
class Drift:
    """Pixels that certainly changed from one half to the other.

    Attributes
    ----------
    changed : numpy.ndarray, shape (y, x), int8
        ``NEW`` where a pixel is hot in the second half and not in the first, ``GONE`` where it is the other way round.
    rates : numpy.ndarray, shape (n, 2), float32, e-/s
        Rates of both halves, of each of those by row and then by column.
    """

    changed: np.ndarray
    rates: np.ndarray


def drift_of(
    outcome: SearchOutcome, science: np.ndarray, detector: Detector, tgroup: float, parameters: SearchParameters
) -> Drift:
    """Return the pixels whose rate crosses ``hot_rate`` between the halves, by more than its own error allows.

    Parameters
    ----------
    outcome : SearchOutcome
    science : numpy.ndarray, shape (y, x), bool
    detector : Detector
    tgroup : float
        Group time, s.
    parameters : SearchParameters

    Returns
    -------
    Drift
        Nothing has changed when the times of the integrations are not known, or these are too few.

    Notes
    -----
    The search's categories play no part, so that what the search misses is found. A pixel that saturates has no rate,
    and the jump step does not look beside one.
    """
    maps = outcome.maps
    changed = np.zeros(outcome.categories.shape, np.int8)
    changes = maps.changes
    if changes is None or not changes.times or maps.integrations < LEAST_INTEGRATIONS:
        return Drift(changed, np.empty((0, 2), np.float32))
    good = science & (outcome.categories == 0)
    early, late = (
        _without_columns(rate * np.float32(detector.gain), good, outcome.structures)
        for rate in (changes.rows.early, changes.rows.late)
    )
    some = np.s_[:: max(1, len(good) // ROWS_OF_SCATTER)]
    precision = changes.rows.precision
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = late[some] - early[some]
        centre, _ = usual(apart, good[some])
        # Ramps that a saturated neighbour or jumps cut to a few groups tell little: beside a pixel that fills its well
        # in its third group two are left, and an error 36 times that of 20 groups.
        told = precision[some] * np.float32(PRECISION_UNIT)
        _, sigma = usual((apart - np.float32(centre)) * told, good[some])
        noise, _ = usual(maps.noise, good)
        # Read noise makes both halves' errors, as large as a pixel's own; shot noise adds what the brighter half has.
        half = maps.integrations // 2
        exposed = tgroup * max(maps.groups - 1, 1) * max(half, 1)
        for start in range(0, len(changed), _ROWS_AT_ONCE):
            rows = np.s_[start : start + _ROWS_AT_ONCE]
            before, after = early[rows], late[rows]
            shot = SLOPE_SHOT * 2 * np.clip(np.fmax(before, after), 0, None) / exposed
            read = sigma / (precision[rows] * np.float32(PRECISION_UNIT)) * np.fmax(maps.noise[rows] / noise, 1)
            error = np.sqrt(read**2 + shot)
            certain = np.abs(after - before - centre) > parameters.change_significance * error
            certain &= science[rows] & (maps.saturated_first[rows] == 0)
            changed[rows][certain & (after >= parameters.hot_rate) & (before < parameters.hot_rate)] = NEW
            changed[rows][certain & (before >= parameters.hot_rate) & (after < parameters.hot_rate)] = GONE
    there = changed != 0
    return Drift(changed, np.stack([early[there], late[there]], axis=1).astype(np.float32))


def _without_columns(rate: np.ndarray, good: np.ndarray, structures: Iterable[Structure]) -> np.ndarray:
    """Return rates without what columns that wander add to those of half of the integrations, which none of them keeps.

    It is by how much the good pixels of the column lie above the others; the column is a finding of its own.
    """
    usual_rate, _ = usual(rate, good)
    for one in structures:
        if one.kind == WANDERING:
            for x in range(one.x_first, one.x_last + 1):
                here = rate[good[:, x] & np.isfinite(rate[:, x]), x]
                if here.size:
                    rate[:, x] -= np.float32(np.median(here) - usual_rate)
    return rate


def drift_table(drift: Drift, categories: np.ndarray, xstart: int, ystart: int):
    """Make the table of the pixels that changed, an astropy.table.Table ordered by row and then by column.

    Parameters
    ----------
    drift : Drift
    categories : numpy.ndarray, shape (y, x), uint16
    xstart, ystart : int
        Place of the first pixel in the full frame, counted from 1.
    """
    from astropy.table import Table

    y, x = np.nonzero(drift.changed)
    table = Table(
        {
            "x": (x + xstart - 1).astype(np.int32),
            "y": (y + ystart - 1).astype(np.int32),
            "change": np.where(drift.changed[y, x] == NEW, "new", "gone").astype("U4"),
            "first_half": drift.rates[:, 0],
            "second_half": drift.rates[:, 1],
            "categories": np.array([category_names(int(value)) or "good" for value in categories[y, x]], dtype=str),
        }
    )
    table["x"].description = table["y"].description = "counted from 0 in the full frame, as in NumPy"
    table["change"].description = "hot in the second half of the integrations alone (new) or in the first alone (gone)"
    for name in ("first_half", "second_half"):
        table[name].unit, table[name].description = "electron/s", "mean rate of that half of the integrations in time"
    table["categories"].description = "what the search found, joined with ','; good when nothing"
    return table
