"""``darkmask diff``: two reports side by side."""

import argparse
import json
from pathlib import Path

from darkmask.core.given import folder, require_apart

from .parsing import comparing

_ABOUT = """\
Exit code: 0 when nothing differs, 1 when something does or a part cannot be compared, 4 when one is no report. Paths,
times and who signed do not count."""


def add_diff(commands) -> None:
    """Add the command."""
    diff = commands.add_parser(
        "diff",
        help="put two reports side by side: how they were run, why they failed, counts and pixels",
        description=_ABOUT,
        example="darkmask diff reports/march reports/april --html=changes.html",
    )
    diff.add_argument("first", type=folder("a report"), metavar="REPORT_A", help="reports/<delivery>")
    diff.add_argument("second", type=folder("a report"), metavar="REPORT_B", help="another one")
    diff.add_argument("--html", type=Path, metavar="FILE", help="write a page of it as well")
    diff.add_argument("--json", type=Path, metavar="FILE", help="write it for programs, with more of the pixels")
    diff.set_defaults(run=_diff)


def _diff(chosen: argparse.Namespace) -> int:
    require_apart(
        {"REPORT_A": chosen.first, "REPORT_B": chosen.second, "--html": chosen.html, "--json": chosen.json}, inputs=2
    )
    from darkmask.core.atomic import storing, write_text
    from darkmask.reports.difference import compare_reports, page_of, text_of

    with comparing():
        found = compare_reports(chosen.first, chosen.second)
    written = (
        (chosen.html, page_of),
        (chosen.json, lambda difference: json.dumps(difference.to_json(), indent=1) + "\n"),
    )
    for path, form in written:
        if path is not None:
            with storing(path, "give another file"):
                write_text(path, form(found))
    print(text_of(found))
    return int(found.differs)
