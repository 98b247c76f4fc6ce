"""Bad pixels, coloured by category, on the image of rates that they were found in."""

import numpy as np

from ..flags import Category, in_category
from .canvas import COLOURS, new_figure, plain, png_bytes

# Drawn in this order, so that the rarer and graver lie on top. Shape and colour both differ: colour is never alone.
_STYLES = {
    Category.UNDETERMINED: ("grey", "x"),
    Category.WARM: ("yellow", "s"),
    Category.LOW_PEDESTAL: ("sky", "v"),
    Category.NOISY: ("purple", "D"),
    Category.HOT: ("orange", "s"),
    Category.TELEGRAPH: ("blue", "^"),
    Category.INVERSE_RC: ("green", "*"),
    Category.RC: ("green", "P"),
    Category.SATURATED: ("vermillion", "o"),
}
_BACKGROUND = 768


def mask_map(categories: np.ndarray, rate: np.ndarray | None, title: str) -> bytes:
    """Draw where the bad pixels of each category are.

    Parameters
    ----------
    categories : numpy.ndarray, shape (y, x), uint16
        One bit per category (`darkmask.flags.Category`).
    rate : numpy.ndarray, shape (y, x), float32, or None
        In any unit; shown as grey between its 1st and 99th percentiles.
    title : str

    Returns
    -------
    bytes
        PNG. Markers are larger than a pixel, so that a single bad pixel can be seen; a pixel of several categories has
        several markers.
    """
    rows, columns = categories.shape
    figure = new_figure(8.4, 6.4)
    axes = figure.add_subplot()
    extent = (-0.5, columns - 0.5, -0.5, rows - 0.5)
    axes.imshow(_background(categories, rate), cmap="gray", vmin=0, vmax=1, origin="lower", extent=extent)
    handles = []
    for category, (colour, marker) in _STYLES.items():
        y, x = np.nonzero(in_category(categories, category))
        size = _marker_size(y.size, max(rows, columns))
        edge = {} if marker == "x" else {"edgecolors": "black", "linewidths": 0.25 if size > 6 else 0}
        scatter = axes.scatter(x, y, s=size, c=COLOURS[colour], marker=marker, **edge)
        label = f"{category.value.replace('_', ' ')}: {y.size:,}".replace(",", "\u2009")
        handles.append((y.size, _legend_handle(colour, marker, label)))
        scatter.set_rasterized(True)
    axes.set(title=plain(title), xlabel="column (pixels)", ylabel="row (pixels)", xlim=extent[:2], ylim=extent[2:])
    figure.legend(
        handles=[handle for _, handle in handles[::-1]],
        loc="outside right upper",
        title=f"bad pixels: {int(np.count_nonzero(categories)):,}".replace(",", "\u2009"),
        frameon=False,
        fontsize=9,
    )
    return png_bytes(figure, dpi=100)


def _legend_handle(colour: str, marker: str, label: str):
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="", marker=marker, markersize=7, color=COLOURS[colour], label=label)


def _marker_size(count: int, side: int) -> float:
    """Area of a marker in square points: a few pixels of the picture, less where thousands would cover each other."""
    area = 14.0 if side <= 512 else 9.0
    return float(np.clip(area * (400 / max(count, 1)) ** 0.35, 2.0, area))


def _background(categories: np.ndarray, rate: np.ndarray | None) -> np.ndarray:
    """The rates as pale grey from 0.55 to 1, on which every colour of the palette and black can be seen."""
    if rate is None:
        return np.ones((1, 1), dtype=np.float32)
    step = max(1, -(-max(rate.shape) // _BACKGROUND))
    shown = np.array(rate[::step, ::step], dtype=np.float32)
    # Bad pixels have markers; in the grey scale they would only widen the range and be noise in the file.
    good = np.isfinite(shown) & (categories[::step, ::step] == 0)
    if not good.any():
        return np.ones((1, 1), dtype=np.float32)
    low, high = np.percentile(shown[good], (1, 99))
    level = float(np.median(shown[good]))
    shown = np.where(good, shown, level)
    scaled = np.clip((shown - low) / max(high - low, np.finfo(np.float32).tiny), 0, 1)
    # Few grey levels: the noise of a dark tells nothing here and does not compress.
    return 0.55 + 0.4 * np.round(scaled * 7) / 7
