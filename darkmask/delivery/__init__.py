"""Find, describe and open deliveries of dark exposures; nothing is ever written to them."""

from .exposure import OpenExposure, require_unchanged
from .index import DeliveryIndex, Problem
from .opened import OpenSet
from .records import Exposure, FileRecord, SetKey
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
