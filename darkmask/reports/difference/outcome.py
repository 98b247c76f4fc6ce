"""What two reports came to: causes, outcomes of checks, and counts of bad pixels."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from darkmask.reports.results import RecordedCheck

from .opened import OpenedReport


class Cause(NamedTuple):
    """Why a report failed.

    Attributes
    ----------
    checks : tuple of str
        The checks that failed of themselves.
    a, b : str
        What each report says of it; empty where it has no such cause.
    """

    checks: tuple[str, ...]
    a: str
    b: str

    @property
    def where(self) -> str:
        """In which of both it is: ``gone``, ``new`` or ``both``."""
        return "both" if self.a and self.b else "gone" if self.a else "new"


class Asked(NamedTuple):
    """A check that ended otherwise, measured another value or was judged by other bounds."""

    check: str
    a: str
    b: str


class Count(NamedTuple):
    """A number of bad pixels that differs; None where a report does not tell."""

    detector: str
    kind: str
    a: int | None
    b: int | None


def cause_differences(a: OpenedReport, b: OpenedReport) -> tuple[Cause, ...]:
    """Return all causes of both, those that are new first, then those that are gone.

    Two are one cause when a check failed of itself in both.
    """
    theirs, ours = _causes(a), _causes(b)
    found, kept = [], set()
    for checks, message in ours:
        same = [place for place, (before, _) in enumerate(theirs) if set(before) & set(checks)]
        kept |= set(same)
        found.append(Cause(checks, " ".join(theirs[place][1] for place in same), message))
    found += [Cause(checks, message, "") for place, (checks, message) in enumerate(theirs) if place not in kept]
    return tuple(sorted(found, key=lambda cause: ("new", "gone", "both").index(cause.where)))


def _causes(report: OpenedReport) -> list[tuple[tuple[str, ...], str]]:
    told = report.raw.get("causes")
    if isinstance(told, list) and all(isinstance(cause, dict) for cause in told):
        return [(tuple(map(str, cause.get("checks") or ())), str(cause.get("message", ""))) for cause in told]
    # Versions that knew no causes: each failure stands for itself.
    return [((_key(check),), check.message) for check in report.results.checks if check.failed]


def check_differences(a: OpenedReport, b: OpenedReport) -> tuple[Asked, ...]:
    """Return the checks that ended otherwise, measured another value or had other bounds, in the order of the first."""
    theirs, ours = ({_key(check): check for check in report.results.checks} for report in (a, b))
    found = []
    for key in dict.fromkeys((*theirs, *ours)):
        one, other = theirs.get(key), ours.get(key)
        # Not the words: these round.
        if _judged(one) != _judged(other):
            found.append(Asked(key, _said(one), _said(other)))
    return tuple(found)


def _key(check: RecordedCheck) -> str:
    return f"{check.id}-{check.detector}-{check.subarray}"


def _judged(check: RecordedCheck | None) -> tuple | None:
    return (check.outcome, check.measured, check.low, check.high) if check else None


def _said(check: RecordedCheck | None) -> str:
    if check is None:
        return "not asked"
    outcome = check.outcome.replace("_", " ")
    if check.measured is None:
        return outcome
    bounds = [f"{name} {bound:g}" for name, bound in (("from", check.low), ("to", check.high)) if bound is not None]
    return f"{outcome}, {check.measured:.6g} ({' '.join(bounds)})"


def count_differences(a: OpenedReport, b: OpenedReport) -> tuple[Count, ...]:
    """Return the numbers of bad pixels that differ, by detector and category, then by flag of the mask."""
    theirs, ours = _counts(a), _counts(b)
    return tuple(
        Count(*key, theirs.get(key), ours.get(key))
        for key in dict.fromkeys((*theirs, *ours))
        if theirs.get(key) != ours.get(key)
    )


def _counts(report: OpenedReport) -> dict[tuple[str, str], int]:
    told = report.raw.get("counts")
    return dict(_flat(told)) if isinstance(told, dict) else {}


def _flat(counts: dict[str, Any]) -> Iterator[tuple[tuple[str, str], int]]:
    for detector, tables in sorted(counts.items()):
        for name in ("categories", "mask"):
            table = tables.get(name) if isinstance(tables, dict) else None
            for kind, number in table.items() if isinstance(table, dict) else ():
                if isinstance(number, int):
                    yield (detector, kind), number
