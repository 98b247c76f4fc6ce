"""Explain pixels of a set: what the search compared, their ramps, their neighbours, and what others say of them.

One function samples all of it for any number of pixels, so that the page, the command and the notebook say the same.
"""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.errors import ParameterError
from darkmask.core.flags import Category, category_names, in_category
from darkmask.delivery import OpenSet
from darkmask.search.engines import judge_maps, measure_maps
from darkmask.search.flight.categories import FlightResult
from darkmask.search.flight.evidence import QUESTIONS, Evidence, Question
from darkmask.search.flight.unstable import two_level_gains
from darkmask.search.maps import CombinedMaps
from darkmask.search.maps.layout import JUMP_DET, SATURATED
from darkmask.search.official import questions as official
from darkmask.search.official.categories import compare_official
from darkmask.search.official.reading import Area, official_maps
from darkmask.search.request import SetRequest

from .catalogue import rate_error
from .examples import strength
from .explanation import Explanation, PixelTest, Ramps, rate_words
from .told import Teller

Said = Mapping[str, Teller]


class Asked(NamedTuple):
    """One test, put to some pixels; every attribute has shape (n,).

    Attributes
    ----------
    value, limit : float64
        In the unit of the question; the limit is NaN where there is none.
    passes, asked : bool
    """

    value: np.ndarray
    limit: np.ndarray
    passes: np.ndarray
    asked: np.ndarray


@dataclass(frozen=True)
class Explained:
    """Some pixels of a set, and all that is said of each.

    Attributes
    ----------
    place : str
        Detector and subarray.
    y, x : numpy.ndarray, shape (n,), int
        In the set's own frame, counted from 0.
    categories : numpy.ndarray, shape (n,), uint16
    questions : mapping of str to Question
    tests : dict of str to Asked
        By the short name of the test, in the order of the questions.
    facts : dict of str to list of str
        By name, one text for each pixel.
    around : numpy.ndarray, shape (n, 3, 3), float32, e-/s
        Rates of the pixel and its neighbours; NaN beyond the frame.
    names : tuple of str
        What each integration is called.
    ramps : numpy.ndarray, shape (integration, group, n), float32, DN
    groupdq : numpy.ndarray, shape (integration, group, n), uint8
    """

    place: str
    y: np.ndarray
    x: np.ndarray
    categories: np.ndarray
    questions: Mapping[str, Question]
    tests: dict[str, Asked]
    facts: dict[str, list[str]]
    around: np.ndarray
    names: tuple[str, ...]
    ramps: np.ndarray
    groupdq: np.ndarray

    def __len__(self) -> int:
        return self.y.size

    def one(self, number: int) -> Explanation:
        """Return the explanation of one of the pixels."""
        names = category_names(int(self.categories[number]))
        groupdq = self.groupdq[:, :, number]
        return Explanation(
            self.place,
            int(self.x[number]),
            int(self.y[number]),
            tuple(names.split(",")) if names else (),
            [
                _test(key, self.questions[key], test, number)
                for key, test in self.tests.items()
                if test.asked[number]
            ],
            [(name, texts[number]) for name, texts in self.facts.items()],
            self.around[number],
            Ramps(
                self.names, self.ramps[:, :, number], _has(groupdq, JUMP_DET), _has(groupdq, SATURATED)
            ),
        )  # fmt: skip


def _test(key: str, asks: Question, test: Asked, number: int) -> PixelTest:
    limit = float(test.limit[number])
    return PixelTest(
        key,
        asks.name,
        float(test.value[number]),
        asks.unit,
        asks.relation,
        None if np.isnan(limit) else limit,
        bool(test.passes[number]),
        asks.sentence,
    )


def _has(groupdq: np.ndarray, bit: int) -> np.ndarray:
    flagged: np.ndarray = (groupdq & np.uint8(bit)) != 0
    return flagged


