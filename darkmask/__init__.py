"""Find bad pixels in JWST NIRCam darks, write MASK reference files and compare them."""

__version__ = "0.1.0"
