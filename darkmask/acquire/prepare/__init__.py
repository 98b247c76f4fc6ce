"""Make the triplets that a delivery consists of from ``_uncal`` files."""

from .references import GivenReferences, read_given
from .run import Elsewhere, prepare
from .steps import PrepareSettings

__all__ = ["Elsewhere", "GivenReferences", "PrepareSettings", "prepare", "read_given"]
