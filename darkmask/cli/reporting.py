"""``darkmask index`` and ``remark``: all reports of a folder on one page, and remarks on one of them."""

import argparse
import getpass

from darkmask.core.given import folder

from .parsing import add_report


def add_index(commands) -> None:
    """Add the command that puts reports side by side."""
    index = commands.add_parser(
        "index",
        help="put all reports of a folder on one page, with what changed over time, and into tables",
        example="darkmask index reports",
    )
    index.add_argument(
        "reports", type=folder("reports"), metavar="REPORTS_DIR", help="what --reports named: the folder of reports"
    )
    index.set_defaults(run=_index)


def add_remark(commands) -> None:
    """Add the command that puts a remark on a report."""
    remark = commands.add_parser(
        "remark",
        help="put a remark beside a check of a report, before it is signed",
        example='darkmask remark reports/demo CNT-HOT "known since the ground test" --detector=NRCA1 --by="A. Judge"',
    )
    add_report(remark)
    remark.add_argument("check", metavar="ID", help="the criterion, e.g. CNT-HOT")
    remark.add_argument("text", metavar="TEXT", help="the remark, in quotation marks")
    remark.add_argument("--detector", metavar="NAME", help="of which detector (default: all of which it was asked)")
    remark.add_argument("--subarray", metavar="NAME", help="of which subarray (default: all of which it was asked)")
    remark.add_argument("--by", metavar="NAME", help="who remarks (default: the name of the account)")
    remark.set_defaults(run=_remark)


def _index(chosen: argparse.Namespace) -> int:
    from darkmask.reports.overview.write import PAGE, write_overview

    found = write_overview(chosen.reports)
    for report in found:
        for note in report.notes:
            print(f"{report.name}: {report.state}. {note}")
    passes = sum(report.counts_as_pass for report in found)
    print(f"{chosen.reports / PAGE}: {len(found)} reports, {passes} passed and accepted; tables lie beside it.")
    return 0


def _remark(chosen: argparse.Namespace) -> int:
    from darkmask.reports.remarks import RemarkError, remark

    by = chosen.by
    if by is None:
        try:
            by = getpass.getuser()
        except (OSError, KeyError, ImportError):
            raise RemarkError("This account has no name: give --by=NAME.") from None
    made = remark(chosen.report, chosen.check, chosen.text, by=by, detector=chosen.detector, subarray=chosen.subarray)
    print(f"{chosen.report}: remark of {made.by} on {made.place} stands on the page, a part of what will be signed.")
    return 0
