"""Deliveries of dark exposures: found, described and opened, never written to."""

from .exposure import OpenExposure, require_unchanged
from .opened import OpenSet
from .records import DeliveryIndex, Exposure, FileRecord, Problem, SetKey
from .scan import scan, scan_files

__all__ = [
    "DeliveryIndex",
    "Exposure",
    "FileRecord",
    "OpenExposure",
    "OpenSet",
    "Problem",
    "SetKey",
    "require_unchanged",
    "scan",
    "scan_files",
]
