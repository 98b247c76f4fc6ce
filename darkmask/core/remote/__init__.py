"""Folders that lie elsewhere: addresses, what a server gives of them, and the copies that are read.

A folder that an address names (``https://``, ``s3://``, ``memory://``) is looked at once: its files are listed with
their sizes and versions. From then on it is a path below the cache like any other. Headers are read there by ranges,
and a file is copied when something reads more of it (:mod:`.copies`).
"""

from .address import as_address, is_address
from .copies import brought, held, holding
from .places import (
    is_copy,
    listed_files,
    listing_of,
    open_place,
    place_of,
    require_listed,
    shown_place,
    source_of,
    stated,
    version_of,
)
from .ranged import ranged_file, ranged_files
from .room import files_at_once

__all__ = [
    "as_address",
    "brought",
    "files_at_once",
    "held",
    "holding",
    "is_address",
    "is_copy",
    "listed_files",
    "listing_of",
    "open_place",
    "place_of",
    "ranged_file",
    "ranged_files",
    "require_listed",
    "shown_place",
    "source_of",
    "stated",
    "version_of",
]
