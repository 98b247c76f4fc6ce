"""Draw two masks of the same pixels and their difference, side by side."""

import numpy as np

from darkmask.core.palette import COLOURS
from darkmask.core.stages import stage

from .canvas import new_figure, plain, png_bytes

_PANEL = 4.2


@stage("pictures")
def comparison_map(before: np.ndarray, now: np.ndarray, names: tuple[str, str], title: str) -> bytes:
    """Draw what two masks call bad, and what came and went.

    Parameters
    ----------
    before, now : numpy.ndarray, shape (y, x), bool
    names : tuple of str
        Names of the two masks.
    title : str

    Returns
    -------
    bytes
        PNG of three panels. Markers are larger than a pixel, and the more there are, the smaller they are.
    """
    rows, columns = before.shape
    figure = new_figure(3 * _PANEL + 0.3, _PANEL + 0.75)
    width, height = figure.get_size_inches()
    figure.suptitle(plain(title), fontsize=12)
    panels = (
        (names[0], ((before, "black", "bad", "o"),)),
        (names[1], ((now, "black", "bad", "o"),)),
        (
            "difference",
            (
                (before & now, "grey", "in both", "o"),
                (before & ~now, "blue", "gone", "v"),
                (now & ~before, "vermilion", "new", "^"),
            ),
        ),
    )
    area = float(np.clip(12.0 * (200 / max(int(np.count_nonzero(before | now)), 1)) ** 0.35, 2.0, 12.0))
    for number, (name, layers) in enumerate(panels):
        side = (_PANEL - 0.55) / width
        left = (0.45 + number * _PANEL) / width
        axes = figure.add_axes((left, 0.4 / height, side, (_PANEL - 0.55) / height))
        for where, colour, word, marker in layers:
            y, x = np.nonzero(where)
            label = f"{word}: {y.size}"
            axes.scatter(x, y, s=area, c=COLOURS[colour], marker=marker, linewidths=0, label=label)
        axes.set(title=plain(name), xlim=(-0.5, columns - 0.5), ylim=(-0.5, rows - 0.5))
        axes.title.set_size(10)
        axes.tick_params(labelsize=8)
        axes.legend(loc="upper right", fontsize=8, framealpha=0.9, markerscale=1.5)
    return png_bytes(figure)
