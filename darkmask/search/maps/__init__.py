"""Make the few 2-D maps per integration that every search works on, and combine them across integrations."""

from .combine import CombinedMaps, combine_rows_of_set, combine_set, join_rows
from .parts import SetRows

__all__ = ["CombinedMaps", "SetRows", "combine_rows_of_set", "combine_set", "join_rows"]
