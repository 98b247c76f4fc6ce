"""How many pixels of a detector are of each category, and have each flag of its mask and of the ground test's."""

import numpy as np

from darkmask.core.categories import Category, in_category
from darkmask.core.flags import FLIGHT_FLAGS, has_flag

# What a search of darks sets, in the order of the categories; several categories share a flag.
_TOLD = dict.fromkeys(name for names in FLIGHT_FLAGS.mnemonics.values() for name in names if name != "DO_NOT_USE")
COUNTED = (*_TOLD, "DO_NOT_USE")


def tally(
    dq: np.ndarray, science: np.ndarray, categories: np.ndarray | None = None, ground: np.ndarray | None = None
) -> dict:
    """Count the science pixels of a detector by category and by flag.

    Parameters
    ----------
    dq : numpy.ndarray, shape (y, x), uint32
        The mask.
    science : numpy.ndarray, shape (y, x), bool
        The pixels that see light.
    categories : numpy.ndarray, shape (y, x), uint16, optional
        What the search found; not of a mask that somebody else made.
    ground : numpy.ndarray, shape (y, x), uint32, optional
        The ground test's mask.

    Returns
    -------
    dict
        Plain numbers: ``science_pixels``; ``mask`` and ``ground`` by mnemonic; ``categories`` by name; and of the
        pixels that have HOT in the mask, how many the search calls ``saturated``, ``hot``, or ``neither``. None where
        there is nothing to count.
    """
    found = None
    if categories is not None:
        found = {category.value: int((in_category(categories, category) & science).sum()) for category in Category}
    return {
        "science_pixels": int(science.sum()),
        "categories": found,
        "mask": _by_flag(dq, science),
        "ground": None if ground is None else _by_flag(ground, science),
        "hot_in_mask": None if categories is None else _hot(dq, science, categories),
    }


def _by_flag(dq: np.ndarray, science: np.ndarray) -> dict[str, int]:
    return {name: int((has_flag(dq, name) & science).sum()) for name in COUNTED}


def _hot(dq: np.ndarray, science: np.ndarray, categories: np.ndarray) -> dict[str, int]:
    flagged = has_flag(dq, "HOT") & science
    saturated = flagged & in_category(categories, Category.SATURATED)
    hot = flagged & in_category(categories, Category.HOT) & ~saturated
    neither = flagged & ~saturated & ~hot
    return {"saturated": int(saturated.sum()), "hot": int(hot.sum()), "neither": int(neither.sum())}
