"""The few 2-D maps per integration that every search works on, and their combination across integrations."""

from .combine import CombinedMaps, combine_set
from .integration import IntegrationMaps, RowBlock, integration_maps

__all__ = ["CombinedMaps", "IntegrationMaps", "RowBlock", "combine_set", "integration_maps"]
