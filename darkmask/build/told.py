"""What masks and earlier runs say of a pixel, in words: each source is a function from places to texts."""

from collections.abc import Callable, Mapping

import numpy as np

from darkmask.core.categories import categories_in
from darkmask.core.flags import names_in, pixel_flags
from darkmask.core.window import Window

# From rows and columns, shape (n,), to a text for each pixel.
Teller = Callable[[np.ndarray, np.ndarray], list[str]]

_NOTHING = "nothing"


def said_by(
    *,
    mask: Teller | None = None,
    ground: Teller | None = None,
    base: Teller | None = None,
    previous: Teller | None = None,
) -> dict[str, Teller]:
    """Return the sources by the names that a reader is given, in their order; those that a run was not given say so."""
    named = {"mask": mask, "ground test": ground, "mask in force": base, "previous run": previous}
    return {name: teller or always("none was given") for name, teller in named.items()}


def always(text: str) -> Teller:
    """Return a source that says the same of every pixel."""
    return lambda y, _: [text] * y.size


def flags_of(dq: np.ndarray) -> Teller:
    """Return a source that names the flags of each pixel of a mask.

    Parameters
    ----------
    dq : numpy.ndarray, shape (y, x), uint32
    """
    return lambda y, x: [flag_words(one) for one in dq[y, x]]


def categories_of(image: np.ndarray, bits: Mapping[str, int] | None = None) -> Teller:
    """Return a source that names the categories of each pixel.

    Parameters
    ----------
    image : numpy.ndarray, shape (y, x), uint16
    bits : mapping of str to int, optional
        Bit of each category, when another version's bits are to be read.
    """

    def names(value: int) -> str:
        return ", ".join(categories_in(value) if bits is None else names_in(value, bits)) or _NOTHING

    return lambda y, x: [names(int(one)) for one in image[y, x]]


def in_window(teller: Teller, window: Window) -> Teller:
    """Return a source of a full frame as one of a part of it, whose pixels are counted from the part's corner."""
    return lambda y, x: teller(y + window.ystart - 1, x + window.xstart - 1)


def flag_words(dq: int) -> str:
    """Return the mnemonics of a DQ value, in words."""
    return ", ".join(names_in(int(dq), pixel_flags())) or _NOTHING
