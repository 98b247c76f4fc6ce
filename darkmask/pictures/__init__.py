"""Pictures of what a search found, as PNG bytes. matplotlib is imported when the first one is drawn."""

from .curves import recovery_curves
from .histogram import rate_histogram
from .mask_map import mask_map

__all__ = ["mask_map", "rate_histogram", "recovery_curves"]
