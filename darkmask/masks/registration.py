"""Measure whether two masks lie on one another as they are, or would after a shift, a flip or a rotation.

The classic mistake is a mask in raw orientation: flipped, transposed, or one pixel off. Comparing clump centres and not
pixels shows it: new bad pixels border old ones, so that single pixels of good masks agree with shifted ones.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

# Largest shift tried in each direction, pixels.
REACH = 2
# Fewer common centres than this cannot tell one transform from another.
FEWEST = 30
# A transform fits when it brings together at least this share of the centres of the mask that has fewer. Ground and
# flight masks of one detector have half in common, less some centres that a new neighbour moved. Lists of additions
# hold none of the ground's pixels but many of their neighbours, and have 5 % at each one-pixel shift.
FITTING_SHARE = 0.2
_TOUCHING = np.ones((3, 3), dtype=int)


@dataclass(frozen=True)
class Transform:
    """A change of a mask to another orientation and place.

    Attributes
    ----------
    transposed, flip_x, flip_y : bool
        Whether x and y are exchanged; whether columns, rows are then reversed.
    dx, dy : int
        Shift after that, pixels.
    """

    transposed: bool = False
    flip_x: bool = False
    flip_y: bool = False
    dx: int = 0
    dy: int = 0

    def move(self, x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Return where places of a square frame come to lie.

        Parameters
        ----------
        x, y : numpy.ndarray
            Pixels, counted from 0.
        shape : tuple of int
            (rows, columns) of the frame.

        Returns
        -------
        x, y : numpy.ndarray
        """
        if self.transposed:
            x, y = y, x
        x = shape[1] - 1 - x if self.flip_x else x
        y = shape[0] - 1 - y if self.flip_y else y
        return x + self.dx, y + self.dy

    def __str__(self) -> str:
        turned = _TURNS[self.transposed, self.flip_x, self.flip_y]
        shifted = f"shifted by {self.dx:+d} in x and {self.dy:+d} in y" if self.dx or self.dy else ""
        return " and ".join(filter(None, (turned, shifted))) or "as it is"


_TURNS = {
    (False, False, False): "",
    (False, True, False): "flipped left to right",
    (False, False, True): "flipped upside down",
    (False, True, True): "rotated by 180 degrees",
    (True, False, False): "transposed (x and y exchanged)",
    (True, True, True): "transposed along the other diagonal",
    (True, True, False): "rotated by 90 degrees (x to y)",
    (True, False, True): "rotated by 90 degrees (y to x)",
}
IDENTITY = Transform()
_SHIFTS = range(-REACH, REACH + 1)
TRANSFORMS = tuple(
    Transform(*turn, dx, dy)
    for turn, dx, dy in sorted(product(_TURNS, _SHIFTS, _SHIFTS), key=lambda t: (sum(t[0]), abs(t[1]) + abs(t[2]), t))
)


@dataclass(frozen=True)
class Registration:
    """How many clump centres each transform of the reference brings together with the other mask.

    Attributes
    ----------
    reference, other : int
        Number of clumps of each mask.
    common : dict of Transform to int
        Number of common centres.
    """

    reference: int
    other: int
    common: dict[Transform, int]

    @property
    def best(self) -> Transform:
        """The transform with the most common centres; the simplest of equal ones."""
        return max(self.common, key=self.common.__getitem__)

    @property
    def margin(self) -> float:
        """The common centres of the masks as they lie, in units of those of the best transform that moves anything."""
        rival = max(count for transform, count in self.common.items() if transform != IDENTITY)
        return self.common[IDENTITY] / max(rival, 1)

    @property
    def why_not(self) -> str:
        """The reason why the masks cannot tell how they lie on one another; empty when they can."""
        most, fewer = self.common[self.best], min(self.reference, self.other)
        if most < FEWEST:
            return f"only {most} clumps of {fewer} have a common place at best, and {FEWEST} are needed"
        if most < FITTING_SHARE * fewer:
            return (
                f"no shift, flip or rotation brings more than {most} clumps of {fewer} together, as with a list of "
                "additions, or the mask of another detector"
            )
        return ""


def register(reference: np.ndarray, other: np.ndarray) -> Registration:
    """Compare two masks in all orientations and over shifts of up to two pixels.

    Parameters
    ----------
    reference, other : numpy.ndarray, shape (y, x), bool
        Bad pixels of one square frame.
    """
    shape = reference.shape
    x, y = clump_centres(reference)
    there_x, there_y = clump_centres(other)
    # A margin lets a shifted centre leave the frame.
    there = np.zeros((shape[0] + 2 * REACH, shape[1] + 2 * REACH), dtype=bool)
    there[_nearest(there_y) + REACH, _nearest(there_x) + REACH] = True
    common = {}
    for transform in TRANSFORMS:
        moved_x, moved_y = transform.move(x, y, shape)
        places = np.unique((_nearest(moved_y) + REACH) * there.shape[1] + _nearest(moved_x) + REACH)
        common[transform] = int(there.ravel()[places].sum())
    return Registration(x.size, there_x.size, common)


def clump_centres(bad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the centres of clumps of touching bad pixels (sides or corners).

    Parameters
    ----------
    bad : numpy.ndarray, shape (y, x), bool

    Returns
    -------
    x, y : numpy.ndarray, float
        Counted from 0.
    """
    from scipy.ndimage import center_of_mass, label

    labels, number = label(bad, structure=_TOUCHING)
    if not number:
        return np.empty(0), np.empty(0)
    y, x = np.transpose(center_of_mass(bad, labels, np.arange(1, number + 1)))
    return x, y


def _nearest(centres: np.ndarray) -> np.ndarray:
    # Half a pixel is always rounded the same way, which np.round does not do.
    return np.floor(centres + 0.5).astype(np.int64)
