"""Why a pixel has the categories that it has, in words: each test of the search with its value, limit and outcome."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, overload

import numpy as np

from darkmask.core.display import html_table, one_line, text_table
from darkmask.core.naming import ByName

if TYPE_CHECKING:
    from astropy.table import QTable


class PixelTest(NamedTuple):
    """One test of a pixel.

    Attributes
    ----------
    test : str
        A short name: a key of ``QUESTIONS`` in :mod:`darkmask.search.flight.evidence`, or in
        :mod:`darkmask.search.official.questions`.
    name : str
        Of what was measured.
    value : float
    unit : str
    relation : str
        In which a value that passes stands to the limit.
    limit : float or None
    outcome : bool
        Whether the value passes.
    sentence : str
        What passing means.
    """

    test: str
    name: str
    value: float
    unit: str
    relation: str
    limit: float | None
    outcome: bool
    sentence: str


class Ramps(NamedTuple):
    """The ramps of a pixel, of every integration that was searched, in the order of time.

    Attributes
    ----------
    names : tuple of str
        What each integration is called.
    counts : numpy.ndarray, shape (integration, group), float32, DN
    jumps, saturated : numpy.ndarray, shape (integration, group), bool
        Groups with these flags.
    """

    names: tuple[str, ...]
    counts: np.ndarray
    jumps: np.ndarray
    saturated: np.ndarray

    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """Return a line for each integration: name, first and last group in DN, groups with jumps, and saturated."""
        return [
            (name, whole(counts[0]), whole(counts[-1]), groups_of(jumps), groups_of(full))
            for name, counts, jumps, full in zip(*self, strict=True)
        ]


RAMP_HEADER = ("integration", "first group, DN", "last group, DN", "jumps in group", "saturated in group")
TEST_HEADER = ("measured", "value", "limit", "unit", "passes", "what passing means")


class Explanation(Sequence[PixelTest]):
    """The tests that a pixel was put to, in their order; what no longer mattered was not asked.

    Parameters
    ----------
    place : str
        Detector and subarray.
    x, y : int
    categories : tuple of str
        What the search calls the pixel.
    tests : sequence of PixelTest
    facts : sequence of (str, str)
        What else is known of the pixel, by its name.
    around : numpy.ndarray, shape (3, 3), float32, e-/s, optional
        Rates of the pixel and its neighbours, row by row from below; NaN beyond the frame.
    ramps : Ramps, optional
    asked : bool
        Whether the tests are known; a pixel without any then is a reference pixel.
    """

    def __init__(
        self,
        place: str,
        x: int,
        y: int,
        categories: tuple[str, ...],
        tests: Sequence[PixelTest],
        facts: Sequence[tuple[str, str]] = (),
        around: np.ndarray | None = None,
        ramps: Ramps | None = None,
        asked: bool = True,
    ):
        self.place, self.x, self.y, self.categories = place, x, y, categories
        self.facts, self.around, self.ramps = tuple(facts), around, ramps
        self._tests, self._asked = tuple(tests), asked
        self._by_name = ByName("test of this pixel", {test.test: test for test in self._tests})

    @overload
    def __getitem__(self, which: int) -> PixelTest: ...
    @overload
    def __getitem__(self, which: slice) -> tuple[PixelTest, ...]: ...
    @overload
    def __getitem__(self, which: str) -> PixelTest: ...
    def __getitem__(self, which: int | slice | str) -> PixelTest | tuple[PixelTest, ...]:
        """Return a test by its place or by its short name: ``explanation["detected"]``."""
        return self._by_name[which] if isinstance(which, str) else self._tests[which]

    def __len__(self) -> int:
        return len(self._tests)

    def __iter__(self) -> Iterator[PixelTest]:
        return iter(self._tests)

    def __contains__(self, test: object) -> bool:
        return test in self._by_name if isinstance(test, str) else test in self._tests

    def table(self) -> "QTable":
        """Return the same as a table, one row for each test."""
        from astropy.table import QTable

        rows = [t._replace(limit=np.nan if t.limit is None else t.limit) for t in self._tests]
        types = ("U20", "U40", "f8", "U20", "U20", "f8", "?", "U120")
        return QTable(rows=rows or None, names=PixelTest._fields, dtype=types)

    def rows(self) -> list[tuple[str, ...]]:
        """Return a line for each test, in the columns of ``TEST_HEADER``, as the page and the command show it."""
        return [
            (t.name, significant(t.value), limit_text(t.relation, t.limit), t.unit, "yes" if t.outcome else "no",
             t.sentence)
            for t in self._tests
        ]  # fmt: skip

    @property
    def caption(self) -> str:
        """Place and categories, in one line."""
        named = UNTESTED if self._asked and not self._tests else ", ".join(self.categories) or "good"
        return f"{self.place}, x = {self.x}, y = {self.y}: {named}"

    def __str__(self) -> str:
        parts = ["\n".join([self.caption, *(f"{name}: {text}" for name, text in self.facts)])]
        if self._tests:
            parts.append(text_table(TEST_HEADER, self.rows()))
        if self.around is not None:
            parts.append(f"{AROUND}\n{text_table(*self.neighbours())}")
        if self.ramps is not None:
            parts.append(text_table(RAMP_HEADER, self.ramps.rows()))
        return "\n\n".join(parts)

    def neighbours(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return the rates of the pixel and its neighbours as head and rows of a table, the highest row first."""
        around = np.full((3, 3), np.nan) if self.around is None else self.around
        head = ("y \\ x", *(str(self.x + dx) for dx in (-1, 0, 1)))
        rows = [(str(self.y + dy), *(significant(rate) for rate in around[dy + 1])) for dy in (1, 0, -1)]
        return head, rows

    def __repr__(self) -> str:
        return one_line("Explanation", self.caption, f"{len(self)} tests")

    def _repr_html_(self) -> str:
        told = html_table(self.caption, ("", ""), self.facts) if self.facts else ""
        return told + html_table("" if told else self.caption, TEST_HEADER, self.rows())


