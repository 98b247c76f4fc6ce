"""Draw ramps of some bad pixels of each category, side by side."""

from typing import TYPE_CHECKING

import numpy as np

from darkmask.core.palette import COLOURS, STYLES
from darkmask.core.stages import stage
from darkmask.search.maps.layout import JUMP_DET, SATURATED

from .canvas import new_figure, plain, png_bytes

if TYPE_CHECKING:
    # With it come the kernels of a search.
    from darkmask.build.examples import Examples

_COLUMNS = 4
# Box of the ramp in a panel of width and height 1; the rest holds two lines of text.
_LEFT, _RIGHT, _LOW, _HIGH = 0.03, 0.97, 0.06, 0.72


@stage("pictures")
def ramp_gallery(examples: "Examples", title: str) -> bytes:
    """Draw one ramp of each example, a row for each category.

    Returns
    -------
    bytes
        PNG. Every ramp fills its box, whose text gives the values at its bottom and top. Groups flagged as jumps have a
        line through the box, saturated ones a cross.
    """
    rows = [category for category in STYLES if (examples.category == category.value).any()]
    # All panels share one pair of axes: matplotlib axes for each would take most of the time of a report.
    figure = new_figure(11.0, 0.95 * max(len(rows), 1) + 0.75)
    height = figure.get_size_inches()[1]
    axes = figure.add_axes((0.115, 0.0, 0.88, 1 - 0.62 / height))
    axes.set(xlim=(0, _COLUMNS), ylim=(max(len(rows), 1), 0))
    axes.axis("off")
    figure.text(0.01, 1 - 0.25 / height, plain(title), fontsize=12)
    figure.text(
        0.01,
        1 - 0.48 / height,
        "From the strongest (left) to the faintest of a category; red line: flagged as a jump, cross: saturated.",
        fontsize=9,
        color="#57606a",
    )
    for row, category in enumerate(rows):
        axes.text(-0.02, row + 0.45, category.value.replace("_", " "), ha="right", va="center", fontsize=10)
        for column, number in enumerate(np.flatnonzero(examples.category == category.value)):
            _panel(axes, column, row, examples, number)
    return png_bytes(figure)


def _panel(axes, column: int, row: int, examples: "Examples", number: np.integer) -> None:
    ramp, groupdq = examples.ramp[number].astype(float), examples.groupdq[number]
    place = f"x {examples.x[number]}, y {examples.y[number]}"
    finite = np.isfinite(ramp)
    low, high = (ramp[finite].min(), ramp[finite].max()) if finite.any() else (np.nan, np.nan)
    said = f"{place}: {low:.0f} to {high:.0f} DN" if finite.any() else f"{place}: no finite value"
    axes.text(column + _LEFT, row + 0.2, said, fontsize=7.5)
    left, right, top, bottom = column + _LEFT, column + _RIGHT, row + 1 - _HIGH, row + 1 - _LOW
    axes.plot((left, right, right, left, left), (top, top, bottom, bottom, top), color="#c8ced4", linewidth=0.8)
    if not finite.any():
        return
    x = left + (right - left) * (np.arange(ramp.size) + 0.5) / ramp.size
    y = bottom - (bottom - top) * (0.06 + 0.88 * (ramp - low) / max(high - low, 1e-6))
    for place_x in x[(groupdq & JUMP_DET) != 0]:
        axes.plot((place_x, place_x), (top, bottom), color=COLOURS["vermilion"], linewidth=0.8)
    axes.plot(x, y, color=COLOURS["blue"], linewidth=1.1, marker=".", markersize=2.5)
    saturated = (groupdq & SATURATED) != 0
    axes.plot(x[saturated], y[saturated], linestyle="", marker="x", markersize=3.5, color="black")
