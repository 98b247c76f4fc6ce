"""What the page of all reports shows, and more of it, as ECSV tables for queries: made from the reports, deletable."""

from collections.abc import Iterable, Sequence

import numpy as np

from darkmask.core.display import printable

from .found import Kind, Report
from .pixels import PixelHistory


def deliveries_table(reports: Sequence[Report], instead: dict[str, str]):
    """Return a table with one row for each report, whatever its state.

    Parameters
    ----------
    reports : sequence of Report
    instead : dict of str to str
        By name of a report, the one of the same darks that is compared in its place.

    Returns
    -------
    astropy.table.Table
    """
    rows = [_delivery(report, instead.get(report.name, "")) for report in reports]
    return _table(
        {
            "report": ("folder of the report", str),
            "state": ("pass, fail, incomplete, changed since its run, or unreadable", str),
            "standing": ("accepted, rejected, unsigned, or void: a sign-off that does not hold", str),
            "counts_as_pass": ("passed, accepted, as it was signed, and of real darks", bool),
            "not_for_delivery": ("of simulated darks, or judged by the bounds of the demo", bool),
            "first_day": ("day of the first exposure", str),
            "last_day": ("day of the last exposure", str),
            "finished": ("end of the run, which is no time of observation", str),
            "reviewer": ("who signed, as it was typed", str),
            "signed": ("when", str),
            "compared_as": ("report of the same darks that is compared in its place", str),
            "checks": ("number of checks", np.int32),
            "failed": ("number of checks that keep the verdict from being a pass", np.int32),
            "criteria": ("bounds that it was judged by", str),
            "engine": ("engine, search and version", str),
            "notes": ("what is wrong with it, or to be known", str),
        },
        rows,
    )


def values_table(reports: Sequence[Report]):
    """Return a table with one row for each measured value of reports that are whole and as their run left them."""
    rows = [
        (
            *(report.name, report.observed[1].isoformat() if report.observed else "", check.id, check.detector),
            *(check.subarray, check.measured, _or_nan(check.low), _or_nan(check.high), check.unit, check.outcome),
        )
        for report in reports
        if report.is_measured and report.results
        for check in report.results.checks
        if check.measured is not None
    ]
    return _table(
        {
            "report": ("folder of the report", str),
            "last_day": ("day of the last exposure", str),
            "criterion": ("question", str),
            "detector": ("of what", str),
            "subarray": ("of what", str),
            "measured": ("measured value", np.float64),
            "low": ("lowest accepted value", np.float64),
            "high": ("highest accepted value", np.float64),
            "unit": ("unit of the three", str),
            "outcome": ("of the check", str),
        },
        rows,
    )


def pixels_table(histories: Iterable[tuple[Kind, PixelHistory]]):
    """Return a table with one row for each pixel that was bad in some delivery."""
    rows = [row for kind, history in histories for row in _pixels(kind, history)]
    return _table(
        {
            "kind": ("what the compared deliveries have in common", str),
            "detector": ("value of DETECTOR", str),
            "x": ("column in the full frame, counted from 0", np.int32),
            "y": ("row in the full frame, counted from 0", np.int32),
            "found": ("categories of searches, or flags of masks, of all epochs together", str),
            "behaviour": ("over the epochs in which the search could tell", str),
            "first_seen": ("last day of the first epoch in which it was bad", str),
            "last_seen": ("last day of the last epoch in which it was bad", str),
            "epochs_bad": ("epochs in which it was bad", np.int32),
            "epochs_judged": ("epochs in which the search could tell", np.int32),
            "share": ("epochs_bad / epochs_judged", np.float64),
            "changes": ("times that it turned bad or good", np.int32),
            "growth": ("of its rate, electron/s per year; NaN without two rates a tenth of a year apart", np.float64),
            "growth_error": ("standard error of growth, electron/s per year", np.float64),
        },
        rows,
    )


def _delivery(report: Report, instead: str) -> tuple:
    results, signed = report.results, report.signed
    days = [day.isoformat() for day in report.observed] if report.observed else ["", ""]
    told = (
        (len(results.checks), sum(check.failed for check in results.checks), results.criteria.name)
        if results
        else (0, 0, "")
    )
    engine = f"{results.engine.name} {results.engine.search} {results.engine.version}" if results else ""
    notes = " ".join(filter(None, (*report.notes, report.broken)))
    return (
        *(report.name, report.state, report.standing, report.counts_as_pass, report.not_for_delivery, *days),
        *(results.finished.isoformat() if results else "", signed.reviewer if signed else ""),
        *(signed.signed if signed else "", instead, *told, engine, notes),
    )


def _pixels(kind: Kind, history: PixelHistory) -> Iterable[tuple]:
    days = [day.isoformat() for day in history.days]
    bad, judged, first, last = history.bad, history.judged, history.first, history.last
    changes, behaviour = history.changes, history.behaviour
    for i in range(history.x.size):
        yield (
            *(kind.words, history.detector, history.x[i], history.y[i], history.names(i), str(behaviour[i])),
            *(days[first[i]], days[last[i]], bad[i], judged[i], bad[i] / max(judged[i], 1), changes[i]),
            *(history.growth[i], history.growth_error[i]),
        )


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _table(columns: dict[str, tuple[str, type]], rows: list[tuple]):
    from astropy.table import Table

    by_column = zip(*rows, strict=True) if rows else ([] for _ in columns)
    table = Table()
    for (name, (description, kind)), values in zip(columns.items(), by_column, strict=True):
        made = [" ".join(printable(value).split()) for value in values] if kind is str else list(values)
        table[name] = np.array(made, dtype=kind)
        table[name].description = description
    return table
