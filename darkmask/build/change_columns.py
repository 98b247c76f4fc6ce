"""The columns of a catalogue that say how a pixel changes between integrations."""

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.delivery.times import SECONDS_PER_DAY
from darkmask.search.maps.changes import SIGMA_UNIT, ChangeMaps, ChangeRows
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.maps.stacks import SLOPE_SHOT


def change_columns(maps: CombinedMaps, y: np.ndarray, x: np.ndarray, detector: Detector, tgroup: float) -> dict:
    """Return the values, unit and description of each column.

    Parameters
    ----------
    maps : CombinedMaps
        With maps of change.
    y, x : numpy.ndarray, shape (n,), int
        Pixels.
    detector : Detector
    tgroup : float
        Group time, s.
    """
    changes = maps.changes
    if changes is None:
        raise ValueError("These maps were combined without the maps of change.")
    rows, gain, total = changes.part((y, x)).rows, np.float32(detector.gain), maps.integrations
    highs = rows.highs.astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        high, low = gain * rows.high, gain * rows.low
        early, late = gain * rows.early, gain * rows.late
        high_error = _error(maps, y, x, high, highs, detector, tgroup)
        low_error = _error(maps, y, x, low, total - highs, detector, tgroup)
        half = _error(maps, y, x, np.fmax(early, late), np.full(x.shape, max(total // 2, 1)), detector, tgroup)
        decay, decay_error = _decay_time(changes, early, late, half)
        share = highs / np.float32(total)
        # Laplace's share, so that none and all of them have an error too.
        likely = (highs + 1) / np.float32(total + 2)
        share_error = np.sqrt(likely * (1 - likely) / np.float32(total + 3))
    return {
        "farthest_rates": (
            rows.second * np.float32(SIGMA_UNIT),
            None,
            "distance of the second farthest integration's rate from rate, in its own sigma",
        ),
        "share_high": (
            share,
            None,
            "share of the integrations in the upper half between the second smallest and the second largest rate",
        ),
        "high_rate": (high, "electron/s", "mean rate of those integrations"),
        "high_rate_error": (
            high_error,
            "electron/s",
            "its error by read noise, as large as the pixel's own, and shot noise",
        ),
        "low_rate": (low, "electron/s", "mean rate of the other integrations"),
        "low_rate_error": (low_error, "electron/s", "its error, likewise"),
        "share_high_error": (share_error, None, "error of share_high by the number of integrations"),
        "high_epochs": (
            _epochs(changes, rows),
            None,
            "first and last epoch with such an integration, from 1; - for none, or when no time is known",
        ),
        "first_half": (early, "electron/s", "mean rate of the first half of the integrations in time"),
        "second_half": (late, "electron/s", "mean rate of the second half of the integrations in time"),
        "half_error": (half, "electron/s", "error of the brighter half, likewise"),
        "trend": (
            rows.trend * np.float32(SIGMA_UNIT),
            None,
            "slope of the rate with the logarithm of time, in its sigma; 0 when the times are not known",
        ),
        "decay_time": (
            decay,
            "s",
            "e-folding time of the rate from half to half; NaN where it falls by less than 3 sigma or no time is known",
        ),
        "decay_time_error": (decay_error, "s", "its error by those of both halves"),
    }


def _error(maps: CombinedMaps, y, x, rate, integrations, detector: Detector, tgroup: float) -> np.ndarray:
    """Return the standard error of a mean rate over so many whole integrations, e-/s, float32; NaN for none."""
    groups = maps.groups
    # Half the variance of a difference is that of a read; Robberto 2009 gives the variance of a slope.
    reading = 12 * (maps.noise[y, x] ** 2 / 2) / (tgroup**2 * groups * (groups**2 - 1)) * detector.gain**2
    shot = SLOPE_SHOT * np.fmax(rate, 0) / (tgroup * max(groups - 1, 1))
    return np.sqrt((reading + shot) / np.where(integrations > 0, integrations, np.nan)).astype(np.float32)


def _decay_time(
    changes: ChangeMaps, early: np.ndarray, late: np.ndarray, error: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the e-folding time between the middles of both halves and its error, s, float32."""
    if len(changes.times) < 2:
        return np.full(early.shape, np.nan, np.float32), np.full(early.shape, np.nan, np.float32)
    times, half = np.array(changes.times), changes.order.half
    apart = (times[half:].mean() - times[:half].mean()) * SECONDS_PER_DAY
    falls = (early - late > 3 * np.sqrt(2) * error) & (late > error)
    time = np.where(falls, apart / np.log(early / late), np.nan)
    return time.astype(np.float32), (time**2 / apart * np.hypot(error / early, error / late)).astype(np.float32)


def _epochs(changes: ChangeMaps, rows: ChangeRows) -> np.ndarray:
    """Return the first and the last epoch in which a pixel is high, such as "1-2"."""
    if not changes.times:
        return np.full(rows.highs.shape, "-", "U7")
    epochs = np.array(changes.epochs) + 1
    named = [
        "-" if first < 0 else str(a) if (a := epochs[first]) == (b := epochs[last]) else f"{a}-{b}"
        for first, last in zip(rows.first_high.tolist(), rows.last_high.tolist(), strict=True)
    ]
    return np.array(named, "U7")
