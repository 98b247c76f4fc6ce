"""``darkmask sign`` and ``verify``: a reviewer's decision on a report."""

import argparse
import sys

from .parsing import add_report


def add_sign(commands) -> None:
    """Add the command that records a decision."""
    sign = commands.add_parser(
        "sign",
        help="record a reviewer's decision on a report, bound to every file of it",
        example='darkmask sign reports/demo --reviewer="A. Reviewer" --decision=accept --comment="as in March"',
    )
    add_report(sign)
    sign.add_argument("--reviewer", required=True, metavar="NAME", help="who decides")
    sign.add_argument("--decision", required=True, choices=("accept", "reject"), help="whether the masks may be used")
    sign.add_argument("--comment", required=True, metavar="TEXT", help="why")
    sign.set_defaults(run=_sign)


def add_verify(commands) -> None:
    """Add the command that looks whether a report is what was signed."""
    verify = commands.add_parser(
        "verify",
        help="say whether a signed report is still what was signed",
        example="darkmask verify reports/demo",
    )
    add_report(verify)
    verify.set_defaults(run=_verify)


def _sign(chosen: argparse.Namespace) -> int:
    from darkmask.reports.signoff import sign

    record = sign(chosen.report, reviewer=chosen.reviewer, decision=chosen.decision, comment=chosen.comment)
    print(f"{chosen.report}: {record.decision}ed by {record.reviewer}, {len(record.files)} files, at {record.signed}.")
    return 0


def _verify(chosen: argparse.Namespace) -> int:
    from darkmask.reports.signoff import read_signoff, verify

    problems = verify(chosen.report)
    for sentence in problems:
        print(f"{chosen.report}: {sentence}", file=sys.stderr)
    if problems:
        return 1
    record = read_signoff(chosen.report.absolute())
    print(f"{chosen.report}: everything is as {record.reviewer} {record.decision}ed it at {record.signed}.")
    return 0
