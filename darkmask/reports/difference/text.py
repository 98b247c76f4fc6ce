"""Two reports side by side, for a terminal."""

from collections.abc import Iterator

from darkmask.core.display import printable, text_table

from .compared import ReportDifference
from .outcome import Cause
from .pixels import PixelDifference

# Of each list; the page and the JSON file have more.
_SHOWN = 10
_MARKS = {"new": "only in B", "gone": "only in A", "both": "in both"}


def text_of(difference: ReportDifference) -> str:
    """Return what differs, in a few lines for each part."""
    return printable("\n".join(_lines(difference)))


def _lines(found: ReportDifference) -> Iterator[str]:
    yield f"A: {found.a}, verdict {found.verdicts[0]}"
    yield f"B: {found.b}, verdict {found.verdicts[1]}"
    if not found.differs:
        yield "Nothing differs."
        return
    if found.run:
        yield from ("", "How they were run")
        yield text_table(("", "A", "B"), found.run)
    else:
        yield from ("", "They were run alike.")
    if found.causes:
        yield from ("", "Why they failed")
        yield from (line for cause in found.causes for line in _cause(cause))
    if found.checks:
        yield from ("", f"Checks: {len(found.checks)} ended otherwise, measured another value or had other bounds")
        yield from _some([text_table(("", "A", "B"), found.checks[:_SHOWN])], len(found.checks))
    silent = [name for name in ("a", "b") if all(getattr(count, name) is None for count in found.counts)]
    if found.counts and silent:
        yield from ("", f"{silent[0].upper()} does not tell how many bad pixels of each kind there are.")
    elif found.counts:
        yield from ("", "Bad pixels, where the numbers differ")
        rows = [(c.detector, c.kind, *(_number(n) for n in (c.a, c.b)), _change(c.a, c.b)) for c in found.counts]
        yield text_table(("detector", "kind", "A", "B", "B - A"), rows)
    for which, names in zip("AB", found.altered, strict=True):
        if names:
            yield from ("", f"Of {which} these files are not what its run left, as its manifest.json lists them:")
            yield from _some([f"  {name}" for name in names[:_SHOWN]], len(names))
    if found.pixels:
        yield from ("", "Pixels (x, y from 0 in each set's own image)")
        yield from (line for part in found.pixels for line in _pixels(part))


def _cause(cause: Cause) -> Iterator[str]:
    yield f"  {_MARKS[cause.where]}: {cause.b or cause.a}"
    if cause.where == "both" and cause.a != cause.b:
        yield f"    (A: {cause.a})"


def _pixels(part: PixelDifference) -> Iterator[str]:
    where = f"{part.detector} {part.subarray}, {part.compared}"
    if part.problem:
        yield f"{where}: not compared, {part.problem}"
        return
    yield f"{where}: {part.gained} gained, {part.lost} lost, {part.changed} changed"
    rows = [(f"  ({x}, {y})", was or "good", now or "good") for x, y, was, now in part.first[:_SHOWN]]
    if rows:
        yield from _some([text_table(("  (x, y)", "A", "B"), rows)], part.gained + part.lost + part.changed)


def _some(lines: list[str], number: int) -> Iterator[str]:
    yield from lines
    if number > _SHOWN:
        yield f"  and {number - _SHOWN} more"


def _number(value: int | None) -> str:
    return "not told" if value is None else str(value)


def _change(a: int | None, b: int | None) -> str:
    return "" if a is None or b is None else f"{b - a:+d}"
