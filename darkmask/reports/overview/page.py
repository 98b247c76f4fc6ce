"""The page of all reports: what each came to, how the counts of bad pixels went, and which pixels come and go."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote
from xml.etree.ElementTree import Element

import numpy as np

from darkmask.core.display import counted
from darkmask.reports.files import PAGE
from darkmask.reports.markup import document, element, table

from .drawing import drawing, stroke
from .found import Kind, Report
from .pixels import APPEARED, BAD, CHANGES, EVERY, GONE, UNKNOWN, PixelHistory
from .trend import Trend, growth_per_year

STATES = {
    "pass": "✓ pass",
    "fail": "✗ fail",
    "incomplete": "! incomplete",
    "changed": "! changed since its run",
    "unreadable": "! unreadable",
}
_MARKS = {BAD: "●", UNKNOWN: "·"}
_SHOWN = 30


@dataclass(frozen=True)
class Group:
    """Deliveries that can be compared with one another.

    Attributes
    ----------
    kind : Kind
    reports : list of Report
        In the order of their days, those of the same darks once.
    trends : list of Trend
    histories : list of PixelHistory
    problems : list of str
        What could not be used, a sentence each.
    """

    kind: Kind
    reports: list[Report]
    trends: list[Trend]
    histories: list[PixelHistory]
    problems: list[str]


def page_of(name: str, reports: Sequence[Report], instead: dict[str, str], groups: Sequence[Group]) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    name : str
        Name of the folder of reports.
    reports : sequence of Report
    instead : dict of str to str
        By name of a report, the one of the same darks that is compared in its place.
    groups : sequence of Group
    """
    about = element(
        "p",
        "Made by ",
        element("code", "darkmask index"),
        " from the reports beside this page, and nothing else: delete and make it again as you like. The axis of time "
        "is the last day of observation. For queries: ",
        *_links(),
        class_="soft",
    )
    return document(
        f"NIRCam dark checks: deliveries in {name}",
        _STYLE,
        element("h1", f"Deliveries in {name}"),
        tiles(reports),
        deliveries(reports, instead),
        about,
        [section(group) for group in groups],
    )


def _links() -> list[str | Element]:
    names = ("index_deliveries.ecsv", "index_values.ecsv", "index_pixels.ecsv")
    parts: list[str | Element] = [element("a", names[0], href=names[0])]
    for name in names[1:]:
        parts += [", ", element("a", name, href=name)]
    return [*parts, "."]


def tiles(reports: Sequence[Report]) -> Element:
    """Return the numbers of reports by what may be done with them; each is counted once."""
    numbers = {
        "may be delivered": sum(report.counts_as_pass for report in reports),
        "passed, not accepted": sum(r.state == "pass" and not r.counts_as_pass for r in reports),
        "failed": sum(report.state == "fail" for report in reports),
        "incomplete": sum(report.state == "incomplete" for report in reports),
        "unreadable or changed": sum(report.state in ("unreadable", "changed") for report in reports),
    }
    items = [element("li", element("b", str(number)), " ", what) for what, number in numbers.items()]
    return element("ul", items, class_="tiles")


def deliveries(reports: Sequence[Report], instead: dict[str, str]) -> Element:
    """Return the table of reports."""
    rows = [
        (
            _linked(report),
            _days(report),
            element("span", STATES[report.state], class_=f"state {report.state}"),
            _standing(report),
            _counts(report),
            f"{report.results.criteria.name}" if report.results else "",
            [element("span", note) for note in _notes(report, instead)],
        )
        for report in reports
    ]
    header = ("delivery", "observed", "verdict", "signed", "checks", "criteria", "to be known")
    return table(f"{counted(len(reports), 'report')}, in the order of observation", header, rows)


def _linked(report: Report) -> str | Element:
    if not (report.folder / PAGE).is_file():
        return report.name
    return element("a", report.name, href=f"{quote(os.fsencode(report.name))}/{PAGE}")


def _days(report: Report) -> str:
    if report.observed is None:
        return "not known"
    first, last = report.observed
    return last.isoformat() if first == last else f"{first} to {last}"


def _standing(report: Report) -> str:
    if report.signed is None:
        return "a sign-off that cannot be read" if report.broken else "nobody has signed it"
    said = f"{report.signed.decision}ed by {report.signed.reviewer}, {report.signed.signed[:10]}"
    return f"void: {said}" if report.broken else said


def _counts(report: Report) -> str:
    if report.results is None:
        return ""
    checks = report.results.checks
    parts = [f"{sum(check.failed for check in checks)} failed of {len(checks)}"]
    for outcome, word in (("waived", "waived"), ("not_evaluated", "not evaluated")):
        number = sum(check.outcome == outcome and not check.failed for check in checks)
        parts += [f"{number} {word}"] if number else []
    return ", ".join(parts)


def _notes(report: Report, instead: dict[str, str]) -> list[str]:
    notes = ["Not for delivery."] if report.not_for_delivery else []
    if report.name in instead:
        notes.append(f"Its darks are those of {instead[report.name]}, which stands for both below.")
    return [*notes, *report.notes, *([f"Its sign-off does not hold: {report.broken}"] if report.broken else [])]


