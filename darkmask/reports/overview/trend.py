"""What each criterion measured over deliveries of one kind, and how fast it grows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np

from darkmask.reports.history import DAYS_IN_A_YEAR

from .found import Report
from .pixels import SHORTEST_SPAN

Place = tuple[str, str]


@dataclass(frozen=True)
class Point:
    """A measured value of one delivery.

    Attributes
    ----------
    report : Report
    day : datetime.date
        Last day of its observations.
    value : float
    """

    report: Report
    day: date
    value: float


@dataclass(frozen=True)
class Trend:
    """A criterion over deliveries of one kind.

    Attributes
    ----------
    criterion, unit : str
    lines : dict of (str, str) to list of Point
        By detector and subarray, in the order of the days.
    """

    criterion: str
    unit: str
    lines: dict[Place, list[Point]]

    @property
    def days(self) -> list[date]:
        """The days of all points, in order."""
        return sorted({point.day for line in self.lines.values() for point in line})


def trends(reports: Iterable[Report]) -> list[Trend]:
    """Return every criterion that was measured in deliveries whose day is known, in the order of their results.

    Parameters
    ----------
    reports : iterable of Report
        Of one kind, in the order of their days.
    """
    found: dict[str, Trend] = {}
    for report in reports:
        if report.observed is None or report.results is None:
            continue
        for check in report.results.checks:
            if check.measured is not None:
                trend = found.setdefault(check.id, Trend(check.id, check.unit, {}))
                line = trend.lines.setdefault((check.detector, check.subarray), [])
                line.append(Point(report, report.observed[1], check.measured))
    return list(found.values())


def growth_per_year(line: list[Point]) -> float | None:
    """Return the slope of values with time by least squares, per year; None when they span too little of one."""
    years = np.array([(point.day - line[0].day).days / DAYS_IN_A_YEAR for point in line])
    if not line or np.ptp(years) < SHORTEST_SPAN:
        return None
    values = np.array([point.value for point in line])
    away = years - years.mean()
    return float((away * (values - values.mean())).sum() / (away**2).sum())
