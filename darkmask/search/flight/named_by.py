"""Keep, of the tests that give pixels their names, what was compared: at those pixels alone.

A whole map of each test is only kept for a reader who asks (:mod:`.evidence`). What stands in the catalogue is the
value and the limit of one test: of those that a category takes, the one that the pixel passed by least.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from darkmask.core.categories import Category, in_category
from darkmask.core.palette import STYLES

from .evidence import QUESTIONS

# For each category, the ways to it, the first of which a pixel took counts; a way is one test or several.
WAYS: dict[Category, tuple[tuple[str, ...], ...]] = {
    Category.SATURATED: (("level",), ("stuck",)),
    Category.HOT: (("full_early",), ("steady_rate", "hot"), ("late_rate", "hot"), ("detected", "hot"), ("high_state",)),
    Category.WARM: (("steady_rate", "warm"), ("late_rate", "warm"), ("detected", "warm")),
    Category.RC: (("early",), ("first_group", "change")),
    Category.INVERSE_RC: (("late",), ("below",)),
    Category.TELEGRAPH: (("telegraph",),),
    Category.NOISY: (
        ("falls",),
        ("noise", "noise_ratio"),
        ("scatter", "scatter_ratio"),
        ("own_jumps",),
        ("column_jumps", "column_noise"),
    ),
    Category.LOW_PEDESTAL: (("pedestal",),),
    Category.UNDETERMINED: (("lost",), ("differences",), ("few_quiet",)),
    Category.INTERMITTENT: (("varies",), ("fills",), ("switches",), ("levels",)),
    Category.TRANSIENT: (("trend",), ("varies",)),
}
NAMING = frozenset(name for ways in WAYS.values() for way in ways for name in way)
# What lies below this limit is undetermined: failing it gives the name.
FAILED = frozenset({"differences"})
# Stands for a test where no single one gives the name.
NOTHING = "-"


class Passed(NamedTuple):
    """The pixels that a test gives a name, or a part of it; each attribute has shape (n,).

    Attributes
    ----------
    place : numpy.ndarray, int32
        In the flattened frame, increasing.
    value, limit : numpy.ndarray, float32
        As the search compares them; NaN for a test without a limit.
    """

    place: np.ndarray
    value: np.ndarray
    limit: np.ndarray


def passed_at(
    where: np.ndarray, value: np.ndarray, limit: Any, first_column: int, width: int, at: tuple | None = None
) -> Passed:
    """Return what was compared where a test gives a name.

    Parameters
    ----------
    where : numpy.ndarray, shape (y, x) or (n,), bool
        Of some columns of the frame, or of n of their pixels.
    value : numpy.ndarray, the same shape
    limit : number, numpy.ndarray of that shape, or None
    first_column, width : int
        The first of these columns, and how many the frame has.
    at : tuple of numpy.ndarray, shape (n,), optional
        Row and column of the n pixels, by row and then by column.
    """
    here = np.flatnonzero(where)
    y, x = np.divmod(here, where.shape[1]) if at is None else (part[here] for part in at)
    # What stands for a pixel in the arrays.
    of: tuple[np.ndarray, ...] = (y, x) if at is None else (here,)
    if limit is None:
        limit = np.nan
    limits = limit[of] if np.shape(limit) == where.shape else np.full(here.size, limit)
    place = (y * width + x + first_column).astype(np.int32)
    return Passed(place, value[of].astype(np.float32), limits.astype(np.float32))


def joined(parts: Iterable[Mapping[str, Passed]]) -> dict[str, Passed]:
    """Join what the tests of amplifiers kept, in any order of these."""
    given = list(parts)
    names = [name for name in QUESTIONS if any(name in part for part in given)]
    found = {}
    for name in names:
        of = [part[name] for part in given if name in part]
        whole = Passed(*(np.concatenate(values) for values in zip(*of, strict=True)))
        found[name] = at_some(whole, np.argsort(whole.place))
    return found


def at_some(passed: Passed, chosen: np.ndarray) -> Passed:
    """Return what was compared at some of the pixels, which an index or a bool array chooses."""
    return Passed(*(values[chosen] for values in passed))


def of_pixels(passed: Passed, categories: np.ndarray) -> Passed:
    """Return what was compared at the pixels that have a category in an image, shape (y, x)."""
    return at_some(passed, categories.ravel()[passed.place] != 0)


class NamedBy(NamedTuple):
    """By which test pixels have their names; each attribute has shape (n,).

    Attributes
    ----------
    test : numpy.ndarray, str
        Short name, a key of ``QUESTIONS``; ``NOTHING`` where no single test gives the name.
    value, limit : numpy.ndarray, float32
        In the unit of the test's question; NaN where there is none.
    """

    test: np.ndarray
    value: np.ndarray
    limit: np.ndarray


def named_by(tests: Mapping[str, Passed], categories: np.ndarray, place: np.ndarray, gain: float) -> NamedBy:
    """Return by which test each of some pixels has the gravest of its categories.

    Parameters
    ----------
    tests : mapping of str to Passed
    categories : numpy.ndarray, shape (n,), uint16
    place : numpy.ndarray, shape (n,), int
        In the flattened frame, increasing.
    gain : float, e-/DN
    """
    width = max(map(len, (*NAMING, NOTHING)))
    test = np.full(place.size, NOTHING, f"U{width}")
    value, limit = np.full((2, place.size), np.nan, np.float32)
    known = {name: _values_at(passed, place) for name, passed in tests.items()}
    left = np.ones(place.size, bool)
    # The last marker is drawn on top: it is that of the gravest category.
    for category in reversed(STYLES):
        of = left & in_category(categories, category)
        left &= ~of
        for way in WAYS[category]:
            if any(name not in known for name in way):
                continue
            taken = of & np.logical_and.reduce([known[name][0] for name in way])
            of &= ~taken
            least = np.full(place.size, np.inf, np.float32)
            for name in way:
                _, values, limits = known[name]
                scale = np.float32(gain if QUESTIONS[name].in_electrons else 1)
                with np.errstate(divide="ignore", invalid="ignore"):
                    margin = np.abs(values - limits) / np.abs(limits)
                # A test without a limit has no margin: another one is named, where there is another one.
                margin[~np.isfinite(margin)] = np.finfo(np.float32).max
                closer = taken & (margin < least)
                test[closer], value[closer], limit[closer] = name, values[closer] * scale, limits[closer] * scale
                least[closer] = margin[closer]
    return NamedBy(test, value, limit)


def _values_at(passed: Passed, place: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return at which pixels a test gave a name, and value and limit there; NaN elsewhere."""
    found = np.searchsorted(passed.place, place)
    found[found == passed.place.size] = 0
    if not passed.place.size:
        nothing = np.full(place.size, np.nan, np.float32)
        return np.zeros(place.size, bool), nothing, nothing
    there = passed.place[found] == place
    return there, *(np.where(there, values[found], np.float32(np.nan)) for values in (passed.value, passed.limit))


def units() -> str:
    """Return the unit of the value by test, in words: what a column of several tests says of itself."""
    of: dict[str, list[str]] = {}
    for name in QUESTIONS:
        if name in NAMING:
            of.setdefault(QUESTIONS[name].unit or "no unit", []).append(name)
    return "; ".join(f"{unit}: {', '.join(names)}" for unit, names in of.items())
