"""Two reports side by side, as one self-contained page."""

from xml.etree.ElementTree import Element

from darkmask.reports.markup import document, element, table

from .compared import ReportDifference
from .pixels import PixelDifference

_SHOWN = 200
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; color: #1a1a1a; background: #fff; }
main { max-width: 70rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
table { overflow-wrap: normal; }
.scrolls { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #ccc; }
"""
_WHERE = {"new": "only in B", "gone": "only in A", "both": "in both"}


def page_of(found: ReportDifference) -> str:
    """Return the page as HTML."""
    told = "Something differs." if found.differs else "Nothing differs."
    verdicts = table(
        "Verdicts", ("", "report", "verdict"), [("A", found.a, found.verdicts[0]), ("B", found.b, found.verdicts[1])]
    )
    parts = [element("h1", "Two reports side by side"), element("p", told), verdicts]
    parts += _part("How they were run", ("", "A", "B"), found.run, "They were run alike.")
    causes = [(_WHERE[cause.where], ", ".join(cause.checks), cause.a, cause.b) for cause in found.causes]
    parts += _part("Why they failed", ("", "checks", "A", "B"), causes, "Neither failed.")
    parts += _part(
        "Checks that ended otherwise, measured another value or had other bounds", ("", "A", "B"), found.checks, ""
    )
    counts = [(c.detector, c.kind, *("not told" if n is None else str(n) for n in (c.a, c.b))) for c in found.counts]
    parts += _part(
        "Bad pixels, where the numbers differ", ("detector", "kind", "A", "B"), counts, "All counts are equal."
    )
    altered = [(which, name) for which, names in zip("AB", found.altered, strict=True) for name in names]
    parts += _part("Files that are not what their run left", ("", "file"), altered, "")
    parts += [element for part in found.pixels for element in _pixels(part)]
    return document(f"{found.a} and {found.b}", _STYLE, parts)


def _part(title: str, header: tuple[str, ...], rows, otherwise: str) -> list[Element]:
    if rows:
        return [element("h2", title), table(title, header, rows)]
    return [element("h2", title), element("p", otherwise)] if otherwise else []


def _pixels(part: PixelDifference) -> list[Element]:
    title = f"{part.detector} {part.subarray}, {part.compared}"
    if part.problem:
        return [element("h2", title), element("p", f"Not compared: {part.problem}.")]
    said = f"{part.gained} pixels gained, {part.lost} lost, {part.changed} changed."
    rows = [(f"{x}, {y}", was or "good", now or "good") for x, y, was, now in part.first[:_SHOWN]]
    shown = f"The first {len(rows)}: x, y from 0"
    return [element("h2", title), element("p", said), *([table(shown, ("x, y", "A", "B"), rows)] if rows else [])]
