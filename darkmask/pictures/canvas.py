"""From a drawing function to PNG bytes, the same bytes every time."""

import io

# Okabe and Ito's palette, which people with any of the common colour deficiencies can tell apart.
COLOURS = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
    "grey": "#7F7F7F",
}


def new_figure(width: float, height: float):
    """A matplotlib figure (inches) that is bound to no window system and to no global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def png_bytes(figure, dpi: int) -> bytes:
    """Render a figure. Nothing of the time or of matplotlib's version is written, so equal data give equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def plain(text: str) -> str:
    """Text without mathtext, in which a stray dollar sign of a file name would raise."""
    return " ".join(str(text).split()).replace("$", r"\$")
