"""Why a pixel has the categories that it has: each test of the flight search with its value, limit and outcome."""

import operator
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, overload

import numpy as np

from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.display import html_table, one_line, text_table
from darkmask.core.errors import ParameterError
from darkmask.core.flags import category_names
from darkmask.core.naming import ByName
from darkmask.search.engines import judge_maps, measure_maps
from darkmask.search.flight.categories import FlightResult
from darkmask.search.flight.evidence import QUESTIONS
from darkmask.search.flight.unstable import two_level_gains
from darkmask.search.maps import CombinedMaps
from darkmask.search.request import SetRequest

if TYPE_CHECKING:
    from astropy.table import QTable


class PixelTest(NamedTuple):
    """One test of a pixel.

    Attributes
    ----------
    test : str
        A short name: a key of ``QUESTIONS`` in :mod:`darkmask.search.flight.evidence`.
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
    """

    def __init__(self, place: str, x: int, y: int, categories: tuple[str, ...], tests: Sequence[PixelTest]):
        self.place, self.x, self.y, self.categories = place, x, y, categories
        self._tests = tuple(tests)
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

    def __str__(self) -> str:
        return f"{self._caption()}\n{text_table(_HEADER, self._rows())}" if self._tests else self._caption()

    def __repr__(self) -> str:
        return one_line("Explanation", self._caption(), f"{len(self)} tests")

    def _repr_html_(self) -> str:
        return html_table(self._caption(), _HEADER, self._rows())

    def _caption(self) -> str:
        named = ", ".join(self.categories) or "good"
        if not self._tests:
            named = "a reference pixel, which no test is put to"
        return f"{self.place}, x = {self.x}, y = {self.y}: {named}"

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (
                t.name,
                _number(t.value),
                f"{t.relation} {_number(t.limit)}".strip(),
                t.unit,
                "yes" if t.outcome else "no",
                t.sentence,
            )
            for t in self._tests
        ]


_HEADER = ("measured", "value", "limit", "unit", "passes", "what passing means")


class Explainer:
    """Explains the pixels of one set; it measures the set when it is first asked, and keeps what the search compared.

    Parameters
    ----------
    request : SetRequest

    Raises
    ------
    ParameterError
        When the set was not searched by the flight search.
    """

    def __init__(self, request: SetRequest):
        if request.engine != "native" or request.search != "flight":
            name = request.search if request.engine == "native" else request.engine
            raise ParameterError(f"Pixels are explained for search='flight' and not for {name!r}: search with it.")
        self._request = request

    @cached_property
    def _judged(self) -> tuple[CombinedMaps, FlightResult]:
        maps = measure_maps(self._request)
        return maps, judge_maps(self._request, maps, keep_evidence=True)

    def explain(self, x: int, y: int, categories: np.ndarray) -> Explanation:
        """Return each test that a pixel was put to.

        Parameters
        ----------
        x, y : int
            Counted from 0 in the set's frame.
        categories : numpy.ndarray, shape (y, x), uint16
            What the search called the pixels.

        Returns
        -------
        Explanation

        Raises
        ------
        ParameterError
            When the frame has no such pixel.
        DeliveryError
            When the darks have changed since they were searched.
        """
        rows, columns = self._request.shape
        x, y = _inside("x", x, columns), _inside("y", y, rows)
        maps, found = self._judged
        gain = look_up_detector(self._request.detector).gain
        tests = []
        for of, evidence in found.evidence:
            if not of.start <= x < of.stop:
                continue
            for key, question in QUESTIONS.items():
                test = evidence.get(key)
                if test is None or not test.asked[y, x - of.start]:
                    continue
                value, limit, outcome = test.at(y, x - of.start)
                scale = gain if question.in_electrons else 1
                limit = None if limit is None else float(limit) * scale
                tests.append(_outcome(key, float(value) * scale, limit, outcome))
        if found.in_question[y, x]:
            tests.append(self._telegraph(x, y, maps, found))
        place = f"{self._request.detector} {self._request.subarray}"
        names = category_names(int(categories[y, x]))
        return Explanation(place, x, y, tuple(names.split(",")) if names else (), tests)

    def _telegraph(self, x: int, y: int, maps: CombinedMaps, found: FlightResult) -> PixelTest:
        row = np.zeros_like(found.unstable)
        row[y] = found.in_question[y]
        gains = two_level_gains(self._request, maps, found, row)
        gain, limit = float(gains[np.count_nonzero(row[y, :x])]), self._request.parameters.telegraph_bic
        return _outcome("telegraph", gain, limit, gain > limit)


def _outcome(key: str, value: float, limit: float | None, outcome: bool) -> PixelTest:
    question = QUESTIONS[key]
    return PixelTest(
        key, question.name, value, question.unit, question.relation, limit, bool(outcome), question.sentence
    )


def _inside(axis: str, place: int, size: int) -> int:
    try:
        number = operator.index(place)
    except TypeError:
        raise ParameterError(f"{axis} = {place!r} is no whole number: pixels are counted from 0.") from None
    if not 0 <= number < size:
        raise ParameterError(f"{axis} = {number} lies outside the frame: give a number from 0 to {size - 1}.")
    return number


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
