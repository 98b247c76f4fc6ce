"""How two reports were made: darks, inputs, criteria, search, versions and parameters that differ."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from darkmask.reports.how_run import made_by_run

from .opened import OpenedReport

# As long as a commit's name is usually shown.
_DIGITS = 8
# Two deliveries share no file, and a list of all of them would hide what else differs.
_MOST = 6
NOT_TOLD, NONE = "not told", "none"


class Otherwise(NamedTuple):
    """Something that differs in how two reports were made.

    Attributes
    ----------
    what : str
    a, b : str
        What it was in each.
    """

    what: str
    a: str
    b: str


def run_differences(a: OpenedReport, b: OpenedReport) -> tuple[Otherwise, ...]:
    """Return what differs in how two reports were made, paths and times aside.

    Parameters
    ----------
    a, b : OpenedReport
    """
    rows = [Otherwise(what, pair[0], pair[1]) for what, pair in _facts(a, b) if pair[0] != pair[1]]
    for name, said in (
        ("inputs", "darks"),
        ("ground", "ground"),
        ("base", "mask in force (--base)"),
        ("manual_flags", "flagged by hand"),
        ("telemetry", "telemetry"),
    ):
        rows += _files(said, *(_inputs(report, name) for report in (a, b)))
    rows += _values("version of ", a.raw.get("versions"), b.raw.get("versions"), both=False)
    # A parameter that only one version knows says nothing that the version does not say.
    rows += _values("parameter ", a.manifest.get("parameters"), b.manifest.get("parameters"), both=True)
    return tuple(rows)


def _facts(a: OpenedReport, b: OpenedReport) -> Iterator[tuple[str, tuple[str, ...]]]:
    pair = a.results, b.results
    yield "delivery", tuple(results.delivery.name for results in pair)
    yield "observed", tuple(_days(results) for results in pair)
    yield "simulated", tuple("yes" if results.delivery.simulated else "no" for results in pair)
    yield "detectors judged", tuple(", ".join(sorted(results.judged)) or NONE for results in pair)
    yield "frame", tuple(str(results.frame or NOT_TOLD) for results in pair)
    yield "masks", tuple(_made(report) for report in (a, b))
    yield "engine", tuple(results.engine.name for results in pair)
    yield "search", tuple(results.engine.search for results in pair)
    yield "criteria", tuple(f"{results.criteria.name} ({results.criteria.sha256[:_DIGITS]})" for results in pair)
    yield "waivers", tuple(_waivers(report) for report in (a, b))
    yield "whole run", tuple("yes" if results.complete else "no" for results in pair)


def _days(results) -> str:
    observed = results.delivery.observed
    return f"{observed.first} to {observed.last}" if observed else NOT_TOLD


def _made(report: OpenedReport) -> str:
    names = report.table("masks")
    if not names:
        return NOT_TOLD
    return "made by the run" if made_by_run(names) else "given"


def _waivers(report: OpenedReport) -> str:
    given = report.manifest.get("waivers")
    if isinstance(given, dict):
        given = given.get("sha256", given)
    return str(given)[:_DIGITS] if given else NONE


def _inputs(report: OpenedReport, name: str) -> Mapping[str, Any] | None:
    """Return SHA-256 by name of what went in; None where nothing tells. Masks in force have a table of their own."""
    if name not in report.manifest:
        return None
    files = report.table(name)
    return {file: digest for file, digest in files.items() if "/" not in file} if name == "inputs" else files


def _files(said: str, a: Mapping[str, Any] | None, b: Mapping[str, Any] | None) -> Iterator[Otherwise]:
    """Yield a row for each file that differs, or one for all of them where one report has none."""
    if a == b:
        return
    if not a or not b:
        yield Otherwise(said, *(NOT_TOLD if files is None else _number(files) for files in (a, b)))
        return
    differing = [name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]
    if len(differing) > _MOST:
        yield Otherwise(said, *(f"{_number(files)}, {len(differing)} differ or are in one alone" for files in (a, b)))
        return
    for name in differing:
        digests = (str(files[name])[:_DIGITS] if name in files else "not there" for files in (a, b))
        yield Otherwise(f"{said} {name}", *digests)


def _number(files: Mapping[str, Any]) -> str:
    return NONE if not files else "1 file" if len(files) == 1 else f"{len(files)} files"


def _values(said: str, a: Any, b: Any, *, both: bool) -> Iterator[Otherwise]:
    if not isinstance(a, dict) or not isinstance(b, dict):
        return
    for name in sorted(a.keys() & b.keys() if both else a.keys() | b.keys()):
        if a.get(name) != b.get(name):
            yield Otherwise(f"{said}{name}", *(str(values.get(name, NOT_TOLD)) for values in (a, b)))
