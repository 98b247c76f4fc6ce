"""Compare pixels that somebody flagged by hand with what darks show: was each meant where its list says?

Others count pixels from 1, as FITS and DS9 do, or write the row before the column. Every such list looks right, and
takes good pixels out of use.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from darkmask.core.categories import DEFECTS
from darkmask.core.flags import dq_bits
from darkmask.core.statistics import binomial_at_least, surprise

from .beside_darks import SHOWN, VAGUE

Place = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
# Neighbours of bad pixels that lie to two sides of them, left and right say, are found at either by half.
_TWO_SIDES = 0.5
_TOUCHING = np.ones((3, 3), dtype=int)


def _moved(dx: int, dy: int) -> Place:
    return lambda x, y: (x + dx, y + dy)


def _words(dx: int, dy: int) -> str:
    return ", ".join(
        f"{axis} {by:+d}".replace("+", "+ ").replace("-", "- ") for axis, by in (("x", dx), ("y", dy)) if by
    )


# Where a pixel may have been meant, by how that follows from its x and y.
ELSEWHERE: dict[str, Place] = {
    **{_words(dx, dy): _moved(dx, dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dx or dy},
    "x and y exchanged": lambda x, y: (y, x),
    "x and y exchanged, each - 1": lambda x, y: (y - 1, x - 1),
}


@dataclass(frozen=True)
class ByHand:
    """Groups of listed pixels that touch one another, and where darks show them to be bad.

    Attributes
    ----------
    groups : int
    astray : int
        Those of which darks show less than half of the pixels to be bad where the list says.
    near : int
        Those of these of which they show more than half at one place or another of ``ELSEWHERE``. Others are not of
        those that darks show at all, and say nothing of where a list was meant.
    place : str
        Of ``ELSEWHERE``, where they show most.
    found : int
        So many.
    places : list of (int, int)
        x and y of the pixels of those, as listed.
    """

    groups: int
    astray: int
    near: int
    place: str
    found: int
    places: list[tuple[int, int]]

    @property
    def sigma(self) -> float:
        """Gaussian sigma beyond which chance leaves so many, were each that is near found there as often as not."""
        return surprise(binomial_at_least(self.found, self.near, _TWO_SIDES))


def told_by_darks(pixels: Sequence[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """Return x and y of the pixels of a list that have a flag that darks can show, or nothing but DO_NOT_USE.

    Parameters
    ----------
    pixels : sequence of (int, int, int)
        x, y and DQ value, see :meth:`darkmask.masks.manual_flags.ManualFlags.of`.
    """
    shown, alone = int(dq_bits(*SHOWN, *VAGUE)), int(dq_bits("DO_NOT_USE"))
    return [(x, y) for x, y, bits in pixels if bits & shown or bits == alone]


def where_meant(listed: Sequence[tuple[int, int]], categories: np.ndarray) -> ByHand:
    """Find the place beside the listed one where darks show most of the pixels that they do not show there.

    Parameters
    ----------
    listed : sequence of (int, int)
        x and y, from 0; one at least.
    categories : numpy.ndarray, shape (y, x), uint16
        What a search of the darks found, which knows nothing of the list.

    Returns
    -------
    ByHand
        Pixels that touch count as one: the neighbours of a hot pixel, or those along a bad column, are one observation.
    """
    from scipy.ndimage import label

    x, y = np.transpose(listed)
    there = np.zeros(categories.shape, bool)
    there[y, x] = True
    group = label(there, structure=_TOUCHING)[0][y, x] - 1
    size = np.bincount(group)
    bad = (categories & DEFECTS) != 0

    def share(at_x: np.ndarray, at_y: np.ndarray) -> np.ndarray:
        inside = (at_x >= 0) & (at_y >= 0) & (at_x < bad.shape[1]) & (at_y < bad.shape[0])
        found = np.zeros(len(at_x), bool)
        found[inside] = bad[at_y[inside], at_x[inside]]
        return np.bincount(group, weights=found) / size

    astray = share(x, y) < 0.5
    found = {name: astray & (share(*place(x, y)) > 0.5) for name, place in ELSEWHERE.items()}
    most = max(found, key=lambda name: np.count_nonzero(found[name]))
    places = [(int(a), int(b)) for a, b, here in zip(x, y, found[most][group], strict=True) if here]
    near = np.logical_or.reduce(list(found.values()))
    return ByHand(len(size), int(astray.sum()), int(near.sum()), most, int(found[most].sum()), places)
