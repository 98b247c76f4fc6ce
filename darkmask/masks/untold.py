"""Flags that darks cannot tell, and which a mask made from darks takes from elsewhere."""

from typing import NamedTuple

import numpy as np

from darkmask.core.flags import dq_bits, has_flag

# A pixel that sees no light, or little of it, and those beside it: of a detector's own, as no two have them.
UNLIT = ("DEAD", "LOW_QE", "OPEN", "ADJ_OPEN")
UNTOLD = (
    *UNLIT,
    *("NONLINEAR", "NON_SCIENCE", "NO_FLAT_FIELD", "NO_GAIN_VALUE", "NO_LIN_CORR", "NO_SAT_CHECK", "UNRELIABLE_FLAT"),
    # Of the superbias file; a search of darks reports how resets scatter, and flags nothing.
    "UNRELIABLE_BIAS",
)


class Differing(NamedTuple):
    """Pixels of one mask that another one says otherwise of.

    Attributes
    ----------
    number : int
        Pixels with one of the flags.
    differing : int
        Those of them that lack one in the other mask.
    flags : dict of str to int
        How many lack each.
    places : list of (int, int)
        x and y of those that differ, counted from 0.
    """

    number: int
    differing: int
    flags: dict[str, int]
    places: list[tuple[int, int]]

    @property
    def said(self) -> str:
        """How many lack which flag, in words after a sentence; empty where none does."""
        each = ", ".join(f"{name} of {number}" for name, number in self.flags.items())
        return f": {each}" if each else ""


def not_in(dq: np.ndarray, other: np.ndarray, science: np.ndarray) -> Differing:
    """Return which pixels of a mask have a flag that darks cannot tell, and have it in another mask not.

    Parameters
    ----------
    dq, other : numpy.ndarray, shape (y, x), uint32
        DEAD may give way to HOT in the other one: darks showed its signal.
    science : numpy.ndarray, shape (y, x), bool
    """
    lacking = {name: has_flag(dq, name) & ~has_flag(other, name) & science for name in UNTOLD}
    lacking["DEAD"] &= ~has_flag(other, "HOT")
    differing = np.logical_or.reduce(list(lacking.values()))
    y, x = np.nonzero(differing)
    return Differing(
        int((has_flag(dq, *UNTOLD) & science).sum()),
        len(x),
        {name: int(where.sum()) for name, where in lacking.items() if where.any()},
        list(zip(x.tolist(), y.tolist(), strict=True)),
    )


def shared_unlit_pixels(dq: np.ndarray, other: np.ndarray, science: np.ndarray) -> tuple[int, int]:
    """Return how many pixels of a mask see no light by its flags, and how many of them by another detector's too.

    Parameters
    ----------
    dq, other : numpy.ndarray, shape (y, x), uint32
    science : numpy.ndarray, shape (y, x), bool
    """
    here, there = ((each & dq_bits(*UNLIT)) != 0 for each in (dq, other))
    here = here & science
    return int(here.sum()), int((here & there).sum())
