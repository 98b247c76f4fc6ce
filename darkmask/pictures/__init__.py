"""Pictures of what a search found, as PNG bytes. matplotlib is imported when the first one is drawn."""

from .canvas import COLOURS
from .curves import recovery_curves
from .histogram import rate_histogram
from .mask_map import STYLES, mask_map
from .ramp_gallery import ramp_gallery
from .sheet import Layer, Outline, sheet

__all__ = [
    "COLOURS",
    "STYLES",
    "Layer",
    "Outline",
    "mask_map",
    "ramp_gallery",
    "rate_histogram",
    "recovery_curves",
    "sheet",
]