class Explainer:
    """Explains the pixels of one set; it measures the set when it is first asked, and keeps what the search compared.

    Parameters
    ----------
    request : SetRequest
    categories : numpy.ndarray, shape (y, x), uint16
        What the search called the pixels.
    keep : bool
        See :func:`darkmask.search.engines.measure_maps`.

    Raises
    ------
    ParameterError
        When jwst_reffiles searched the set, which keeps no numbers.
    """

    def __init__(self, request: SetRequest, categories: np.ndarray, keep: bool = False):
        if request.engine != "native":
            raise ParameterError(
                f"The engine {request.engine!r} keeps no numbers that explain a pixel: search with engine='native', "
                "whose search='official' follows the same rules."
            )
        self._request, self._categories, self._keep = request, categories, keep

    def explain(self, x: int, y: int, said: Said | None = None) -> Explanation:
        """Return each test that a pixel was put to, and what else is known of it.

        Parameters
        ----------
        x, y : int
            Counted from 0 in the set's frame.
        said : mapping of str to Teller, optional
            What others say of the set's pixels, see :mod:`.told`.

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
        x, y = inside("x", x, columns), inside("y", y, rows)
        return self.explain_all(np.array([y]), np.array([x]), said).one(0)

    def explain_all(self, y: np.ndarray, x: np.ndarray, said: Said | None = None) -> Explained:
        """Return the explanations of some pixels, shape (n,) each, all inside the frame; see :meth:`explain`."""
        flight = self._request.search == "flight"
        names, ramps, groupdq = self._ramps(y, x)
        return Explained(
            place=f"{self._request.detector} {self._request.subarray}",
            y=y,
            x=x,
            categories=self._categories[y, x],
            questions=QUESTIONS if flight else official.QUESTIONS,
            tests=self._flight_tests(y, x) if flight else self._official_tests(y, x),
            facts=self._facts(y, x, said or {}),
            around=_around(self._rate, y, x),
            names=names,
            ramps=ramps,
            groupdq=groupdq,
        )

    def strongest(self, category: Category, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and columns of the strongest pixels of a category, the strongest first."""
        y, x = np.nonzero(in_category(self._categories, category))
        order = np.argsort(-strength(category, self._maps, y, x), kind="stable")[:most]
        return y[order], x[order]

    def rate_and_error(self, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rates of some pixels and their errors, e-/s, shape (n,)."""
        gain, key = look_up_detector(self._request.detector).gain, self._request.exposures[0].set_key
        return self._rate[y, x], rate_error(self._maps, y, x, self._request.detector, key.tgroup, key.readpatt) * gain

    @cached_property
    def _maps(self) -> CombinedMaps:
        return measure_maps(self._request, self._keep)

    @cached_property
    def _judged(self) -> FlightResult:
        return judge_maps(self._request, self._maps, keep_evidence=True)

    @cached_property
    def _compared(self) -> tuple[Area, Evidence]:
        area, maps = official_maps(self._request)
        return area, compare_official(maps, self._request.parameters)

    @cached_property
    def _rate(self) -> np.ndarray:
        if self._request.search == "flight":
            return self._judged.rate
        return self._maps.rate * np.float32(look_up_detector(self._request.detector).gain)

    def _facts(self, y: np.ndarray, x: np.ndarray, said: Said) -> dict[str, list[str]]:
        maps = self._maps
        rates = zip(*self.rate_and_error(y, x), strict=True)
        noise, usual = maps.noise[y, x], self._judged.noise[x] if self._request.search == "flight" else None
        told = [f"{value:.4g} DN in the difference of two groups" for value in noise]
        if usual is not None:
            shares = zip(told, noise / usual, strict=True)
            told = [f"{text}, {share:.3g} times that of good pixels" for text, share in shares]
        jumps = zip(maps.jumps[y, x], maps.falls[y, x], strict=True)
        facts = {
            "rate": [rate_words(rate, error) for rate, error in rates],
            "noise": told,
            "pedestal": [f"{value:.4g} DN" for value in maps.pedestal[y, x]],
            "jumps": [f"{up} groups flagged, {down} differences fall by more than chance allows" for up, down in jumps],
        }
        return facts | {source: teller(y, x) for source, teller in said.items()}

    def _ramps(self, y: np.ndarray, x: np.ndarray) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
        """Return names, ramps and GROUPDQ of every integration that was searched, in the order of time."""
        opened = OpenSet(self._request.exposures, self._request.folder, self._request.integrations)
        read = {exposure: exposure.ramps(y, x) for exposure in dict.fromkeys(one for one, _ in opened.planes)}
        for exposure in read:
            exposure.check_unchanged()
        ramps, groupdq = (np.stack([read[exposure][k][i] for exposure, i in opened.planes]) for k in (0, 1))
        return tuple(exposure.name_of(i) for exposure, i in opened.planes), ramps, groupdq

    def _official_tests(self, y: np.ndarray, x: np.ndarray) -> dict[str, Asked]:
        (rows, columns), evidence = self._compared
        here = (rows.start <= y) & (y < rows.stop) & (columns.start <= x) & (x < columns.stop)
        place = np.flatnonzero(here)
        return _sampled(
            ((evidence, place, y[place] - rows.start, x[place] - columns.start),), official.QUESTIONS, y.size
        )

    def _flight_tests(self, y: np.ndarray, x: np.ndarray) -> dict[str, Asked]:
        found = self._judged
        parts = []
        for of, evidence in found.evidence:
            place = np.flatnonzero((of.start <= x) & (x < of.stop))
            parts.append((evidence, place, y[place], x[place] - of.start))
        tests = _sampled(parts, QUESTIONS, y.size, look_up_detector(self._request.detector).gain)
        asked = found.in_question[y, x]
        if asked.any():
            gains, limit = self._two_level_gains(y, x, asked), self._request.parameters.telegraph_bic
            tests["telegraph"] = Asked(gains, np.full(y.size, float(limit)), gains > limit, asked)
        return tests

    def _two_level_gains(self, y: np.ndarray, x: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """Return how much better two levels explain the reads of the pixels in question; NaN of the others."""
        found = self._judged
        rows = np.zeros_like(found.unstable)
        chosen = np.unique(y[asked])
        rows[chosen] = found.in_question[chosen]
        gains = np.full(rows.shape, np.nan)
        gains[rows] = two_level_gains(self._request, self._maps, found, rows)
        return np.where(asked, gains[y, x], np.nan)


def _sampled(
    parts: Sequence[tuple[Evidence, np.ndarray, np.ndarray, np.ndarray]],
    questions: Mapping[str, Question],
    size: int,
    gain: float = 1.0,
) -> dict[str, Asked]:
    """Return what each test compared at some pixels.

    Parameters
    ----------
    parts : sequence of (Evidence, numpy.ndarray, numpy.ndarray, numpy.ndarray)
        Of each amplifier: what was compared, which of the pixels lie in it, and where.
    questions : mapping of str to Question
    size : int
        Number of pixels.
    gain : float
        Electrons of a DN.
    """
    tests = {}
    for key, question in questions.items():
        scale = gain if question.in_electrons else 1.0
        made = Asked(np.full(size, np.nan), np.full(size, np.nan), np.zeros(size, bool), np.zeros(size, bool))
        for evidence, place, y, x in parts:
            test = evidence.get(key)
            if test is None or not place.size:
                continue
            value = test.value[y, x]
            limit = test.limit[y, x] if np.ndim(test.limit) == 2 else test.limit
            made.value[place] = value * np.float64(scale)
            if limit is not None:
                made.limit[place] = np.asarray(limit, np.float64) * scale
            made.passes[place], made.asked[place] = test.passes(value, limit), test.asked[y, x]
        if made.asked.any():
            tests[key] = made
    return tests


def _around(image: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the 3x3 pixels about each of some pixels, shape (n, 3, 3); NaN beyond the frame."""
    wide = np.pad(image, 1, constant_values=np.nan)
    steps = np.arange(3)
    return wide[y[:, None, None] + steps[:, None], x[:, None, None] + steps]


def inside(axis: str, place: int, size: int) -> int:
    """Return a place in the frame as a whole number.

    Raises
    ------
    ParameterError
        When it is none, or lies outside.
    """
    try:
        number = operator.index(place)
    except TypeError:
        raise ParameterError(f"{axis} = {place!r} is no whole number: pixels are counted from 0.") from None
    if not 0 <= number < size:
        raise ParameterError(f"{axis} = {number} lies outside the frame: give a number from 0 to {size - 1}.")
    return number
