"""Find what is wrong with a DQ array: pure functions of arrays that count pixels."""

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.flags import (
    CONTRADICTIONS,
    FLIGHT_FLAGS,
    MASK_MNEMONICS,
    NEIGHBOUR_FLAGS,
    FlagTable,
    dq_bits,
    four_neighbours,
    has_flag,
    pixel_flags,
    required_dq,
)


def foreign_bits(dq: np.ndarray) -> tuple[int, list[str]]:
    """Count the pixels with a bit that does not belong in a mask, and name those bits.

    Parameters
    ----------
    dq : numpy.ndarray, shape (y, x), uint32

    Returns
    -------
    pixels : int
    names : list of str
    """
    names = [name for name in pixel_flags() if name not in MASK_MNEMONICS and has_flag(dq, name).any()]
    return int(((dq & ~dq_bits(*MASK_MNEMONICS)) != 0).sum()), names


def missing_bits(dq: np.ndarray, categories: np.ndarray, mandatory: dict[int, int], beside_hot: np.ndarray) -> int:
    """Count the pixels of a category that lack a bit which every pixel of that category must carry.

    Parameters
    ----------
    dq : numpy.ndarray, shape (y, x), uint32
    categories : numpy.ndarray, shape (y, x), uint16
    mandatory : dict of int to int
        DQ bits by category bit, see :func:`darkmask.core.flags.required_dq`.
    beside_hot : numpy.ndarray, shape (y, x), bool
        Pixels that must carry ``NEIGHBOUR_FLAGS``.
    """
    beside = dq_bits(*NEIGHBOUR_FLAGS)
    lacking = beside_hot & ((dq & beside) != beside)
    required = required_dq(categories, mandatory)
    lacking |= (dq & required) != required
    return int(lacking.sum())


def unusable_without_flag(dq: np.ndarray, table: FlagTable = FLIGHT_FLAGS) -> int:
    """Count the pixels without DO_NOT_USE that have a flag whose category always gets it.

    This is for masks that somebody else made: there saturated, hot, rc and telegraph pixels are HOT, RC and TELEGRAPH.

    Parameters
    ----------
    dq : numpy.ndarray, shape (y, x), uint32
    table : FlagTable
        Whether telegraph pixels get it, and the neighbours of hot ones, which are no reference pixels.
    """
    flagged = has_flag(dq, "HOT", "RC", "DEAD")
    if Category.TELEGRAPH in table.do_not_use:
        flagged |= has_flag(dq, "TELEGRAPH")
    if table.neighbours:
        flagged |= four_neighbours(has_flag(dq, "HOT")) & ~has_flag(dq, "REFERENCE_PIXEL")
    return int((flagged & ~has_flag(dq, "DO_NOT_USE")).sum())


def contradictions(dq: np.ndarray) -> tuple[int, list[str]]:
    """Count the pixels that carry two flags which exclude each other, and name the pairs found.

    Parameters
    ----------
    dq : numpy.ndarray, shape (y, x), uint32

    Returns
    -------
    pixels : int
    pairs : list of str
    """
    wrong = np.zeros(dq.shape, dtype=bool)
    pairs = []
    for pair in CONTRADICTIONS:
        both = dq_bits(*pair)
        here = (dq & both) == both
        if here.any():
            pairs.append(" and ".join(pair))
        wrong |= here
    return int(wrong.sum()), pairs


def border_errors(dq: np.ndarray, border: np.ndarray) -> tuple[int, int]:
    """Count the pixels of the reference border without REFERENCE_PIXEL, and the pixels inside it that have the flag.

    Parameters
    ----------
    dq : numpy.ndarray, shape (y, x), uint32
    border : numpy.ndarray, shape (y, x), bool

    Returns
    -------
    missing, misplaced : int
    """
    flagged = has_flag(dq, "REFERENCE_PIXEL")
    return int((border & ~flagged).sum()), int((flagged & ~border).sum())


def decoding_changes(raw: np.ndarray, decoded: np.ndarray) -> dict[str, tuple[int, int]]:
    """Count the pixels that each flag gains and loses when the pipeline decodes a stored array through its DQ_DEF.

    Parameters
    ----------
    raw, decoded : numpy.ndarray, shape (y, x), integer and uint32

    Returns
    -------
    dict of str to (int, int)
        (gained, lost) by mnemonic, without flags that do not change; ``bits above 31`` is added if there are any.
    """
    stored = raw.astype(np.uint32)
    differ = stored != decoded
    stored, decoded = stored[differ], decoded[differ]
    changes = {}
    for name in pixel_flags():
        before, after = has_flag(stored, name), has_flag(decoded, name)
        gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
        if gained or lost:
            changes[name] = (gained, lost)
    beyond = int((raw.astype(np.uint64) >> np.uint64(32) != 0).sum()) if raw.dtype.itemsize > 4 else 0
    return changes | ({"bits above 31": (0, beyond)} if beyond else {})


def undefined_bits(raw: np.ndarray, dq_def) -> tuple[int, list[str]]:
    """Count the pixels with a stored bit that DQ_DEF does not define by a name which the pipeline knows.

    Parameters
    ----------
    raw : numpy.ndarray, shape (y, x), integer
    dq_def : sequence of (int, str)
        VALUE and NAME.

    Returns
    -------
    pixels : int
    bits : list of str
        The value of each such bit, with its unknown name if DQ_DEF gives one.
    """
    known = {value for value, name in dq_def if name in pixel_flags()}
    named = {value: name for value, name in dq_def if name not in pixel_flags()}
    stored = _stored(raw)
    used = int(np.bitwise_or.reduce(stored, axis=None)) if stored.size else 0
    strangers = [1 << bit for bit in range(64) if used >> bit & 1 and (1 << bit) not in known]
    mask = np.uint64(sum(strangers))
    bits = [f"{value} ({named[value]!r})" if value in named else str(value) for value in strangers]
    return int(((stored & mask) != 0).sum()), bits


