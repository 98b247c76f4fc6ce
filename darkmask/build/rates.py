"""The rates of pixels that change, exposure by exposure and epoch by epoch."""

from collections.abc import Iterable, Iterator

import numpy as np

from darkmask.core.categories import Category, category_names, in_category, named
from darkmask.core.detectors import Detector
from darkmask.delivery import FileRecord, OpenSet
from darkmask.delivery.times import epochs_of
from darkmask.search.maps.changes import SIGMA_UNIT
from darkmask.search.maps.layout import DO_NOT_USE, JUMP_DET, SATURATED
from darkmask.search.maps.stacks import SLOPE_SHOT
from darkmask.search.outcome import SearchOutcome
from darkmask.search.request import SetRequest

from .fitted_columns import fitted_pixels, in_parts, ramps_of

# These change by what they are called.
_CHANGING = (Category.TELEGRAPH, Category.INTERMITTENT, Category.TRANSIENT)
_COLUMNS = {
    "x": (np.int32, None, "column in the full frame, counted from 0 as in NumPy"),
    "y": (np.int32, None, "row in the full frame, counted from 0 as in NumPy"),
    "categories": ("U64", None, "what the search found, joined with ','"),
    "exposure": (np.int32, None, "number of the exposure in the order of time, from 1; 0 in the row of a whole epoch"),
    "epoch": (np.int32, None, "number of the epoch, from 1"),
    "integrations": (np.int32, None, "number of integrations with a rate"),
    "mjd": (np.float64, "d", "middle of these integrations (UTC); NaN when the headers do not say it"),
    "rate": (np.float32, "electron/s", "their mean rate, weighted by what each ramp says of a slope"),
    "rate_error": (np.float32, "electron/s", "its error by read noise, as large as the pixel's own, and shot noise"),
}


def rates_table(request: SetRequest, opened: OpenSet, outcome: SearchOutcome, detector: Detector, frame: FileRecord):
    """Make the table of the rates of the pixels that change.

    Parameters
    ----------
    request : SetRequest
    opened : OpenSet
        The integrations of that request.
    outcome : SearchOutcome
        Its outcome.
    detector : Detector
    frame : FileRecord
        Any file of the set: it says where the set's first pixel lies in the full frame.

    Returns
    -------
    astropy.table.Table
        For each pixel with a category whose rates differ between integrations, by row and then by column, one row for
        each exposure and one for each epoch.
    """
    from astropy.table import Table

    categories, maps = outcome.categories, outcome.maps
    changing = np.logical_or.reduce([in_category(categories, category) for category in _CHANGING])
    if maps.changes is not None:
        bad = np.nonzero(categories)
        changing[bad] |= maps.changes.rows.second[bad] >= request.parameters.change_significance / SIGMA_UNIT
    spans = list(_spans(opened))
    pixels, tgroup = fitted_pixels(changing), request.exposures[0].set_key.tgroup
    parts = []
    for some in in_parts(pixels, request):
        y, x = some.T
        rates, weights = _rates(opened, some, tgroup)
        # Half the variance of a difference is that of a read; Robberto 2009 gives the variance of a slope.
        own = np.where(np.isfinite(maps.noise[y, x]), maps.noise[y, x].astype(np.float64) ** 2 / 2, maps.read_variance)
        names = named(categories[y, x], category_names)
        place = (x + frame.xstart - 1, y + frame.ystart - 1, names)
        for exposure, epoch, chosen, moment in spans:
            load = weights[chosen].sum(axis=0)
            with np.errstate(divide="ignore", invalid="ignore"):
                mean = (weights[chosen] * rates[chosen]).sum(axis=0) / load
                number = (weights[chosen] > 0).sum(axis=0)
                shot = SLOPE_SHOT * np.fmax(mean, 0) / (detector.gain * tgroup * max(maps.groups - 1, 1) * number)
                error = np.sqrt(12 * own / tgroup**2 / load + shot)
            of = (np.full(y.size, value) for value in (exposure, epoch))
            parts.append((*place, *of, number, np.full(y.size, moment), mean * detector.gain, error * detector.gain))
    columns = [_column(parts, k, kind) for k, (kind, _, _) in enumerate(_COLUMNS.values())]
    table = Table(columns, names=list(_COLUMNS))
    for name, (_, unit, description) in _COLUMNS.items():
        table[name].unit, table[name].description = unit, description
    table.sort(["y", "x", "epoch", "exposure"])
    epochs = max(epoch for _, epoch, _, _ in spans)
    table.meta = {"detector": detector.name, "subarray": frame.subarray, "epochs": epochs}
    return table


