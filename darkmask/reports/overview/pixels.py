"""The history of each pixel that was bad in one of several deliveries: since when, how often, and how its rate grew."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from darkmask.core.errors import DarkmaskError
from darkmask.masks.file import read_mask
from darkmask.masks.folder import scan_masks
from darkmask.masks.kinds import kinds_of_mask, read_kinds_and_undetermined
from darkmask.reports.history import DAYS_IN_A_YEAR

from .found import Report

GOOD, BAD, UNKNOWN = 0, 1, -1
# A rate that is extrapolated from less than this to a year is mostly ten times its own error.
SHORTEST_SPAN = 0.1
EVERY, APPEARED, GONE, CHANGES = "in every epoch", "appeared", "disappeared", "comes and goes"


@dataclass(frozen=True)
class PixelHistory:
    """The pixels of a detector that were bad at least once, ordered by row and then by column.

    Attributes
    ----------
    detector : str
    days : tuple of datetime.date
        Last day of observation of each epoch, in order.
    y, x : numpy.ndarray, shape (n,), int32
        Counted from 0 in the full frame.
    states : numpy.ndarray, shape (epochs, n), int8
        ``GOOD``, ``BAD``, or ``UNKNOWN`` where the search could not tell.
    kinds : tuple of str
        Categories of a search, or flags of masks.
    found : numpy.ndarray, shape (n,), uint32
        Bit k is set where a pixel was of ``kinds[k]`` in some epoch.
    growth, growth_error : numpy.ndarray, shape (n,), float64
        Change of its rate and its standard error, electron/s per year; NaN without two rates far enough apart.
    """

    detector: str
    days: tuple[date, ...]
    y: np.ndarray
    x: np.ndarray
    states: np.ndarray
    kinds: tuple[str, ...]
    found: np.ndarray
    growth: np.ndarray
    growth_error: np.ndarray

    @property
    def bad(self) -> np.ndarray:
        """Number of epochs in which each was bad."""
        return (self.states == BAD).sum(axis=0)

    @property
    def judged(self) -> np.ndarray:
        """Number of epochs in which the search could tell."""
        return (self.states != UNKNOWN).sum(axis=0)

    @property
    def first(self) -> np.ndarray:
        """Index of the first epoch in which each was bad."""
        return (self.states == BAD).argmax(axis=0)

    @property
    def last(self) -> np.ndarray:
        """Index of the last epoch in which each was bad."""
        return len(self.days) - 1 - (self.states == BAD)[::-1].argmax(axis=0)

    @property
    def changes(self) -> np.ndarray:
        """How often each turned bad or good, from one epoch in which the search could tell to the next."""
        known = self.states[0]
        number = np.zeros(known.shape, dtype=np.int32)
        for state in self.states[1:]:
            told = state != UNKNOWN
            number += told & (known != UNKNOWN) & (known != state)
            known = np.where(told, state, known)
        return number

    @property
    def behaviour(self) -> np.ndarray:
        """In words what each did: ``EVERY``, ``APPEARED``, ``GONE`` or ``CHANGES``."""
        changes, known = self.changes, self.states[0]
        for state in self.states[1:]:
            known = np.where(state != UNKNOWN, state, known)
        once = np.where(known == BAD, APPEARED, GONE)
        return np.where(changes == 0, EVERY, np.where(changes == 1, once, CHANGES))

    def names(self, index: int) -> str:
        """Return the kinds of a pixel, joined with commas."""
        return ",".join(kind for bit, kind in enumerate(self.kinds) if self.found[index] >> bit & 1)


@dataclass(frozen=True)
class _Epoch:
    """What one delivery says of a detector: flat indices of its pixels, and their rates where it has a catalogue."""

    day: date
    shape: tuple[int, int]
    bad: dict[str, np.ndarray]
    unknown: np.ndarray
    rates: tuple[np.ndarray, np.ndarray, np.ndarray] | None


def pixel_history(detector: str, reports: list[Report]) -> tuple[PixelHistory | None, list[str]]:
    """Return the history of a detector's pixels over deliveries of one kind, and what could not be used, in words.

    Parameters
    ----------
    detector : str
    reports : list of Report
        In the order of their days; those without a day are left out.

    Returns
    -------
    PixelHistory or None
        None when no delivery tells which pixels were bad.
    list of str
        A sentence for each delivery that could not be used.
    """
    epochs: list[_Epoch] = []
    problems = []
    for report in reports:
        if report.observed is None:
            problems.append(f"{report.name}: no day of observation is known, so that its pixels have no place in time.")
            continue
        try:
            epoch = _epoch(detector, report, report.observed[1])
        except DarkmaskError as error:
            problems.append(f"{report.name}: {str(error).replace(str(report.folder), report.name)}")
            continue
        if epochs and epoch.shape != epochs[0].shape:
            sizes = " and ".join(f"{shape[1]}x{shape[0]}" for shape in (epoch.shape, epochs[0].shape))
            problems.append(f"{report.name}: {detector} has {sizes} pixels, here and in the first delivery.")
            continue
        epochs.append(epoch)
    return (_history(detector, epochs) if epochs else None), problems


def _epoch(detector: str, report: Report, day: date) -> _Epoch:
    stem = f"{detector.lower()}_full"
    if report.kind is not None and report.kind.made_masks:
        image = report.file(f"masks/{stem}_categories.fits")
        if image is None:
            raise _unusable(detector, "category image")
        kinds, undetermined = read_kinds_and_undetermined(image)
    else:
        mask = report.file(f"masks/{scan_masks(report.folder / 'masks').path_of(detector).name}")
        if mask is None:
            raise _unusable(detector, "mask")
        kinds = kinds_of_mask(read_mask(mask).decoded)
        undetermined = np.zeros(next(iter(kinds.values())).shape, dtype=bool)
    shape = undetermined.shape
    bad = {kind: np.flatnonzero(there) for kind, there in kinds.items()}
    unknown = np.flatnonzero(undetermined & ~np.logical_or.reduce(list(kinds.values())))
    catalogue = report.file(f"catalogues/{stem}.ecsv")
    return _Epoch(day, shape, bad, unknown, read_rates(catalogue, shape) if catalogue else None)


def _unusable(detector: str, what: str) -> DarkmaskError:
    return DarkmaskError(
        f"the {what} of {detector} is gone, or is not the file that manifest.json lists: bring the folder back, or run "
        "the checks again."
    )


def read_rates(path: Path, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return the flat index of each pixel of a catalogue in the full frame, its rate and its error, electron/s.

    Parameters
    ----------
    path : Path
        Catalogue of a full frame (ECSV), read by its columns: astropy's reader takes ten times as long, and a folder
        holds hundreds of them.
    shape : (int, int)

    Returns
    -------
    tuple of numpy.ndarray, or None
        None for a file that is no such catalogue, or lists pixels outside the frame.
    """
    wanted = ("x", "y", "rate_electrons", "rate_electrons_error")
    try:
        with path.open(encoding="utf-8") as file:
            names = next(line for line in file if not line.startswith("#")).split()
            columns = [names.index(name) for name in wanted]
            rows = [line for line in file if line.strip()]
        # Of a catalogue without pixels numpy would warn.
        read = np.loadtxt(rows, usecols=columns, quotechar='"', ndmin=2, comments=None) if rows else np.zeros((0, 4))
    except (OSError, ValueError, StopIteration):
        return None
    x, y, rate, error = read.T
    inside = (x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])
    if not inside.all():
        return None
    return y.astype(np.int64) * shape[1] + x.astype(np.int64), rate, error


