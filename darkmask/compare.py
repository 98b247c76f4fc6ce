"""How two masks, or two category images, agree."""

from dataclasses import dataclass

import numpy as np

from .errors import SearchError
from .flags import CARRIED_MNEMONICS, bits_of

# What a search of darks can flag, and a ground test flagged above the same brightness: WARM lies below the cut of
# the ground masks (0.275 e-/s), so that a warm pixel is no new one.
COMPARED_MNEMONICS = ("HOT", "RC", "TELEGRAPH", "UNRELIABLE_SLOPE", "OTHER_BAD_PIXEL")


@dataclass(frozen=True)
class Agreement:
    """Pixels by what two masks say of them.

    Attributes
    ----------
    both, gone, new, neither : int
        Bad in both; only in the first (reference); only in the second; in none.
    """

    both: int
    gone: int
    new: int
    neither: int

    @property
    def reference(self) -> int:
        """Bad pixels of the reference."""
        return self.both + self.gone

    @property
    def retained_fraction(self) -> float:
        """Share of the reference's bad pixels that are still bad; NaN when it has none."""
        return self.both / (self.both + self.gone) if self.both + self.gone else float("nan")

    @property
    def gone_fraction(self) -> float:
        """Share of the reference's bad pixels that are good now; NaN when it has none."""
        return 1 - self.retained_fraction

    @property
    def new_fraction(self) -> float:
        """Newly bad pixels as a share of all compared ones."""
        total = self.both + self.gone + self.new + self.neither
        return self.new / total if total else float("nan")

    @property
    def kappa(self) -> float:
        """Cohen's kappa: agreement beyond what chance gives, 1 for equal masks; NaN when both are uniform."""
        total = self.both + self.gone + self.new + self.neither
        if not total:
            return float("nan")
        observed = (self.both + self.neither) / total
        first, second = (self.both + self.gone) / total, (self.both + self.new) / total
        chance = first * second + (1 - first) * (1 - second)
        return (observed - chance) / (1 - chance) if chance < 1 else float("nan")


def agreement(reference: np.ndarray, other: np.ndarray, where: np.ndarray) -> Agreement:
    """Compare two boolean maps.

    Parameters
    ----------
    reference, other : numpy.ndarray, shape (y, x), bool
    where : numpy.ndarray, shape (y, x), bool
        The pixels compared.

    Returns
    -------
    Agreement
    """
    return Agreement(
        both=int((reference & other & where).sum()),
        gone=int((reference & ~other & where).sum()),
        new=int((~reference & other & where).sum()),
        neither=int((~reference & ~other & where).sum()),
    )


def compared_flags(ground: np.ndarray, flight: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The bad pixels of two masks on the flags that a dark search looks for and both masks use.

    A ground mask that never says TELEGRAPH was not searched for it: counting flight's as new would compare searches
    and not pixels.

    Parameters
    ----------
    ground, flight : numpy.ndarray, shape (y, x), uint32

    Returns
    -------
    ground_bad, flight_bad : numpy.ndarray, shape (y, x), bool
    names : list of str
        The flags compared.
    """
    names = [n for n in COMPARED_MNEMONICS if (ground & np.uint32(bits_of((n,)))).any()]
    bits = np.uint32(bits_of(names))
    return (ground & bits) != 0, (flight & bits) != 0, names


def additional_pixels(full: np.ndarray, part: np.ndarray, xstart: int, ystart: int) -> np.ndarray:
    """Pixels that are bad in a subarray and good in the full frame.

    Parameters
    ----------
    full : numpy.ndarray, shape (Y, X), bool
    part : numpy.ndarray, shape (y, x), bool
    xstart, ystart : int
        Full-frame position of the subarray's first pixel, counted from 1.

    Returns
    -------
    numpy.ndarray, shape (y, x), bool

    Raises
    ------
    SearchError
        When the subarray does not lie within the full frame.
    """
    rows, columns = part.shape
    cut = full[ystart - 1 : ystart - 1 + rows, xstart - 1 : xstart - 1 + columns]
    if cut.shape != part.shape:
        raise SearchError(
            f"The subarray of {columns}x{rows} pixels at {xstart},{ystart} does not lie within the full frame of "
            f"{full.shape[1]}x{full.shape[0]}: correct its position."
        )
    return part & ~cut


def lost_bits(base: np.ndarray, mask: np.ndarray) -> tuple[int, list[str]]:
    """Pixels of the mask in force that lost a bit which darks cannot see, and the names of those bits.

    DEAD may give way to HOT: such a pixel was saturated when the flats called it dead.

    Parameters
    ----------
    base, mask : numpy.ndarray, shape (y, x), uint32

    Returns
    -------
    pixels : int
    names : list of str
    """
    gone = base & ~mask & np.uint32(bits_of(CARRIED_MNEMONICS))
    hot = (mask & np.uint32(bits_of(("HOT",)))) != 0
    gone[hot] &= ~np.uint32(bits_of(("DEAD",)))
    names = [name for name in CARRIED_MNEMONICS if (gone & np.uint32(bits_of((name,)))).any()]
    return int((gone != 0).sum()), names