def _column(parts: Iterable[tuple], k: int, kind) -> np.ndarray:
    return np.concatenate([np.empty(0, kind), *(np.asarray(part[k], kind) for part in parts)])


def _spans(opened: OpenSet) -> Iterator[tuple[int, int, np.ndarray, float]]:
    """Give exposure (0 for a whole epoch), epoch, numbers of the integrations, and their middle in time."""
    times, epochs = np.full(len(opened.planes), np.nan), np.zeros(len(opened.planes), np.int64)
    if opened.times is not None:
        times, epochs = opened.times, epochs_of(opened.times.tolist())
    of = [opened.exposures.index(exposure) for exposure, _ in opened.planes]
    for number, exposure in enumerate(dict.fromkeys(of), start=1):
        chosen = np.flatnonzero(np.array(of) == exposure)
        yield number, int(epochs[chosen[0]]) + 1, chosen, float(times[chosen].mean())
    for epoch in np.unique(epochs):
        chosen = np.flatnonzero(epochs == epoch)
        yield 0, int(epoch) + 1, chosen, float(times[chosen].mean())


def _rates(opened: OpenSet, pixels: np.ndarray, tgroup: float) -> tuple[np.ndarray, np.ndarray]:
    """Return rate (DN/s) and weight of some pixels in each integration, float64 (integration, pixel).

    They are those that the search compares (:mod:`darkmask.search.maps.change_kernels`): the pipeline's, or the mean
    difference where there is none; in a pixel whose ramps are cut by jumps, what lies between the first and the last
    group.
    """
    y, x = pixels.T
    sci, groupdq = ramps_of(opened, pixels)
    groups = sci.shape[1]
    given = opened.rates_of(y, x).astype(np.float64)
    usable = ((groupdq & (SATURATED | DO_NOT_USE)) == 0) & np.isfinite(sci)
    jump = (groupdq & JUMP_DET) != 0
    alive = usable[:, 1:] & usable[:, :-1]
    quiet = alive & ~jump[:, 1:]
    steps = np.where(quiet, np.diff(np.where(usable, sci, 0).astype(np.float64), axis=1), 0)
    number = quiet.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = steps.sum(axis=1) / number / tgroup
    known = np.isfinite(given)
    rates = np.where(known, given, own)
    weights = np.where(known, _weights(usable, jump), 6.0 * number**2)
    cut = ((number <= (groups - 2) // 2) & (number + jump[:, 1:].sum(axis=1) == groups - 1)).any(axis=0)
    whole = (sci[:, -1].astype(np.float64) - sci[:, 0]) / ((groups - 1) * tgroup)
    rates = np.where(cut, whole, rates)
    weights = np.where(cut, 6.0 * (groups - 1) ** 2, weights)
    weights = np.where(np.isfinite(rates), weights, 0)
    return np.nan_to_num(rates), weights


def _weights(usable: np.ndarray, jump: np.ndarray) -> np.ndarray:
    """Return the sum of n (n**2 - 1) over the runs of n groups without a jump, (integration, pixel); at least 1."""
    run, total = np.zeros((2, usable.shape[0], usable.shape[2]))
    for g in range(usable.shape[1]):
        ends = ~usable[:, g] | jump[:, g]
        total += np.where(ends, run * (run**2 - 1), 0)
        run = np.where(ends, 0, run) + usable[:, g]
    return np.maximum(total + run * (run**2 - 1), 1)
