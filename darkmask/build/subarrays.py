"""Compare the bad pixels of a subarray with the full frame's, each judged by what the other set could have seen.

A subarray is read in milliseconds and a full frame in ten seconds: what one of them calls bad may be too faint, too
slow or too rare for the other. The behaviour of a pixel in one set is converted to what it would show in the other:
rates stay, and charge that switches does so less often in a shorter group. The result is compared with the limits that
the other set's own good pixels give. A pixel that lies clearly above them and is not seen is a difference between the
sets; any other is explained.
"""

from dataclasses import dataclass

import numpy as np

from darkmask.core.categories import Category, category_names, in_category
from darkmask.core.detectors import Detector
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.window import Window
from darkmask.search.flight.amplifier import own_saturation_level
from darkmask.search.flight.bright import RECOVERY
from darkmask.search.flight.robust import population
from darkmask.search.outcome import SearchOutcome
from darkmask.search.request import SetRequest

from .differences import Part

# A value measured in one set has an error there too; a pixel has to lie this far above the other set's limit.
OWN_SIGMA = 3.0
# A pixel that is expected to switch so many times switches at least once in 95 % of the cases.
LEAST_SWITCHES = 3.0
_BRIGHT = (Category.SATURATED, Category.HOT, Category.WARM, Category.RC, Category.INVERSE_RC)


@dataclass(frozen=True)
class Evidence:
    """The evidence of one set on the pixels that both have; images have shape (y, x) of the subarray.

    Attributes
    ----------
    bad : bool
        The pixel has a category that gets DO_NOT_USE.
    named : bool
        The pixel has any category.
    bright : bool
        The pixel has a category that shows as a rate, early or late in a ramp.
    rate : float32, e-/s
        The highest rate that the pixel has during its ramp.
    telegraph : bool
        The pixel switches between levels.
    spread : float32, DN**2
        Variance of a group difference beyond that of a good pixel, jumps included.
    switches : float32
        Groups flagged as jumps, per second.
    limit, error : float
        Rate at which 98 % of pixels are detected, and error of the rate of a typical pixel, e-/s.
    noise : float
        Noise of a group difference of good pixels, DN.
    noise_limit : float
        Variance of a group difference, in units of ``noise`` squared, at which 98 % of such pixels are detected.
    tgroup, seconds : float
        Seconds of a group, and of all integrations together.
    """

    bad: np.ndarray
    named: np.ndarray
    bright: np.ndarray
    telegraph: np.ndarray
    rate: np.ndarray
    spread: np.ndarray
    switches: np.ndarray
    limit: float
    error: float
    noise: float
    noise_limit: float
    tgroup: float
    seconds: float


def evidence_of(request: SetRequest, outcome: SearchOutcome, window: Window | None = None) -> Evidence:
    """Return what a set shows of some of its pixels, and the limits that its good pixels give.

    Parameters
    ----------
    request : SetRequest
    outcome : SearchOutcome
        The outcome of that request.
    window : Window, optional
        The pixels to return; all pixels of the set by default.
    """
    detector, maps, parameters = look_up_detector(request.detector), outcome.maps, request.parameters
    tgroup, good = request.exposures[0].set_key.tgroup, ~request.reference_pixels() & (outcome.categories == 0)
    centre, error = population(outcome.rate, good)
    noise, _ = population(maps.noise, good)
    # Scatter of the cube root of a variance, which is Gaussian (Wilson and Hilferty 1931).
    _, sigma = population(np.cbrt((maps.noise / np.float32(noise)) ** 2), good)
    part = window.slices if window else np.s_[:, :]
    cut = outcome.categories[part]
    return Evidence(
        bad=outcome.flags.unusable(cut),
        named=cut != 0,
        bright=np.any([in_category(cut, category) for category in _BRIGHT], axis=0),
        telegraph=in_category(cut, Category.TELEGRAPH),
        rate=_highest_rate(cut, outcome, part, detector, tgroup),
        spread=np.nan_to_num(np.fmax(maps.scatter, maps.noise)[part] ** 2 - noise**2, nan=0.0).clip(0),
        switches=maps.jumps[part] / np.float32(maps.integrations * max(maps.groups - 1, 1) * tgroup),
        limit=centre + (parameters.hot_significance + RECOVERY) * error,
        error=error,
        noise=noise,
        noise_limit=(1 + (parameters.noise_significance + RECOVERY) * sigma) ** 3,
        tgroup=tgroup,
        seconds=maps.integrations * max(maps.groups - 1, 1) * tgroup,
    )


