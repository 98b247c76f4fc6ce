"""Draw bad pixels, coloured by category, on the image of rates in which they were found."""

import numpy as np

from darkmask.core.categories import in_category
from darkmask.core.palette import COLOURS, STYLES
from darkmask.core.stages import stage

from .canvas import new_figure, plain, png_bytes

_BACKGROUND = 256  # blocks along a side: their means show a dark's structure without its noise


@stage("pictures")
def mask_map(categories: np.ndarray, rate: np.ndarray | None, title: str) -> bytes:
    """Draw where the bad pixels of each category are.

    Parameters
    ----------
    categories : numpy.ndarray, shape (y, x), uint16
        One bit per category (`darkmask.core.categories.Category`).
    rate : numpy.ndarray, shape (y, x), float32, or None
        Rate in any unit; shown as grey between its 1st and 99th percentiles.
    title : str

    Returns
    -------
    bytes
        PNG. Markers are larger than a pixel, so that a single bad pixel can be seen; a pixel of several categories has
        several markers.
    """
    rows, columns = categories.shape
    height = 6.4 if max(rows, columns) <= 512 else 9.0
    figure = new_figure(height + 1.9, height)
    # The labels, title and legend take this many inches; the image takes the rest of a square.
    side = height - 1.1
    axes = figure.add_axes((0.75 / (height + 1.9), 0.6 / height, side / (height + 1.9), side / height))
    handles = draw_mask_map(axes, categories, rate, title)
    figure.legend(
        handles=handles[::-1],
        loc="upper left",
        bbox_to_anchor=((0.75 + side) / (height + 1.9), 1 - 0.4 / height),
        title=f"bad pixels: {_count(np.count_nonzero(categories))}",
        alignment="left",
        frameon=False,
        fontsize=9,
    )
    return png_bytes(figure)


def draw_mask_map(axes, categories: np.ndarray, rate: np.ndarray | None, title: str) -> list:
    """Draw the same into axes that somebody else has made.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    categories, rate, title
        See :func:`mask_map`.

    Returns
    -------
    list of matplotlib.lines.Line2D
        What a legend shows of each category, the one that is drawn last at the end.
    """
    rows, columns = categories.shape
    extent = (-0.5, columns - 0.5, -0.5, rows - 0.5)
    background = _background(categories, rate)
    axes.imshow(background, cmap="gray", vmin=0, vmax=1, origin="lower", extent=extent, interpolation="nearest")
    handles = []
    for category, (colour, marker) in STYLES.items():
        y, x = np.nonzero(in_category(categories, category))
        area = _marker_area(y.size, max(rows, columns))
        edge = {"linewidths": 0.8} if marker == "x" else {"edgecolors": "black", "linewidths": 0.3 if area > 8 else 0}
        axes.scatter(x, y, s=area, c=COLOURS[colour], marker=marker, **edge)
        label = f"{category.value.replace('_', ' ')}: {_count(y.size)}"
        handles.append(_legend_handle(colour, marker, label))
    axes.set(title=plain(title), xlabel="column (pixels)", ylabel="row (pixels)", xlim=extent[:2], ylim=extent[2:])
    return handles


def _count(number: int | np.integer) -> str:
    return f"{int(number):,}".replace(",", "\u2009")


def _legend_handle(colour: str, marker: str, label: str):
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="", marker=marker, markersize=7, color=COLOURS[colour], label=label)


def _marker_area(count: int, side: int) -> float:
    """Return the area of a marker, in square points: some pixels of the picture, less when markers would overlap."""
    area = 16.0 if side <= 512 else 12.0
    return float(np.clip(area * (200 / max(count, 1)) ** 0.35, 5.0, area))


def _background(categories: np.ndarray, rate: np.ndarray | None) -> np.ndarray:
    """Return the rates as pale grey, on which every colour of the palette can be seen."""
    if rate is None:
        return np.ones((1, 1), dtype=np.float32)
    # Bad pixels have markers; in the grey scale they would only widen the range.
    good = np.isfinite(rate) & (categories == 0)
    if not good.any():
        return np.ones((1, 1), dtype=np.float32)
    shown = _block_means(np.where(good, rate, np.float32(np.median(rate[good]))))
    low, high = np.percentile(shown, (1, 99))
    scaled = np.clip((shown - low) / max(high - low, np.finfo(np.float32).tiny), 0, 1)
    # Grey levels are few, since the noise of a dark tells nothing here and does not compress.
    return 0.72 + 0.24 * np.round(scaled * 7) / 7


def _block_means(image: np.ndarray) -> np.ndarray:
    step = max(1, max(image.shape) // _BACKGROUND)
    rows, columns = (side // step * step for side in image.shape)
    return image[:rows, :columns].reshape(rows // step, step, columns // step, step).mean(axis=(1, 3))
