"""A criterion over the days of observation, as a small drawing that its label and a table say in words too."""

from collections.abc import Callable
from datetime import date
from xml.etree.ElementTree import Element

from darkmask.core.palette import COLOURS
from darkmask.reports.markup import element

from .trend import Trend

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 300, 150, 52, 10, 8, 20
# A detector keeps its colour and mark in every drawing: colour alone need not tell apart lines that cross.
_COLOURS = [COLOURS[name] for name in ("blue", "orange", "green", "vermilion", "purple")]
_DASHES = (None, "5 3")


def stroke(index: int) -> dict[str, str | None]:
    """Return how the line of a place is drawn, by the place's number."""
    return {
        "stroke": _COLOURS[index % len(_COLOURS)],
        "stroke-dasharray": _DASHES[index // len(_COLOURS) % len(_DASHES)],
    }


def drawing(trend: Trend, places: list[str], label: str) -> Element:
    """Return a trend as an SVG; a hollow mark is a delivery that did not pass.

    Parameters
    ----------
    trend : Trend
        With one line at least.
    places : list of str
        Detectors in the order of their colours.
    label : str
        What the drawing shows, in words.
    """
    days = trend.days
    values = [point.value for line in trend.lines.values() for point in line]
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    x, y = _across(days[0], days[-1]), _down(low - room, high + room)
    children = [_frame()]
    for (detector, _), line in trend.lines.items():
        look = stroke(places.index(detector))
        points = " ".join(f"{x(point.day):.1f},{y(point.value):.1f}" for point in line)
        children.append(element("polyline", points=points, fill="none", stroke_width=1.6, **look))
        for point in line:
            said = element("title", f"{detector}, {point.day}, {point.report.name}: {point.value:.4g}")
            fill = look["stroke"] if point.report.state == "pass" else "#fff"
            where = {"cx": f"{x(point.day):.1f}", "cy": f"{y(point.value):.1f}"}
            children.append(element("circle", said, r=2.4, fill=fill, stroke=look["stroke"], **where))
    marks: list[tuple[float, float, str, str]] = [
        (LEFT - 4, y(value) + 3, "end", f"{value:.3g}") for value in dict.fromkeys((low, high))
    ]
    marks += [(x(days[0]), HEIGHT - 5, "start" if days[0] != days[-1] else "middle", days[0].isoformat())]
    marks += [(x(days[-1]), HEIGHT - 5, "end", days[-1].isoformat())] if days[0] != days[-1] else []
    children += [
        element("text", text, x=f"{left:.1f}", y=f"{top:.1f}", text_anchor=anchor, font_size=10, fill="#1b1f24")
        for left, top, anchor, text in marks
    ]
    return element(
        *("svg", children), role="img", aria_label=label, viewBox=f"0 0 {WIDTH} {HEIGHT}", width=WIDTH, height=HEIGHT
    )


def _frame() -> Element:
    size = {"width": WIDTH - LEFT - RIGHT, "height": HEIGHT - TOP - BOTTOM}
    return element("rect", x=LEFT, y=TOP, **size, fill="none", stroke="#d0d7de")


def _across(first: date, last: date) -> Callable[[date], float]:
    days = (last - first).days
    inner = WIDTH - LEFT - RIGHT - 12
    return lambda day: LEFT + 6 + inner * ((day - first).days / days if days else 0.5)


def _down(low: float, high: float) -> Callable[[float], float]:
    return lambda value: TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)
