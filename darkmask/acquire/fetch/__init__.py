"""Fetch raw darks from the archive (MAST) with ``astroquery``."""

from .listing import ListedDark, find_darks
from .query import NotGivenError, Product, find_products
from .run import fetch

__all__ = ["ListedDark", "NotGivenError", "Product", "fetch", "find_darks", "find_products"]
