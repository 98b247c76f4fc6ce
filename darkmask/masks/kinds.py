"""Maps of bad pixels by kind, in which two searches can be compared: categories of a search, or flags of a mask."""

from pathlib import Path

import numpy as np

from darkmask.core.categories import NO_DEFECT, Category
from darkmask.core.errors import MaskError
from darkmask.core.flags import has_flag

from .compare import COMPARED_MNEMONICS

# A warm pixel lies below the cut of the masks.
_COMPARED = tuple(c.value for c in Category if c not in (Category.WARM, *NO_DEFECT))


def kinds_of_categories(categories: np.ndarray, bits: dict[str, int] | None = None) -> dict[str, np.ndarray]:
    """Return the bad pixels by category, without warm and undetermined ones.

    Parameters
    ----------
    categories : numpy.ndarray, shape (y, x), uint16
    bits : dict of str to int, optional
        Bit of each category, when another version's bits are to be read.

    Returns
    -------
    dict of str to numpy.ndarray, shape (y, x), bool
    """
    bits = bits or {category.value: category.bit for category in Category}
    return {name: (categories & bits.get(name, 0)) != 0 for name in _COMPARED}


def kinds_of_mask(dq: np.ndarray) -> dict[str, np.ndarray]:
    """Return the bad pixels by flag, for the flags that a search of darks decides.

    Parameters
    ----------
    dq : numpy.ndarray, shape (y, x), uint32
        Standard bit values.

    Returns
    -------
    dict of str to numpy.ndarray, shape (y, x), bool
    """
    return {name: has_flag(dq, name) for name in COMPARED_MNEMONICS}


def read_kinds(path: Path) -> dict[str, np.ndarray]:
    """Return the bad pixels of a category image in a file, as :func:`kinds_of_categories` gives them.

    Raises
    ------
    MaskError
        When the file is not a category image.
    """
    return kinds_of_categories(*read_categories(path))


def read_kinds_and_undetermined(path: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return what :func:`read_kinds` does, and the pixels of which the search could say nothing, bool (y, x)."""
    categories, bits = read_categories(path)
    return kinds_of_categories(categories, bits), (categories & bits.get(Category.UNDETERMINED.value, 0)) != 0


def read_categories(path: Path) -> tuple[np.ndarray, dict[str, int]]:
    """Return a category image, uint16 (y, x), and the bit of each category in it.

    Raises
    ------
    MaskError
        When the file is not a category image.
    """
    from astropy.io import fits

    try:
        with fits.open(path, memmap=False) as hdus:
            hdu = hdus["CATEGORY"]
            bits = {hdu.header[f"CAT{bit}"]: 1 << bit for bit in range(16) if f"CAT{bit}" in hdu.header}
            return hdu.data.astype(np.uint16), bits
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise MaskError(f"{path} cannot be read as a category image ({error}): make it again.") from error
