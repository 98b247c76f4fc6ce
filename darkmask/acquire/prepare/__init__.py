"""From ``_uncal`` files to the triplets that a delivery is made of."""

from .references import GivenReferences, read_given
from .run import prepare
from .steps import PrepareSettings

__all__ = ["GivenReferences", "PrepareSettings", "prepare", "read_given"]
