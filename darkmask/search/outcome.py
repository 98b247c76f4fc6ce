"""The answer of a search, whichever engine made it."""

from dataclasses import dataclass, field

import numpy as np

from darkmask.core.display import counted, one_line
from darkmask.core.flags import FlagTable
from darkmask.core.version import __version__

from .flight.light import Light
from .flight.named_by import Passed
from .maps.combine import CombinedMaps
from .reference_pixels import ReferencePixels
from .structures import Structure


@dataclass(frozen=True)
class SearchOutcome:
    """The bad pixels that an engine found, with their evidence.

    Attributes
    ----------
    categories : numpy.ndarray, shape (y, x), uint16
    flags : FlagTable
        Table by which the categories become DQ bits.
    maps : CombinedMaps
        Evidence, whichever engine judged it.
    rate : numpy.ndarray, shape (y, x), float32
        Rate in e-/s.
    thresholds : dict of str to float
    structures : tuple of Structure
        Columns, rows, amplifiers and clumps, one finding each.
    version : str
        Version of the engine.
    reference : ReferencePixels or None
        The bad reference pixels of a full frame; None where nobody searched them.
    passed : dict of str to Passed
        What the tests compared that give the pixels their categories; empty where another search than ``flight`` did.
    lights : tuple of Light
        Of the patches of pixels that decay together, by which their pixels were judged.
    """

    categories: np.ndarray
    flags: FlagTable
    maps: CombinedMaps
    rate: np.ndarray
    thresholds: dict[str, float] = field(default_factory=dict)
    structures: tuple[Structure, ...] = ()
    version: str = __version__
    reference: ReferencePixels | None = None
    passed: dict[str, Passed] = field(default_factory=dict)
    lights: tuple[Light, ...] = ()

    def __repr__(self) -> str:
        rows, columns = self.categories.shape
        bad = counted(int(np.count_nonzero(self.categories)), "pixel")
        return one_line("SearchOutcome", f"{bad} of {columns}x{rows} with a category")
