"""DQ mnemonics, and the one table between them and the categories of bad pixels.

A mnemonic names a bit of the pipeline's DQ array. Several categories share one (a saturated pixel is HOT), and two have
none of their own: the mnemonics NOISY and LOW_PEDESTAL, which the commissioning notebook counts, do not exist.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from .cache import cached_answer
from .categories import USABLE, Category
from .errors import StorageError


def names_in(value: int, bits: Mapping[str, int]) -> tuple[str, ...]:
    """Return the names of the bits that are set in a value, in the order of ``bits``.

    Parameters
    ----------
    value : int
    bits : mapping of str to int
        The value of each bit by its name.
    """
    return tuple(name for name, bit in bits.items() if value & bit)


# The mnemonics that a MASK file may set. The others (SATURATED, JUMP_DET, PERSISTENCE, ...) describe one exposure.
MASK_MNEMONICS = (
    "DO_NOT_USE",
    "NON_SCIENCE",
    "DEAD",
    "HOT",
    "WARM",
    "LOW_QE",
    "RC",
    "TELEGRAPH",
    "NONLINEAR",
    "BAD_REF_PIXEL",
    "NO_FLAT_FIELD",
    "NO_GAIN_VALUE",
    "NO_LIN_CORR",
    "NO_SAT_CHECK",
    "UNRELIABLE_BIAS",
    "UNRELIABLE_DARK",
    "UNRELIABLE_SLOPE",
    "UNRELIABLE_FLAT",
    "OPEN",
    "ADJ_OPEN",
    "OTHER_BAD_PIXEL",
    "REFERENCE_PIXEL",
)

# What a neighbour of a hot pixel gets where that is asked for. A search judges both flags anew, so that such a pixel is
# free again when its neighbour is.
NEIGHBOUR_FLAGS = ("OTHER_BAD_PIXEL", "DO_NOT_USE")

# A pixel cannot have no signal at all and too much of it.
CONTRADICTIONS = (("HOT", "DEAD"),)


@cache
def pixel_flags() -> dict[str, int]:
    """Return the bit value of each mnemonic, as the pipeline defines them (without GOOD, which is no bit).

    Returns
    -------
    dict
        From ``stdatamodels.jwst.datamodels.dqflags.pixel``. To import that takes most of a second, of which every
        process that has no other use for data models is spared: it is kept by the digest of the file that says it.
    """
    package = find_spec("stdatamodels")
    with suppress(OSError, StorageError):
        if package is not None and package.origin is not None:
            listed = (Path(package.origin).parent / "jwst" / "datamodels" / "dqflags.py").read_bytes()
            flags: dict[str, int] = cached_answer("flags", sha256(listed).hexdigest(), _flags_of_pipeline)
            return flags
    return _flags_of_pipeline()


def _flags_of_pipeline() -> dict[str, int]:
    from stdatamodels.jwst.datamodels import dqflags

    return {name: value for name, value in dqflags.pixel.items() if value}


def bits_of(mnemonics: Iterable[str]) -> int:
    """Return the DQ value in which exactly these mnemonics are set.

    Parameters
    ----------
    mnemonics : iterable of str

    Raises
    ------
    KeyError
        When a mnemonic is not one of the pipeline's.
    """
    value = 0
    for mnemonic in mnemonics:
        value |= pixel_flags()[mnemonic]
    return value


def dq_bits(*mnemonics: str) -> np.uint32:
    """Return the DQ value in which exactly these mnemonics are set, in the type of a DQ array.

    Raises
    ------
    KeyError
        When a mnemonic is not one of the pipeline's.
    """
    return np.uint32(bits_of(mnemonics))


def has_flag(dq: np.ndarray, *mnemonics: str) -> np.ndarray:
    """Return the pixels in which at least one of these mnemonics is set.

    Parameters
    ----------
    dq : numpy.ndarray, any shape, uint32
    *mnemonics : str

    Returns
    -------
    numpy.ndarray, same shape, bool
    """
    flagged: np.ndarray = (dq & dq_bits(*mnemonics)) != 0
    return flagged


def flags_in(dq: np.ndarray) -> tuple[str, ...]:
    """Return the mnemonics that at least one pixel has.

    Parameters
    ----------
    dq : numpy.ndarray, shape (y, x), uint32
    """
    return names_in(int(np.bitwise_or.reduce(dq, axis=None)), pixel_flags())


def count_flags(dq: np.ndarray) -> dict[str, int]:
    """Return how many pixels have each mnemonic, of those that at least one pixel has.

    Parameters
    ----------
    dq : numpy.ndarray, shape (y, x), uint32

    Returns
    -------
    dict of str to int
    """
    return {name: int(np.count_nonzero(dq & np.uint32(pixel_flags()[name]))) for name in flags_in(dq)}


@dataclass(frozen=True)
class FlagTable:
    """Which DQ bits the categories of a search set.

    Attributes
    ----------
    mnemonics : mapping of Category to tuple of str
        The mnemonics that a pixel of the category gets; an empty tuple for a category that is only catalogued.
    do_not_use : frozenset of Category
        The categories that also get DO_NOT_USE.
    neighbours : bool
        Whether the four neighbours of a hot pixel get ``NEIGHBOUR_FLAGS`` (:meth:`beside_hot`).
    """

    mnemonics: Mapping[Category, tuple[str, ...]]
    do_not_use: frozenset[Category]
    neighbours: bool = False

    def value(self, category: Category) -> int:
        """Return the DQ value of a pixel of this one category."""
        extra = ("DO_NOT_USE",) if category in self.do_not_use else ()
        return bits_of((*self.mnemonics.get(category, ()), *extra))

    def unusable(self, categories: np.ndarray) -> np.ndarray:
        """Return which pixels of a category image get DO_NOT_USE, bool of the same shape."""
        return has_flag(self.to_dq(categories), "DO_NOT_USE")

    def beside_hot(self, categories: np.ndarray) -> np.ndarray:
        """Return the pixels that are not used for a hot neighbour, though they may be good themselves.

        Parameters
        ----------
        categories : numpy.ndarray, shape (y, x), uint16

        Returns
        -------
        numpy.ndarray, same shape, bool
            The left, right, lower and upper neighbours of each pixel with HOT; none where ``neighbours`` is not set.
        """
        if not self.neighbours:
            return np.zeros(categories.shape, bool)
        return four_neighbours(has_flag(self.to_dq(categories), "HOT"))

    @property
    def measured_bits(self) -> np.uint32:
        """The bits that the search judges anew in every pixel: all that a category sets, but for DO_NOT_USE."""
        return dq_bits(*(name for names in self.mnemonics.values() for name in names if name != "DO_NOT_USE"))

    def to_dq(self, categories: np.ndarray) -> np.ndarray:
        """Turn a category image into a DQ image.

        Parameters
        ----------
        categories : numpy.ndarray, shape (y, x), uint16
            NOISY with ``USABLE`` beside it gives its mnemonics and no DO_NOT_USE.

        Returns
        -------
        numpy.ndarray, shape (y, x), uint32
        """
        return required_dq(categories, {category.bit: self.value(category) for category in Category})


def required_dq(categories: np.ndarray, values: Mapping[int, int]) -> np.ndarray:
    """Return the DQ bits that the categories of each pixel require.

    Parameters
    ----------
    categories : numpy.ndarray, shape (y, x), uint16
        NOISY with ``USABLE`` beside it requires its mnemonics and no DO_NOT_USE.
    values : mapping of int to int
        DQ bits by category bit.

    Returns
    -------
    numpy.ndarray, shape (y, x), uint32
    """
    # Nearly all pixels have no category.
    some = np.flatnonzero(categories != 0)
    named = categories.ravel()[some]
    required = np.zeros(named.shape, dtype=np.uint32)
    for bit, value in values.items():
        here = (named & np.uint16(bit)) != 0
        if bit == Category.NOISY.bit:
            usable = here & ((named & USABLE) != 0)
            required[usable] |= np.uint32(value) & ~dq_bits("DO_NOT_USE")
            here &= ~usable
        required[here] |= np.uint32(value)
    dq = np.zeros(categories.shape, dtype=np.uint32)
    dq.reshape(-1)[some] = required
    return dq


def four_neighbours(where: np.ndarray) -> np.ndarray:
    """Return the left, right, lower and upper neighbours of some pixels, without these pixels, bool (y, x)."""
    beside = np.zeros_like(where)
    beside[1:] |= where[:-1]
    beside[:-1] |= where[1:]
    beside[:, 1:] |= where[:, :-1]
    beside[:, :-1] |= where[:, 1:]
    others: np.ndarray = beside & ~where
    return others


FLIGHT_FLAGS = FlagTable(
    mnemonics={
        Category.SATURATED: ("HOT",),
        Category.HOT: ("HOT",),
        Category.WARM: ("WARM",),
        Category.RC: ("RC",),
        Category.INVERSE_RC: ("RC",),
        Category.TELEGRAPH: ("TELEGRAPH",),
        Category.NOISY: ("UNRELIABLE_SLOPE",),
        Category.LOW_PEDESTAL: ("OTHER_BAD_PIXEL",),
        Category.UNDETERMINED: (),
        Category.INTERMITTENT: ("UNRELIABLE_DARK",),
        Category.TRANSIENT: (),
    },
    do_not_use=frozenset(
        {
            Category.SATURATED,
            Category.HOT,
            Category.RC,
            Category.INVERSE_RC,
            Category.TELEGRAPH,
            Category.NOISY,
            Category.INTERMITTENT,
        }
    ),
)
