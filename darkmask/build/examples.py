"""A few bad pixels of each category with one of their ramps, for a reader to look at."""

from dataclasses import dataclass

import numpy as np

from darkmask.core.categories import Category, in_category
from darkmask.core.stages import stage
from darkmask.delivery import OpenSet
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.maps.layout import JUMP_DET
from darkmask.search.outcome import SearchOutcome

_EACH = 4


@dataclass(frozen=True)
class Examples:
    """Ramps of some bad pixels.

    Attributes
    ----------
    category : numpy.ndarray, shape (n,), str
    y, x : numpy.ndarray, shape (n,), int32
        Place in the set's frame, counted from 0.
    ramp : numpy.ndarray, shape (n, ngroup), float32, DN
        Ramp of one integration: the first of those in which most groups are flagged as jumps.
    groupdq : numpy.ndarray, shape (n, ngroup), uint8
    """

    category: np.ndarray
    y: np.ndarray
    x: np.ndarray
    ramp: np.ndarray
    groupdq: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by name, as they are kept in a file."""
        return dict(vars(self))


@stage("example ramps")
def pick_examples(opened: OpenSet, outcome: SearchOutcome) -> Examples:
    """Pick pixels of each category from the strongest to the faintest, and read one ramp of each.

    Parameters
    ----------
    opened : OpenSet
        The integrations that were searched.
    outcome : SearchOutcome
        What was found in them.

    Returns
    -------
    Examples
        Up to four pixels of each category, at even ranks of its strength, all from the first exposure
        that was searched.
    """
    chosen = []
    for category in Category:
        rows, columns = np.nonzero(in_category(outcome.categories, category))
        if rows.size:
            order = np.argsort(-strength(category, outcome.maps, rows, columns), kind="stable")
            ranks = np.unique(np.linspace(0, rows.size - 1, min(_EACH, rows.size)).round().astype(int))
            chosen += [(category.value, rows[place], columns[place]) for place in order[ranks]]
    y, x = (np.array([pixel[i] for pixel in chosen], dtype=np.int32) for i in (1, 2))
    first = opened.planes[0][0]
    searched = [i for exposure, i in opened.planes if exposure is first]
    ramps, groupdq = (values[searched] for values in first.ramps(y, x))
    jumps = ((groupdq & np.uint8(JUMP_DET)) != 0).sum(axis=1)
    liveliest, pixels = jumps.argmax(axis=0), np.arange(y.size)
    names = np.array([pixel[0] for pixel in chosen], dtype="U16")
    return Examples(names, y, x, ramps[liveliest, :, pixels], groupdq[liveliest, :, pixels])


def strength(category: Category, maps: CombinedMaps, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the quantity by which the pixels of a category are ranked, shape (n,): the strongest have most."""
    if category is Category.INTERMITTENT and maps.changes:
        rows = maps.changes.rows
        return _sortable(rows.high[y, x] - rows.low[y, x])
    measured = {
        Category.RC: maps.change,
        Category.INVERSE_RC: maps.change,
        Category.TELEGRAPH: maps.scatter,
        Category.NOISY: maps.noise,
        Category.LOW_PEDESTAL: maps.pedestal,
        Category.UNDETERMINED: maps.jumps,
    }.get(category, maps.rate)[y, x]
    return _sortable(measured)


def _sortable(measured: np.ndarray) -> np.ndarray:
    """Return the size of what was measured, float64: 0 where it is not known."""
    return np.nan_to_num(np.abs(measured.astype(np.float64)), nan=0.0, posinf=float(np.finfo(np.float32).max))
