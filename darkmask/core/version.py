"""The version of this package, which every layer may tell."""

__version__ = "0.1.0"
