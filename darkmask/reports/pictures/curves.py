"""Draw how many of the injected defects are found, against their strength."""

from collections.abc import Mapping

from darkmask.core.palette import COLOURS
from darkmask.core.stages import stage

from .canvas import new_figure, plain, png_bytes


@stage("pictures")
def recovery_curves(kinds: Mapping[str, Mapping], title: str) -> bytes:
    """Draw the completeness of each category.

    Parameters
    ----------
    kinds : mapping
        See :func:`darkmask.validation.completeness.summarise`.
    title : str

    Returns
    -------
    bytes
        PNG: one small panel for each category with strengths, with 68.3 % bounds and the strengths at which 50 and 90 %
        are found.
    """
    drawn = {name: kind for name, kind in kinds.items() if len(kind["curve"]) > 1 and kind["unit"]}
    columns = 4
    rows = max(1, -(-len(drawn) // columns))
    figure = new_figure(11.0, 2.6 * rows + 0.5)
    figure.suptitle(plain(title), fontsize=12)
    for number, (name, kind) in enumerate(drawn.items()):
        axes = figure.add_subplot(rows, columns, number + 1)
        middle = [(low * high) ** 0.5 for low, high, *_ in kind["curve"]]
        share = [point[3] for point in kind["curve"]]
        below = [max(point[3] - point[4], 0) for point in kind["curve"]]
        above = [max(point[5] - point[3], 0) for point in kind["curve"]]
        axes.errorbar(middle, share, (below, above), color=COLOURS["blue"], marker="o", markersize=4, capsize=2)
        for key, style in (("half", ":"), ("most", "--")):
            if kind[key] is not None:
                axes.axvline(kind[key], color=COLOURS["vermilion"], linestyle=style)
        axes.set_xscale("log")
        axes.set(ylim=(-0.05, 1.08), title=plain(name.replace("_", " ")), xlabel=plain(kind["unit"]))
        axes.title.set_size(10)
        axes.grid(True, color="#e1e1e1", linewidth=0.8)
        if number % columns == 0:
            axes.set_ylabel("found")
    figure.subplots_adjust(left=0.06, right=0.99, bottom=0.2 / rows + 0.02, top=0.86, hspace=0.6, wspace=0.25)
    return png_bytes(figure)
