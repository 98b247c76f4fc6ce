"""What a search answers, whichever engine made it."""

from dataclasses import dataclass, field

import numpy as np

from darkmask.core.display import counted, one_line
from darkmask.core.flags import FlagTable
from darkmask.core.version import __version__

from .maps import CombinedMaps


@dataclass(frozen=True)
class SearchOutcome:
    """What an engine found.

    Attributes
    ----------
    categories : numpy.ndarray, shape (y, x), uint16
    flags : FlagTable
        How the categories become DQ bits.
    maps : CombinedMaps
        The evidence, whichever engine judged it.
    rate : numpy.ndarray, shape (y, x), float32
        e-/s.
    thresholds : dict of str to float
    version : str
        Of the engine.
    """

    categories: np.ndarray
    flags: FlagTable
    maps: CombinedMaps
    rate: np.ndarray
    thresholds: dict[str, float] = field(default_factory=dict)
    version: str = __version__

    def __repr__(self) -> str:
        rows, columns = self.categories.shape
        bad = counted(int(np.count_nonzero(self.categories)), "pixel")
        return one_line("SearchOutcome", f"{bad} of {columns}x{rows} with a category")
