"""``darkmask explain``: why a pixel of a report is bad, or good."""

import argparse
from pathlib import Path

from darkmask.core.given import require_apart

from .parsing import add_report


def add_explain(commands) -> None:
    """Add the command."""
    explain = commands.add_parser(
        "explain",
        help="say why a pixel of a report is bad: its tests, ramps, neighbours, and what other masks say",
        example="darkmask explain reports/demo 100 57 --detector=NRCA1 --picture=pixel.png",
    )
    add_report(explain)
    explain.add_argument("x", type=int, metavar="X", help="column, counted from 0")
    explain.add_argument("y", type=int, metavar="Y", help="row, counted from 0")
    explain.add_argument("--detector", metavar="NAME", help="of which detector (needed where the report has several)")
    explain.add_argument(
        "--subarray", default="FULL", metavar="NAME", help="a subarray, whose pixels are counted from its own corner"
    )
    explain.add_argument("--picture", type=Path, metavar="FILE.png", help="draw ramps and neighbours into this file")
    explain.set_defaults(run=_explain)


def _explain(chosen: argparse.Namespace) -> int:
    require_apart({"REPORT_DIR": chosen.report, "--picture": chosen.picture}, inputs=1)
    from darkmask.core.atomic import replacing, storing
    from darkmask.reports.pixel import PixelError, reported_set

    explanation = reported_set(chosen.report, chosen.detector, chosen.subarray).explain(chosen.x, chosen.y)
    print(explanation)
    if chosen.picture is None:
        return 0
    if explanation.ramps is None:
        raise PixelError(f"{chosen.picture} was not drawn: without the darks there is no ramp to draw.")
    from darkmask.reports.pictures.pixel import pixel_picture

    png = pixel_picture(explanation)
    with storing(chosen.picture, "give another --picture"), replacing(chosen.picture) as temporary:
        temporary.write_bytes(png)
    return 0
