"""``darkmask submission``: an accepted report becomes a folder for CRDS."""

import argparse
from pathlib import Path

from darkmask.core.given import file, require_apart

from .parsing import add_report


def add_submission(commands) -> None:
    """Add the command."""
    about = "put the masks of an accepted report into a folder for CRDS, with its form filled in; nothing is sent"
    submission = commands.add_parser(
        "submission",
        help=about,
        example='darkmask submission reports/march to_crds --deliverer="A. Maker" --change-level=MODERATE',
    )
    add_report(submission, ", signed as accepted")
    submission.add_argument("out", type=Path, metavar="OUT", help="new folder of what is to be submitted")
    submission.add_argument("--deliverer", required=True, metavar="NAME", help="who submits the masks")
    submission.add_argument(
        "--change-level",
        required=True,
        choices=("SEVERE", "MODERATE", "TRIVIAL"),
        help="how far the new masks are expected to change science results",
    )
    submission.add_argument("--email", default="", metavar="TEXT", help="further addresses that CRDS writes to")
    submission.add_argument("--ticket", default="", metavar="TEXT", help="issue in which the delivery is discussed")
    submission.add_argument(
        "--replaces",
        type=file("the mask in CRDS"),
        action="append",
        default=[],
        metavar="FILE",
        help="mask in CRDS; may be repeated",
    )
    submission.set_defaults(run=_submission)


def _submission(chosen: argparse.Namespace) -> int:
    require_apart({"REPORT_DIR": chosen.report, "OUT": chosen.out}, inputs=1)
    from darkmask.reports.submission import Answers, prepare_submission

    answers = Answers(
        deliverer=chosen.deliverer,
        change_level=chosen.change_level,
        email=chosen.email,
        ticket=chosen.ticket,
        replaces=tuple(chosen.replaces),
    )
    for line in prepare_submission(chosen.report, chosen.out, answers):
        print(line)
    return 0
