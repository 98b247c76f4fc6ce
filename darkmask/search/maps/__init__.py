"""The few 2-D maps per integration that every search works on, and their combination across integrations."""

from .combine import CombinedMaps, combine_set

__all__ = ["CombinedMaps", "combine_set"]
