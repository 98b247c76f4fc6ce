"""A plugin for runs whose pictures nobody looks at: figures are made as always, and matplotlib puts no ink on them.

Putting ink on eleven figures takes as long as all checks of two small detectors together.
"""

from matplotlib.backends.backend_agg import FigureCanvasAgg

from fixtures.report import kept


def _draw_nothing(canvas: FigureCanvasAgg) -> None:
    canvas.renderer = canvas.get_renderer()


FigureCanvasAgg.draw = _draw_nothing
# Pictures with ink must not come from here, nor these from them.
kept.PICTURES = "pictures-without-ink"
