"""Make the page and the tables of all reports of a folder."""

import os
from pathlib import Path

from darkmask.core.atomic import storing, write_text
from darkmask.core.ecsv import write_ecsv

from .found import Kind, Report, detectors_of, find_reports, once
from .page import Group, page_of
from .pixels import pixel_history
from .tables import deliveries_table, pixels_table, values_table
from .trend import trends

PAGE, DELIVERIES, VALUES, PIXELS = "index.html", "index_deliveries.ecsv", "index_values.ecsv", "index_pixels.ecsv"


def write_overview(folder: Path) -> list[Report]:
    """Write ``index.html`` and three tables (ECSV) into a folder of reports, from the reports and nothing else.

    The same reports give the same bytes. Nothing of a report is changed.

    Parameters
    ----------
    folder : Path
        What ``--reports`` named.

    Returns
    -------
    list of Report
        What was found, in the order of observation.

    Raises
    ------
    OverviewError
        When it is no folder, or holds no report.
    StorageError
        When the page or a table cannot be written.
    """
    folder = Path(os.path.abspath(folder))
    reports = find_reports(folder)
    by_kind: dict[Kind, list[Report]] = {}
    for report in reports:
        if report.is_measured and report.kind is not None:
            by_kind.setdefault(report.kind, []).append(report)
    groups: list[Group] = []
    instead: dict[str, str] = {}
    # Real darks first, then those that most deliveries are of.
    for kind in sorted(by_kind, key=lambda one: (one.simulated, -len(by_kind[one]), one.words)):
        group, others = _group(kind, by_kind[kind])
        groups.append(group)
        instead |= others
    with storing(folder, "make the folder of reports writable"):
        write_ecsv(deliveries_table(reports, instead), folder / DELIVERIES)
        write_ecsv(values_table(reports), folder / VALUES)
        write_ecsv(pixels_table((g.kind, history) for g in groups for history in g.histories), folder / PIXELS)
        write_text(folder / PAGE, page_of(folder.name, reports, instead, groups))
    return reports


def _group(kind: Kind, reports: list[Report]) -> tuple[Group, dict[str, str]]:
    compared, instead = once(reports)
    histories, problems = [], []
    for detector in detectors_of(compared):
        history, said = pixel_history(detector, [r for r in compared if r.results and detector in r.results.judged])
        problems += said
        if history is not None:
            histories.append(history)
    return Group(kind, compared, trends(compared), histories, list(dict.fromkeys(problems))), instead