def section(group: Group) -> Element:
    """Return what became of the counts and of the pixels over deliveries of one kind."""
    places = list(dict.fromkeys(d for trend in group.trends for d, _ in trend.lines))
    kinds = [_only_full(trend) for trend in group.trends if trend.criterion.startswith("CNT-")]
    parts = [element("h2", f"Over time: {group.kind.words}")]
    days = sorted({report.observed[1].isoformat() for report in group.reports if report.observed})
    parts.append(element("p", f"{len(group.reports)} to compare, observed {_span(days)}.", class_="soft"))
    parts += [element("p", problem, class_="problem") for problem in group.problems]
    drawn = [figure(trend, places) for trend in kinds if trend.lines]
    if drawn:
        legend = [
            element("li", element("svg", _sample(index), width=30, height=8, aria_hidden="true"), " ", place)
            for index, place in enumerate(places)
        ]
        parts += [
            element("h3", "Share of pixels by category"),
            element("ul", legend, class_="legend"),
            element("div", drawn, class_="figures"),
        ]
    if group.histories:
        parts += [element("h3", "Pixels"), changes_table(group.histories)]
        parts += [pixels(history) for history in group.histories]
    return element("section", parts)


def _span(days: list[str]) -> str:
    if not days:
        return "on days that nothing tells"
    return f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}"


def _only_full(trend: Trend) -> Trend:
    return Trend(trend.criterion, trend.unit, {k: line for k, line in trend.lines.items() if k[1] == "FULL"})


def _sample(index: int) -> Element:
    return element("line", **{"x1": 0, "x2": 30, "y1": 4, "y2": 4, "stroke-width": 1.6}, **stroke(index))


def figure(trend: Trend, places: list[str]) -> Element:
    """Return a drawing of a trend with the same numbers in a table."""
    reports = list({point.report.name: point.report for line in trend.lines.values() for point in line}.values())
    told, rows = [], []
    for (detector, _), line in trend.lines.items():
        by_report = {point.report.name: point.value for point in line}
        growth = growth_per_year(line)
        told.append(f"{detector} {line[0].value:.3g} to {line[-1].value:.3g}")
        values = [f"{by_report[r.name]:.4g}" if r.name in by_report else "-" for r in reports]
        rows.append((detector, *values, "-" if growth is None else f"{growth:+.3g}"))
    label = f"{trend.criterion} over {counted(len(reports), 'epoch')}, first and last: {'; '.join(told)}"
    header = ("detector", *(f"{r.observed[1] if r.observed else ''} {r.name}" for r in reports), "growth per year")
    return element(
        "figure",
        element("figcaption", element("b", trend.criterion), f" {trend.unit}"),
        drawing(trend, places, label),
        element("details", element("summary", "Numbers"), table(trend.criterion, header, rows)),
    )


def changes_table(histories: Sequence[PixelHistory]) -> Element:
    """Return how many pixels did what, by detector."""
    rows = []
    for history in histories:
        behaviour = history.behaviour
        numbers = [str(int((behaviour == what).sum())) for what in (EVERY, APPEARED, GONE, CHANGES)]
        rows.append((history.detector, str(len(history.days)), str(history.x.size), *numbers))
    header = ("detector", "epochs", "bad in one at least", EVERY, APPEARED, GONE, CHANGES)
    return table("Pixels that were bad, and what they did", header, rows)


def pixels(history: PixelHistory) -> Element:
    """Return the pixels of a detector that changed most: those that come and go, then those whose rate grows most."""
    changes, bad, judged, behaviour = history.changes, history.bad, history.judged, history.behaviour
    certain = np.nan_to_num(np.abs(history.growth) / history.growth_error, nan=0.0, posinf=0.0)
    order = np.lexsort((history.x, history.y, -certain, -changes))
    told = [int(i) for i in order if changes[i] or certain[i] >= 5][:_SHOWN]
    rows = [
        (
            f"{history.x[i]}, {history.y[i]}",
            history.names(i),
            str(behaviour[i]),
            "".join(_MARKS.get(int(state), "○") for state in history.states[:, i]),
            history.days[history.first[i]].isoformat(),
            history.days[history.last[i]].isoformat(),
            f"{bad[i]} of {judged[i]}",
            _growth(history.growth[i], history.growth_error[i]),
        )
        for i in told
    ]
    header = (
        *("x, y", "found as", "did", "epochs (● bad, ○ good, · cannot tell)", "first seen", "last seen"),
        *("share of epochs", "growth, e-/s per year"),
    )
    said = f"{history.detector}: {len(rows)} of {history.x.size} pixels, those that changed most"
    return element("details", element("summary", said), table(said, header, rows))


def _growth(value: float, error: float) -> str:
    return f"{value:+.3g} ± {error:.2g}" if np.isfinite(value) else "-"


_STYLE = """
:root { color-scheme: light; }
body { margin: 0; font: 14px/1.45 system-ui, sans-serif; color: #1b1f24; background: #fff; }
main { max-width: 1240px; margin: 0 auto; padding: 16px; overflow-wrap: anywhere; }
h1 { font-size: 22px; } h2 { font-size: 18px; margin-top: 32px; } h3 { font-size: 15px; }
.soft { color: #57606a; font-size: 12.5px; } .problem { border-left: 6px solid #c04a00; padding-left: 10px; }
.tiles, .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 8px; padding: 0; }
.tiles li { border: 1px solid #d0d7de; border-left: 6px solid #57606a; border-radius: 6px; padding: 6px 12px; }
.tiles li:first-child { border-left-color: #00664b; } .tiles b { font-size: 18px; }
.figures { display: flex; flex-wrap: wrap; gap: 14px; } figure { margin: 0; max-width: 300px; }
.scrolls { overflow-x: auto; } table { border-collapse: collapse; font-size: 12.5px; overflow-wrap: normal; }
td, tbody th { overflow-wrap: break-word; max-width: 44em; } .state { white-space: nowrap; }
caption { text-align: left; color: #57606a; padding: 4px 0; }
th, td { border-bottom: 1px solid #d0d7de; padding: 4px 8px; text-align: left; vertical-align: top; }
td span { display: block; } a { color: #0a4b86; }
.state { font-weight: 700; color: #6d2257; } .state.pass { color: #00664b; } .state.fail { color: #a33c00; }
"""
