"""Find bad pixels in JWST NIRCam darks, write MASK reference files and compare them."""

from .core.version import __version__

__all__ = ["__version__"]