def _highest_rate(categories, outcome: SearchOutcome, window, detector: Detector, tgroup: float) -> np.ndarray:
    """Return e-/s: the mean; the steeper part of a ramp that bends; for a saturated pixel at least what filled it."""
    maps = outcome.maps
    rate = np.nan_to_num(outcome.rate[window], nan=0.0)
    bend = np.nan_to_num(np.abs(maps.shape[window]), nan=0.0) * np.float32(detector.gain / tgroup)
    bent = in_category(categories, Category.RC) | in_category(categories, Category.INVERSE_RC)
    rate = np.where(bent, np.maximum(np.abs(rate), bend), rate)
    filled = np.float32(own_saturation_level(detector) * detector.gain / tgroup)
    return np.where(in_category(categories, Category.SATURATED), filled, rate).astype(np.float32)


def visible_in(one: Evidence, other: Evidence) -> np.ndarray:
    """Return which pixels another set would show clearly, by what they do in one set.

    Parameters
    ----------
    one, other : Evidence
        Evidence on the same pixels.

    Returns
    -------
    numpy.ndarray, shape (y, x), bool
    """
    bright = one.bright & (one.rate > other.limit + OWN_SIGMA * one.error)
    # Between two reads of a shorter group a pixel switches less often, and perhaps never while the other set lasts.
    spread = one.spread * np.where(one.telegraph, np.float32(min(1.0, other.tgroup / one.tgroup)), np.float32(1))
    often = ~one.telegraph | (one.switches * other.seconds > LEAST_SWITCHES)
    noisy = often & (spread > (other.noise_limit - 1) * other.noise**2)
    return bright | (~one.bright & noisy)


def compare_sets(full: Evidence, part: Evidence) -> np.ndarray:
    """Sort the pixels of a subarray by what the two sets show of them.

    Parameters
    ----------
    full : Evidence
        Evidence of the full frame, cut to the subarray.
    part : Evidence
        Evidence of the subarray.

    Returns
    -------
    numpy.ndarray, shape (y, x), uint8
        Values of `Part`; 0 when neither set calls the pixel bad.
    """
    parts = np.zeros(full.bad.shape, dtype=np.uint8)
    parts[(full.bad & part.named) | (part.bad & full.named)] = Part.BOTH
    alone = {Part.ADDITIONAL: (part, full), Part.MISSING: (full, part)}
    edge = np.ones(parts.shape, dtype=bool)
    edge[1:-1, 1:-1] = False
    for kind, (seen, other) in alone.items():
        where = seen.bad & ~other.named
        clear = visible_in(seen, other)
        parts[where] = np.where(edge, Part.EDGE, np.where(clear, kind, Part.FAINT))[where]
    return parts


def window_of(full: SetRequest, part: SetRequest) -> Window:
    """Return the part of another set's frames that a subarray reads."""
    frame, window = full.window, part.window
    return window._replace(xstart=window.xstart - frame.xstart + 1, ystart=window.ystart - frame.ystart + 1)


def count_once(parts: np.ndarray, counted: np.ndarray) -> None:
    """Mark in place what an earlier subarray has shown already, and remember what this one shows.

    Parameters
    ----------
    parts : numpy.ndarray, shape (y, x), uint8
        See :func:`compare_sets`.
    counted : numpy.ndarray, shape (y, x), uint8
        The same pixels of the full frame: what earlier subarrays counted, 0 elsewhere.
    """
    telling = (parts == Part.ADDITIONAL) | (parts == Part.MISSING)
    again = telling & (parts == counted)
    counted[telling] = parts[telling]
    parts[again] = Part.REPEATED


def difference_table(parts: np.ndarray, full: SearchOutcome, part: SearchOutcome, window: Window):
    """Return the pixels that either set calls bad, one row each, ordered by row and then by column.

    Parameters
    ----------
    parts : numpy.ndarray, shape (y, x), uint8
        See :func:`compare_sets`.
    full, part : SearchOutcome
    window : Window
        See :func:`window_of`.

    Returns
    -------
    astropy.table.Table
        ``x``, ``y`` count from 0 in the full frame, ``x_subarray``, ``y_subarray`` in the subarray.
    """
    from astropy.table import Table

    y, x = np.nonzero(parts)
    rows, columns = y + window.ystart - 1, x + window.xstart - 1
    table = Table(
        {
            "x": columns.astype(np.int32),
            "y": rows.astype(np.int32),
            "x_subarray": x.astype(np.int32),
            "y_subarray": y.astype(np.int32),
            "part": np.array([Part(value).name.lower() for value in parts[y, x]], dtype="U10"),
            "categories_full": np.array([category_names(v) for v in full.categories[rows, columns]], dtype="U96"),
            "categories_subarray": np.array([category_names(v) for v in part.categories[y, x]], dtype="U96"),
            "rate_full": full.rate[rows, columns],
            "rate_subarray": part.rate[y, x],
        }
    )
    table["rate_full"].unit = table["rate_subarray"].unit = "electron/s"
    return table
