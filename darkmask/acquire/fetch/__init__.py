"""Fetch raw darks from the archive (MAST) with ``astroquery``."""

from .query import Product, find_products
from .run import fetch

__all__ = ["Product", "fetch", "find_products"]
