"""Some pixels of a set and all that is said of each, in columns: a page packs them, and a command takes one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from darkmask.core.categories import categories_in
from darkmask.search.flight.evidence import Evidence, Question
from darkmask.search.maps.layout import JUMP_DET, SATURATED

from .explanation import Explanation, PixelTest, Ramps


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
    groups : numpy.ndarray, shape (shown group,), int
        Groups of which ``ramps`` are, counted from 0: the first and the last, and all unless fewer were wanted.
    ramps : numpy.ndarray, shape (integration, shown group, n), float32, DN
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
    groups: np.ndarray
    ramps: np.ndarray
    groupdq: np.ndarray

    def __len__(self) -> int:
        return self.y.size

    def one(self, number: int) -> Explanation:
        """Return the explanation of one of the pixels, with its ramps if they are there whole."""
        groupdq = self.groupdq[:, :, number]
        whole = self.groups.size == groupdq.shape[1]
        ramps = Ramps(self.names, self.ramps[:, :, number], _has(groupdq, JUMP_DET), _has(groupdq, SATURATED))
        return Explanation(
            self.place,
            int(self.x[number]),
            int(self.y[number]),
            categories_in(int(self.categories[number])),
            [
                _test(key, self.questions[key], test, number)
                for key, test in self.tests.items()
                if test.asked[number]
            ],
            [(name, texts[number]) for name, texts in self.facts.items()],
            self.around[number],
            ramps if whole else None,
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


class Sampler:
    """Takes what each test compared at some pixels, amplifier by amplifier and in any order.

    Parameters
    ----------
    questions : mapping of str to Question
    y, x : numpy.ndarray, shape (n,), int
    gain : float
        Electrons of a DN.
    """

    def __init__(self, questions: Mapping[str, Question], y: np.ndarray, x: np.ndarray, gain: float = 1.0):
        self._questions, self._y, self._x, self._gain = questions, y, x, gain
        nothing, never = np.full(y.size, np.nan), np.zeros(y.size, bool)
        self._taken = {key: Asked(nothing.copy(), nothing.copy(), never.copy(), never.copy()) for key in questions}

    def take(self, rows: slice, columns: slice, evidence: Evidence) -> None:
        """Take the pixels of a part of the frame, in which ``evidence`` counts from its corner, or is of them alone."""
        here = (rows.start <= self._y) & (self._y < rows.stop) & (columns.start <= self._x) & (self._x < columns.stop)
        place = np.flatnonzero(here)
        y, x = self._y[place] - rows.start, self._x[place] - columns.start
        # Of these pixels alone, by row and then by column, each once.
        _, number = np.unique(y * (columns.stop - columns.start) + x, return_inverse=True)
        for key, question in self._questions.items():
            test = evidence.get(key)
            if test is None:
                continue
            made, scale = self._taken[key], self._gain if question.in_electrons else 1.0
            where = (y, x) if test.value.ndim == 2 else number
            value, limit, passes = test.at(where)
            made.value[place] = value * np.float64(scale)
            if limit is not None:
                made.limit[place] = np.asarray(limit, np.float64) * scale
            made.passes[place], made.asked[place] = passes, test.asked[where]

    def tests(self) -> dict[str, Asked]:
        """Return what was taken, of the tests that some pixel was put to."""
        return {key: made for key, made in self._taken.items() if made.asked.any()}
