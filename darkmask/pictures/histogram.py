"""The distribution of rates, with the thresholds that cut it."""

from collections.abc import Mapping

import numpy as np

from .canvas import COLOURS, new_figure, plain, png_bytes

_BINS_PER_DECADE = 20
_MARKS = ("vermillion", "blue", "green", "purple", "orange", "sky")


def rate_histogram(rate: np.ndarray, thresholds: Mapping[str, float], title: str) -> bytes:
    """Draw how many pixels have which rate.

    Parameters
    ----------
    rate : numpy.ndarray, any shape, float32
        e-/s; values that are not finite are counted in a note and left out.
    thresholds : mapping of str to float
        Rates (e-/s) to mark, by name; a unit at the end of a name (``_e_per_s``) is not repeated.
    title : str

    Returns
    -------
    bytes
        PNG. Both axes are logarithmic; around zero, within the width of the distribution's core, the rate is linear.
    """
    values = np.asarray(rate, dtype=np.float64).ravel()
    finite = values[np.isfinite(values)]
    figure = new_figure(8.4, 4.8)
    axes = figure.add_subplot()
    marked = {name: float(value) for name, value in thresholds.items() if np.isfinite(value)}
    linear = _linear_width(finite)
    if finite.size:
        edges = _edges(min(finite.min(), *marked.values()), max(finite.max(), *marked.values()), linear) if marked else (
            _edges(finite.min(), finite.max(), linear)
        )
        numbers, _ = np.histogram(finite, edges)
        axes.stairs(np.where(numbers > 0, numbers, 0.5), edges, baseline=0.5, fill=True, color="#9aa7b3")
    axes.set_yscale("log")
    axes.set_xscale("symlog", linthresh=linear, linscale=0.6)
    axes.set_ylim(bottom=0.5)
    axes.grid(True, which="major", color="#e3e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    for position, (name, value) in enumerate(sorted(marked.items(), key=lambda item: item[1])):
        above = int(np.count_nonzero(finite >= value))
        label = f"{_words(name)}: {value:.3g} e-/s ({above:,} pixels at or above)".replace(",", "\u2009")
        style = ("-", "--", "-.", ":")[position % 4]
        axes.axvline(value, color=COLOURS[_MARKS[position % len(_MARKS)]], linestyle=style, linewidth=1.8, label=label)
    if marked:
        axes.legend(loc="upper right", fontsize=9, framealpha=0.95)
    left_out = values.size - finite.size
    note = f"; {left_out:,} without a finite rate left out".replace(",", "\u2009") if left_out else ""
    axes.set(title=plain(title), xlabel=f"rate (e-/s{note})", ylabel="pixels per bin")
    _thin_ticks(axes)
    return png_bytes(figure, dpi=100)


def _words(name: str) -> str:
    return plain(name.removesuffix("_e_per_s").replace("_", " "))


def _linear_width(finite: np.ndarray) -> float:
    """Half the width of the core: 3 robust sigma (from the quartiles) about the median, as a power of ten."""
    if finite.size == 0:
        return 0.01
    low, middle, high = np.percentile(finite, (25, 50, 75))
    core = abs(middle) + 3 * (high - low) / 1.349
    return float(10.0 ** np.ceil(np.log10(core))) if core > 0 else 0.01


def _edges(low: float, high: float, linear: float) -> np.ndarray:
    """Bins of equal width as drawn: linear within the core, logarithmic outside."""
    core = np.linspace(-linear, linear, 2 * _BINS_PER_DECADE + 1)

    def outside(limit: float) -> np.ndarray:
        if limit <= linear:
            return np.empty(0)
        decades = np.log10(limit / linear)
        number = int(np.ceil(decades * _BINS_PER_DECADE)) + 1
        return linear * 10.0 ** (np.arange(1, number + 1) / _BINS_PER_DECADE)

    return np.concatenate([-outside(-low)[::-1], core, outside(high)])


def _thin_ticks(axes) -> None:
    """The labels either side of zero stand too close to each other for both to be kept when the range is wide."""
    labels = [tick for tick in axes.get_xticks()]
    if len(labels) > 9:
        axes.set_xticks([tick for index, tick in enumerate(labels) if tick == 0 or index % 2 == 0])
