"""Some rows of the maps of a set, measured by themselves: in another process, or on another machine."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.errors import SearchError

from .changes import ChangeMaps, ChangeRows
from .rare import stacked
from .stacks import CombinedRows


class SetRows(NamedTuple):
    """What all integrations of a set say of some of its rows.

    Attributes
    ----------
    start, height : int
        Number of the first row, and rows of the whole frame.
    integrations, groups : int
    read_variance : float, DN**2
    sampled : int
        Rows of the whole frame from which signs were taken.
    signs : array, shape (2, integration, x), int64
        Sums of the signs of the deviations of rates, and of shapes, of sampled rows, see `agreement` of
        :class:`.combine.CombinedMaps`: whole numbers, which add up to the same in any order.
    rows : CombinedRows
        Arrays (row, x).
    changes : ChangeMaps
        Of these rows.
    """

    start: int
    height: int
    integrations: int
    groups: int
    read_variance: float
    sampled: int
    signs: np.ndarray
    rows: CombinedRows
    changes: ChangeMaps

    @property
    def stop(self) -> int:
        return self.start + len(self.rows.rate)

    def agreement(self) -> np.ndarray:
        """Return the mean product of two pixels' signs, of rates or of shapes if that is more, float32 (x,)."""
        # Each pixel has as many values above its median as below, and of an odd number one that is the median.
        signed = self.integrations - self.integrations % 2
        pairs = max(signed * self.sampled * (self.sampled - 1), 1)
        products: np.ndarray = (self.signs * self.signs).sum(axis=1).max(axis=0) - signed * self.sampled
        return (products / pairs).astype(np.float32)


def put_together(parts: Sequence[SetRows]) -> SetRows:
    """Return all rows of a set.

    Parameters
    ----------
    parts : sequence of SetRows
        Each row once, in any order. One part of all rows is returned as it is.

    Raises
    ------
    SearchError
        When a row is missing or there twice, or the parts are of different sets.
    """
    parts = sorted(parts, key=lambda part: part.start)
    first = parts[0]
    edges = [0, *(part.stop for part in parts)]
    same = {(*part[1:6], part.signs.shape, part.changes.times, part.changes.epochs) for part in parts}
    if edges != [*(part.start for part in parts), first.height] or len(same) != 1:
        said = ", ".join(f"{part.start} to {part.stop - 1}" for part in parts)
        raise SearchError(f"Rows {said} do not make the {first.height} rows of one set: search the detector again.")
    if len(parts) == 1:
        return first
    rows = CombinedRows(*(stacked(images) for images in zip(*(part.rows for part in parts), strict=True)))
    changed = ChangeRows(*(stacked(images) for images in zip(*(part.changes.rows for part in parts), strict=True)))
    signs = np.sum([part.signs for part in parts], axis=0)
    return first._replace(signs=signs, rows=rows, changes=first.changes._replace(rows=changed))
