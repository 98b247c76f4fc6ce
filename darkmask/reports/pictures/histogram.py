"""Draw the distributions of rates and noise, with the thresholds that cut them."""

from collections.abc import Mapping

import numpy as np

from darkmask.core.palette import COLOURS
from darkmask.core.stages import stage

from .canvas import new_figure, plain, png_bytes

_BINS_PER_DECADE = 20
_CORE_DECADES = 1.5  # the length of the linear core's halves, in decades of the axis
_FLOOR = 0.5
_MARKS = ("vermilion", "blue", "green", "purple", "orange", "sky")


@stage("pictures")
def rate_histogram(rate: np.ndarray, thresholds: Mapping[str, float], title: str) -> bytes:
    """Draw how many pixels have which rate.

    Parameters
    ----------
    rate : numpy.ndarray, any shape, float32
        Rates, e-/s; values that are not finite are counted in a note and left out.
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
    marked = {name: float(value) for name, value in thresholds.items() if np.isfinite(value)}
    figure = new_figure(8.4, 4.8)
    axes = figure.add_axes((0.09, 0.12, 0.88, 0.79))
    linear = _linear_width(finite)
    extremes = [finite.min(), finite.max()] if finite.size else []
    edges = _edges([*extremes, *marked.values()], linear)
    numbers, _ = np.histogram(finite, edges)
    axes.stairs(np.maximum(numbers, _FLOOR), edges, baseline=_FLOOR, fill=True, color="#7F7F7F")
    axes.set_xscale("symlog", linthresh=linear, linscale=_CORE_DECADES)
    axes.set_yscale("log")
    axes.set(xlim=(edges[0], edges[-1]), ylim=(_FLOOR, max(numbers.max(initial=1) * 20, 100)))
    axes.grid(True, which="major", color="#e1e1e1", linewidth=0.8)
    axes.set_axisbelow(True)
    for position, (name, value) in enumerate(sorted(marked.items(), key=lambda item: item[1])):
        above = _count(np.count_nonzero(finite >= value))
        axes.axvline(
            value,
            color=COLOURS[_MARKS[position % len(_MARKS)]],
            linestyle=("-", "--", "-.", ":")[position % 4],
            linewidth=1.8,
            label=f"{_words(name)}: {value:.3g} e-/s ({above} pixels at or above)",
        )
    if marked:
        axes.legend(loc="upper right", fontsize=9, framealpha=0.95)
    left_out = values.size - finite.size
    note = f"; {_count(left_out)} pixels without a finite rate are left out" if left_out else ""
    axes.set(title=plain(title), xlabel=f"rate (e-/s{note})", ylabel="pixels per bin")
    return png_bytes(figure)


@stage("pictures")
def noise_histogram(noise: np.ndarray, noisy: np.ndarray, title: str) -> bytes:
    """Draw how many pixels have which noise, with those called noisy or telegraph apart.

    Parameters
    ----------
    noise : numpy.ndarray, any shape, float32, DN
        Noise of one difference of two groups; values that are not finite are left out.
    noisy : numpy.ndarray, same shape, bool
    title : str

    Returns
    -------
    bytes
        PNG with logarithmic axes.
    """
    finite = np.isfinite(noise) & (noise > 0)
    values = np.log10(noise[finite].astype(np.float64)) if finite.any() else np.zeros(1)
    low, high = values.min() - 0.02, values.max() + 0.02
    edges = np.linspace(low, high, max(20, int((high - low) * 80)))
    figure = new_figure(8.4, 4.8)
    axes = figure.add_axes((0.09, 0.12, 0.88, 0.79))
    for chosen, colour, label in (
        (~noisy, "#7F7F7F", "others"),
        (noisy, COLOURS["purple"], "called noisy or telegraph"),
    ):
        numbers, _ = np.histogram(np.log10(noise[finite & chosen].astype(np.float64)), edges)
        named = f"{label}: {_count(numbers.sum())} pixels"
        axes.stairs(
            np.maximum(numbers, _FLOOR), 10**edges, baseline=_FLOOR, fill=True, color=colour, alpha=0.8, label=named
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(True, which="major", color="#e1e1e1", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(loc="upper right", fontsize=9, framealpha=0.95)
    axes.set(title=plain(title), xlabel="noise of a difference of two groups (DN)", ylabel="pixels per bin")
    return png_bytes(figure)


def _words(name: str) -> str:
    return plain(name.removesuffix("_e_per_s").replace("_", " "))


def _linear_width(finite: np.ndarray) -> float:
    """Return half the width of the core: 3 robust sigma (from the quartiles) about the median, as a power of ten."""
    if finite.size == 0:
        return 0.01
    low, middle, high = np.percentile(finite, (25, 50, 75))
    core = abs(middle) + 3 * (high - low) / 1.349
    return float(10.0 ** np.ceil(np.log10(core))) if core > 0 else 0.01


def _edges(values: list[float], linear: float) -> np.ndarray:
    """Return bins for all values, equally wide as drawn: linear within the core and logarithmic outside."""
    core = np.linspace(-linear, linear, 2 * round(_CORE_DECADES * _BINS_PER_DECADE) + 1)

    def outside(limit: float) -> np.ndarray:
        if limit < linear:
            return np.empty(0)
        number = int(np.log10(limit / linear) * _BINS_PER_DECADE) + 2
        return linear * 10.0 ** (np.arange(1, number + 1) / _BINS_PER_DECADE)

    return np.concatenate([-outside(-min(values, default=0))[::-1], core, outside(max(values, default=0))])


def _count(number: int | np.integer) -> str:
    return f"{int(number):,}".replace(",", "\u2009")
