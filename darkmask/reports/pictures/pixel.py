"""Draw one pixel: its ramps of all integrations with their jumps, and the rates of its neighbours."""

import math

import numpy as np

from darkmask.build.explanation import AROUND, Explanation, Ramps
from darkmask.core.palette import COLOURS
from darkmask.core.stages import stage

from .canvas import new_figure, plain, png_bytes

_WIDTH, _HEIGHT = 11.0, 3.6
# A picture of more integrations stands in more lines.
_IN_A_LINE = 12


@stage("pictures")
def pixel_picture(explanation: Explanation) -> bytes:
    """Draw the ramps and the neighbours of a pixel.

    Parameters
    ----------
    explanation : Explanation
        With ramps and neighbours.

    Returns
    -------
    bytes
        PNG. Integrations stand one after another in the order of time; groups flagged as jumps have a line, saturated
        ones a cross.

    Raises
    ------
    ValueError
        When the explanation has no ramps.
    """
    if explanation.ramps is None:
        raise ValueError(f"{explanation.caption}: there are no ramps to draw")
    lines = max(1, math.ceil(len(explanation.ramps.names) / _IN_A_LINE))
    figure = new_figure(_WIDTH, _HEIGHT + 1.9 * (lines - 1))
    height = figure.get_size_inches()[1]
    figure.text(0.01, 1 - 0.28 / height, plain(explanation.caption), fontsize=12)
    figure.text(0.01, 1 - 0.5 / height, "Red line: flagged as a jump; cross: saturated.", fontsize=9, color="#57606a")
    for line in range(lines):
        panel = (height - 0.75) / lines
        axes = figure.add_axes((0.07, (0.42 + (lines - 1 - line) * panel) / height, 0.62, (panel - 0.5) / height))
        some = slice(line * _IN_A_LINE, (line + 1) * _IN_A_LINE)
        _draw_ramps(axes, explanation.ramps, some)
    _draw_neighbours(figure.add_axes((0.76, 0.16, 0.22, 0.58)), explanation)
    return png_bytes(figure)


def _draw_ramps(axes, ramps: Ramps, some: slice) -> None:
    groups = ramps.counts.shape[1]
    for place, number in enumerate(range(len(ramps.names))[some]):
        x = place * (groups + 1) + np.arange(groups)
        counts = ramps.counts[number].astype(float)
        for at in x[ramps.jumps[number]]:
            axes.axvline(at, color=COLOURS["vermilion"], linewidth=0.8)
        axes.plot(x, counts, color=COLOURS["blue"], linewidth=1.0, marker=".", markersize=2.5)
        full = ramps.saturated[number]
        axes.plot(x[full], counts[full], linestyle="", marker="x", markersize=4, color="black")
        axes.text(x[0], 1.02, str(number + 1), fontsize=8, transform=axes.get_xaxis_transform())
    axes.set_ylabel("DN", fontsize=8)
    axes.set_xlabel("groups of each integration, one after another", fontsize=8)
    axes.set_xticks([])
    axes.tick_params(labelsize=8)


def _draw_neighbours(axes, explanation: Explanation) -> None:
    head, rows = explanation.neighbours()
    axes.set_title(plain(AROUND.replace(", ", ",\n")), fontsize=8)
    axes.axis("off")
    table = axes.table([list(row[1:]) for row in rows], rowLabels=[row[0] for row in rows], colLabels=list(head[1:]),
                       loc="center", cellLoc="center")  # fmt: skip
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    table.scale(1, 1.8)
    table[2, 1].set_text_props(weight="bold")