def moved_flags(raw: np.ndarray, dq_def) -> list[tuple[str, int, int, int]]:
    """Return the flags to which DQ_DEF gives a value that no pixel has, while pixels have the flag's standard value.

    A compact DQ_DEF gives flags other values than the pipeline's, and the array uses them. A DQ_DEF that was made for
    another array leaves its flags without pixels; what the pixels meant is then lost in decoding.

    Parameters
    ----------
    raw : numpy.ndarray, shape (y, x), integer
    dq_def : sequence of (int, str)
        VALUE and NAME.

    Returns
    -------
    list of (str, int, int, int)
        Name, value by DQ_DEF, standard value, and number of pixels that have the standard value.
    """
    stored = raw.astype(np.uint32)
    moved = []
    for value, name in dq_def:
        standard = pixel_flags().get(name, value)
        if standard == value or not 0 < value < 2**32 or (stored & np.uint32(value)).any():
            continue
        pixels = int(((stored & np.uint32(standard)) != 0).sum())
        if pixels:
            moved.append((name, value, standard, pixels))
    return moved


def ambiguous_rows(dq_def, bits=()) -> list[tuple[int, str]]:
    """Return the rows of DQ_DEF that do not give one bit one name.

    Parameters
    ----------
    dq_def : sequence of (int, str)
        VALUE and NAME.
    bits : sequence of int
        BIT of each row; empty when the table has no such column.

    Returns
    -------
    list of (int, str)
        The value concerned, and the error as an object of "has".
    """
    errors = []
    values = [value for value, _ in dq_def]
    names = [name for _, name in dq_def]
    for value, name in dq_def:
        if not _is_one_bit(value):
            errors.append((value, f"{name} at {value} in DQ_DEF, which is not one bit of 32"))
        if values.count(value) > 1:
            errors.append((value, f"{name} at {value} in DQ_DEF, a value that stands there more than once"))
        if name in pixel_flags() and names.count(name) > 1:
            errors.append((value, f"{name} at {value} in DQ_DEF, a name that stands there more than once"))
    for (value, name), bit in zip(dq_def, bits, strict=False):
        if _is_one_bit(value) and value.bit_length() - 1 != bit:
            errors.append((value, f"{name} at {value} in DQ_DEF, whose BIT is {bit} and not {value.bit_length() - 1}"))
    return errors


def changed_pixels(raw: np.ndarray, decoded: np.ndarray, dq_def) -> np.ndarray:
    """Return which pixels have other flags after decoding than the array and DQ_DEF say by name.

    A stored bit means the first known name that DQ_DEF gives to it alone; without DQ_DEF, the pipeline's. A pixel
    changes when decoding gives it a flag that none of its bits means, or when one of its bits means nothing. A compact
    DQ_DEF, which gives flags other bits than the pipeline's, changes no pixel.

    Parameters
    ----------
    raw, decoded : numpy.ndarray, shape (y, x), integer and uint32
    dq_def : sequence of (int, str)
        VALUE and NAME.

    Returns
    -------
    numpy.ndarray, shape (y, x), bool
    """
    flags = pixel_flags()
    meanings: dict[int, str] = {} if dq_def else {value: name for name, value in flags.items()}
    for value, name in dq_def:
        if name in flags and _is_one_bit(value):
            meanings.setdefault(value, name)
    stored = _stored(raw)
    meant = np.zeros(raw.shape, dtype=np.uint32)
    for value, name in meanings.items():
        meant[(stored & np.uint64(value)) != 0] |= np.uint32(flags[name])
    changed: np.ndarray = (decoded != meant) | ((stored & ~np.uint64(sum(meanings))) != 0)
    return changed


def definition_errors(raw: np.ndarray, dq_def, bits_of_rows=()) -> tuple[int, list[str]]:
    """Return what is wrong with DQ_DEF: bits that it does not define, and flags that it takes for others.

    Parameters
    ----------
    raw : numpy.ndarray, shape (y, x), integer
    dq_def : sequence of (int, str)
        VALUE and NAME.
    bits_of_rows : sequence of int
        BIT of each row; empty when the table has no such column.

    Returns
    -------
    pixels : int
        Number of pixels concerned; at least 1 when there is no DQ_DEF or one of its rows is ambiguous.
    said : list of str
        The errors found, as objects of "has".
    """
    count, bits = undefined_bits(raw, dq_def)
    if not dq_def:
        return max(count, 1), ["no DQ_DEF"]
    said = [f"a DQ_DEF that does not define {', '.join(bits[:6])} by a known name"] if bits else []
    stored, concerned = _stored(raw), 0
    for name, value, standard, pixels in moved_flags(raw, dq_def):
        concerned |= standard
        said.append(f"{name} at {value} by DQ_DEF, which no pixel has, while {pixels} pixels have {standard}")
    for value, error in ambiguous_rows(dq_def, bits_of_rows):
        concerned |= value
        said.append(error)
        count = max(count, 1)
    return max(count, int(((stored & np.uint64(concerned & 2**64 - 1)) != 0).sum())), said


def _is_one_bit(value: int) -> bool:
    return 0 < value < 2**32 and value.bit_count() == 1


def _stored(raw: np.ndarray) -> np.ndarray:
    """Return a stored array as uint64 (y, x), without the sign that 64 bits would repeat above the highest bit."""
    return (raw if raw.dtype.itemsize > 4 else raw.astype(np.uint32)).astype(np.uint64)
