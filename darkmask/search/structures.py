"""What a search finds that is more than single pixels: columns, rows, amplifiers and clumps, one finding each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

# A saturated pixel with all its neighbours has nine; more touching pixels that may not be used are a clump.
LEAST_CLUMP = 10


@dataclass(frozen=True, order=True)
class Structure:
    """One finding, in the set's own frame.

    Attributes
    ----------
    kind : str
        ``wandering column``, ``noisy column``, ``offset column``, the same of rows, ``noisy amplifier``, ``quiet
        amplifier`` or ``clump``.
    x_first, x_last, y_first, y_last : int
        The pixels that it spans, counted from 0, the last ones included.
    amount : float
        How much it is, in ``unit``; see :meth:`sentence`.
    unit : str
    """

    kind: str
    x_first: int
    x_last: int
    y_first: int
    y_last: int
    amount: float
    unit: str

    def sentence(self, detector: str) -> str:
        """Return the finding in words: "column 812 of NRCA1 wanders by 15 DN"."""
        what = self.kind.split()[-1]
        if what == "clump":
            where = f"touch at x {self.x_first}, y {self.y_first}"
            return f"{self.amount:.0f} pixels of {detector} that may not be used {where}"
        if what == "amplifier":
            place = f"the amplifier of columns {self.x_first} to {self.x_last} of {detector}"
            return f"{place} has {self.amount:.2f} times the noise of the others"
        place = f"column {self.x_first} of {detector}" if what == "column" else f"row {self.y_first} of {detector}"
        if what == "row":
            place += f" (columns {self.x_first} to {self.x_last})"
        does = {
            "wandering": f"wanders by {self.amount:.3g} DN along a ramp",
            "noisy": f"has {self.amount:.2f} times the noise of the others, each pixel by itself",
            "offset": f"begins {abs(self.amount):.3g} DN {'above' if self.amount > 0 else 'below'} the others",
        }
        return f"{place} {does[self.kind.split()[0]]}"


def clumps_of(unusable: np.ndarray) -> Iterator[Structure]:
    """Give the clumps of touching pixels (sides or corners) that may not be used.

    Parameters
    ----------
    unusable : numpy.ndarray, shape (y, x), bool
    """
    from scipy.ndimage import find_objects, label

    labels, _ = label(unusable, structure=np.ones((3, 3), dtype=int))
    sizes = np.bincount(labels.ravel())
    large = np.flatnonzero(sizes[1:] >= LEAST_CLUMP) + 1
    places = find_objects(labels) if large.size else []
    for number in large:
        rows, columns = places[number - 1]
        size = float(sizes[number])
        yield Structure("clump", columns.start, columns.stop - 1, rows.start, rows.stop - 1, size, "pixels")


def structure_table(structures: Iterable[Structure], detector: str):
    """Make the table of the findings of a set, ordered by kind and place.

    Returns
    -------
    astropy.table.Table
        One row for each; the columns are the attributes of :class:`Structure`, and ``sentence``.
    """
    from astropy.table import Table

    rows = [(*vars(one).values(), one.sentence(detector)) for one in sorted(structures)]
    names = (*Structure.__dataclass_fields__, "sentence")
    types = ("U24", "i4", "i4", "i4", "i4", "f8", "U16", "U160")
    return Table(rows=rows or None, names=names, dtype=types, meta={"detector": detector})
