"""Make the few 2-D maps per integration that every search works on, and combine them across integrations."""

from .combine import CombinedMaps, combine_set

__all__ = ["CombinedMaps", "combine_set"]
