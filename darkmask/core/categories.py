"""Categories of bad pixels, the kinds that a search tells apart, and images of them.

Categories share mnemonics of DQ (:mod:`.flags`), so that they are kept beside the mask as an image of their own:
uint16, one bit per category, and one more bit (``USABLE``) that qualifies NOISY.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

import numpy as np


class Category(StrEnum):
    """A kind of bad pixel, in the order of its bit in a category image."""

    SATURATED = "saturated"
    HOT = "hot"
    WARM = "warm"
    RC = "rc"
    INVERSE_RC = "inverse_rc"
    TELEGRAPH = "telegraph"
    NOISY = "noisy"
    LOW_PEDESTAL = "low_pedestal"
    UNDETERMINED = "undetermined"
    # Bits are appended, so that a category image of an earlier version keeps its meaning.
    INTERMITTENT = "intermittent"
    TRANSIENT = "transient"

    @property
    def bit(self) -> int:
        """The value of this category's bit in a category image."""
        return 1 << list(Category).index(self)


# These call no pixel bad: nothing is known of an undetermined one, and a transient one is good again, or will be. So
# they are not injected, not compared between two searches, and a defect that has one of them alone was not found.
NO_DEFECT = (Category.UNDETERMINED, Category.TRANSIENT)

DEFECTS = np.uint16(sum(category.bit for category in Category if category not in NO_DEFECT))

# In a category image this bit stands beside NOISY, and is no category: the pixel is noisier than others, and usable. It
# is the highest bit, so that categories can be appended.
USABLE = 1 << 15


def category_names(value: int) -> str:
    """Return the categories of a pixel, joined with commas."""
    return ",".join(categories_in(value))


def categories_in(value: int) -> tuple[str, ...]:
    """Return the categories of a pixel, in the order of their bits."""
    return tuple(category.value for category in Category if value & category.bit)


def named(values: np.ndarray, name: Callable[[int], str]) -> np.ndarray:
    """Return the names of integers, asking once for each different one.

    Parameters
    ----------
    values : numpy.ndarray, shape (n,), int
    name : callable
        Such as :func:`category_names`.

    Returns
    -------
    numpy.ndarray, shape (n,), str
        The type is string also when there is none.
    """
    different, place = np.unique(values, return_inverse=True)
    return np.array([name(int(value)) for value in different], dtype=str)[place]


def pack_categories(maps: Mapping[Category, np.ndarray]) -> np.ndarray:
    """Combine boolean maps into one category image.

    Parameters
    ----------
    maps : mapping of Category to numpy.ndarray, shape (y, x), bool
        At least one.

    Returns
    -------
    numpy.ndarray, shape (y, x), uint16
    """
    packed = np.zeros(next(iter(maps.values())).shape, dtype=np.uint16)
    for category, where in maps.items():
        packed[where] |= np.uint16(category.bit)
    return packed


def in_category(categories: np.ndarray, category: Category) -> np.ndarray:
    """Return where a category image has this category (bool, same shape)."""
    there: np.ndarray = (categories & category.bit) != 0
    return there