UNTESTED = "a reference pixel, to which the tests of science pixels are not put"
AROUND = "Rates of the pixel and its neighbours, electron/s"


def significant(value: float) -> str:
    """Return a number with four significant digits."""
    return f"{value:.4g}"


def rate_words(rate: float, error: float) -> str:
    """Return a rate with its error; a saturated pixel has none."""
    return f"{significant(rate)} +- {error:.2g} electron/s" if np.isfinite(rate) else "none"


def noise_words(noise: float, times: float | None = None) -> str:
    """Return a noise, DN, and how many times that of good pixels it is; a pixel without differences has none."""
    if not np.isfinite(noise):
        return "none"
    told = f"{significant(noise)} DN in the difference of two groups"
    return told if times is None else f"{told}, {times:.3g} times that of good pixels"


def pedestal_words(pedestal: float) -> str:
    """Return a pedestal, DN; a pixel without a ramp has none."""
    return f"{significant(pedestal)} DN" if np.isfinite(pedestal) else "none"


def jump_words(jumps: int, falls: int) -> str:
    """Return the jumps of a pixel in all integrations together, and those downwards."""
    return f"{jumps} groups flagged, {falls} differences fall by more than chance allows"


def limit_text(relation: str, limit: float | None) -> str:
    """Return how a value that passes stands to its limit."""
    return relation if limit is None else f"{relation} {significant(limit)}"


def whole(counts: float) -> str:
    """Return counts of a ramp, rounded."""
    number = float(counts)
    return str(round(number)) if math.isfinite(number) else "none"


def groups_of(flagged: np.ndarray) -> str:
    """Return the groups that have a flag, counted from 1; consecutive ones as a range."""
    runs: list[tuple[int, int]] = []
    for group in (np.flatnonzero(flagged) + 1).tolist():
        goes_on = runs and runs[-1][1] == group - 1
        runs.append((runs.pop()[0] if goes_on else group, group))
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in runs)
