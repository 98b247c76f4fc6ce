"""Draw what a search found as PNG bytes. matplotlib is imported when the first picture is drawn."""

from darkmask.core.palette import COLOURS, STYLES

from .comparison import comparison_map
from .curves import recovery_curves
from .histogram import noise_histogram, rate_histogram
from .mask_map import mask_map
from .ramp_gallery import ramp_gallery
from .sheet import Layer, Outline, sheet

__all__ = [
    "COLOURS",
    "STYLES",
    "Layer",
    "Outline",
    "comparison_map",
    "mask_map",
    "noise_histogram",
    "ramp_gallery",
    "rate_histogram",
    "recovery_curves",
    "sheet",
]
