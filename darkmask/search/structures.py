"""What a search finds that is more than single pixels: columns, rows, amplifiers, clumps and patches, one each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

# A saturated pixel with all its neighbours has nine; more touching pixels that may not be used are a clump.
LEAST_CLUMP = 10
# Pixels that decay together, which fade by themselves: others are faults of a detector, or of its mask.
PATCH = "patch"
# Columns whose level wanders as one, reference pixels included.
WANDERING = "wandering column"
_SAID = {
    "1/t": ", as 1/t",
    "exponential": ", exponentially",
    "either": ", exponentially or as 1/t",
    "neither": ", neither exponentially nor as 1/t",
}


@dataclass(frozen=True, order=True)
class Structure:
    """One finding, in the set's own frame.

    Attributes
    ----------
    kind : str
        ``wandering column``, ``noisy column``, ``offset column``, the same of rows, ``noisy amplifier``, ``quiet
        amplifier``, ``clump``, or ``patch``: pixels that decay together.
    x_first, x_last, y_first, y_last : int
        The pixels that it spans, counted from 0, the last ones included.
    amount : float
        How much it is, in ``unit``; see :meth:`sentence`. Of a patch: its mean rate above its surroundings in the
        integration in which it is brightest.
    unit : str
    pixels : int
        Of a patch: how many glow. 0 for other kinds.
    decay_time, decay_time_error : float, s
        Of a patch: in which it falls to 1/e, from the beginning of that integration on; NaN where it cannot be told.
    law : str
        Of a patch: ``exponential`` or ``1/t``, ``either`` where these cannot be told apart, ``neither`` where it lies
        between; else empty.
    first_integration, last_integration : int
        Of a patch: in which it is seen, from 1 in the order of time; 0 for other kinds.
    """

    kind: str
    x_first: int
    x_last: int
    y_first: int
    y_last: int
    amount: float
    unit: str
    pixels: int = 0
    decay_time: float = np.nan
    decay_time_error: float = np.nan
    law: str = ""
    first_integration: int = 0
    last_integration: int = 0

    def sentence(self, detector: str) -> str:
        """Return the finding in words: "column 812 of NRCA1 wanders by 15 DN"."""
        what = self.kind.split()[-1]
        if what == "clump":
            where = f"touch at x {self.x_first}, y {self.y_first}"
            return f"{self.amount:.0f} pixels of {detector} that may not be used {where}"
        if what == PATCH:
            return self._patch_sentence(detector)
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

    def _patch_sentence(self, detector: str) -> str:
        where = f"x {self.x_first} to {self.x_last}, y {self.y_first} to {self.y_last}"
        first, last = self.first_integration, self.last_integration
        seen = f"integrations {first} to {last}" if last > first else f"integration {first}"
        fades = "how they fade cannot be told"
        if np.isfinite(self.decay_time):
            law = _SAID.get(self.law, "")
            fades = f"they fade to 1/e in {self.decay_time:.3g} +- {self.decay_time_error:.2g} s{law}"
        glow = f"glow by {self.amount:.3g} electron/s at most, in {seen}"
        return f"{self.pixels} pixels of {detector} ({where}) {glow}; {fades}"


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


def wandering_columns(structures: Iterable[Structure]) -> list[int]:
    """Return the columns that wander, increasing."""
    return sorted(one.x_first for one in structures if one.kind == WANDERING)


def structure_table(structures: Iterable[Structure], detector: str):
    """Make the table of the findings of a set, ordered by kind and place.

    Returns
    -------
    astropy.table.Table
        One row for each; the columns are the attributes of :class:`Structure`, and ``sentence``.
    """
    from astropy.table import Table

    kept = [(*vars(one).values(), one.sentence(detector)) for one in sorted(structures)]
    rows = [tuple(_EMPTY if value == "" else value for value in row) for row in kept]
    names = (*Structure.__dataclass_fields__, "sentence")
    types = ("U24", *4 * ["i4"], "f8", "U24", "i4", "f8", "f8", "U12", "i4", "i4", "U200")
    table = Table(rows=rows or None, names=names, dtype=types, meta={"detector": detector})
    for name, (unit, description) in _DESCRIBED.items():
        table[name].unit, table[name].description = unit, description
    return table


# An empty text would be read back as a missing value.
_EMPTY = "-"
_DESCRIBED = {
    "amount": (None, "how much it is, in the unit of the next column; of a patch its mean rate at its brightest"),
    "pixels": (None, "pixels of a patch that glow; 0 for other kinds"),
    "decay_time": ("s", "in which a patch falls to 1/e; NaN where it cannot be told, and for other kinds"),
    "decay_time_error": ("s", "its error by those of the mean rates, and by what is not known of the law"),
    "law": (None, "exponential or 1/t, either where both describe it and neither where none does; - for other kinds"),
    "first_integration": (None, "in which a patch is seen, from 1 in the order of time; 0 for other kinds"),
    "last_integration": (None, "in which a patch is seen last, likewise"),
}