def _history(detector: str, epochs: list[_Epoch]) -> PixelHistory:
    kinds = tuple(dict.fromkeys(kind for epoch in epochs for kind in epoch.bad))
    pixels = np.unique(np.concatenate([where for epoch in epochs for where in epoch.bad.values()]))
    states = np.full((len(epochs), pixels.size), GOOD, dtype=np.int8)
    found = np.zeros(pixels.size, dtype=np.uint32)
    for state, epoch in zip(states, epochs, strict=True):
        state[np.isin(pixels, epoch.unknown)] = UNKNOWN
        for bit, kind in enumerate(kinds):
            here = np.searchsorted(pixels, epoch.bad.get(kind, np.zeros(0, dtype=np.int64)))
            state[here] = BAD
            found[here] |= np.uint32(1 << bit)
    y, x = np.divmod(pixels, epochs[0].shape[1])
    growth, error = _growth(pixels, epochs)
    days = tuple(epoch.day for epoch in epochs)
    return PixelHistory(detector, days, y.astype(np.int32), x.astype(np.int32), states, kinds, found, growth, error)


def _growth(pixels: np.ndarray, epochs: list[_Epoch]) -> tuple[np.ndarray, np.ndarray]:
    """Return the slope of each pixel's rate with time and its error, by least squares weighted by the rates' errors."""
    sums = np.zeros((5, pixels.size))
    earliest, latest = np.full(pixels.size, np.inf), np.full(pixels.size, -np.inf)
    for epoch in epochs:
        if epoch.rates is None:
            continue
        where, rate, error = epoch.rates
        usable = np.isfinite(rate) & (error > 0) & np.isin(where, pixels)
        at, rate, weight = np.searchsorted(pixels, where[usable]), rate[usable], error[usable] ** -2.0
        years = (epoch.day - epochs[0].day).days / DAYS_IN_A_YEAR
        one = np.ones_like(rate)
        sums[:, at] += weight * np.array([one, years * one, years**2 * one, rate, years * rate])
        earliest[at], latest[at] = np.minimum(earliest[at], years), np.maximum(latest[at], years)
    total, by_time, by_square, by_rate, by_both = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = by_square - by_time**2 / total
        far = latest - earliest >= SHORTEST_SPAN
        slope = np.where(far, (by_both - by_time * by_rate / total) / spread, np.nan)
        return slope, np.where(far, spread**-0.5, np.nan)
