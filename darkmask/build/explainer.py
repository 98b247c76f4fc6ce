"""Explain pixels of a set: what the search compared, their ramps, their neighbours, and what others say of them.

One function samples all of it for any number of pixels, so that the page, the command and the notebook say the same.
"""

import operator
from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np

from darkmask.core.categories import Category, in_category
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.errors import ParameterError
from darkmask.delivery import OpenSet
from darkmask.search.engines import judge_maps, measure_maps
from darkmask.search.flight.categories import FlightResult
from darkmask.search.flight.decays import OUTSIDE, Measured, told_of
from darkmask.search.flight.evidence import QUESTIONS, Evidence
from darkmask.search.flight.shielded import all_patches, own_rates, steady_limit
from darkmask.search.flight.steady import Planes
from darkmask.search.flight.unstable import two_level_gains
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.official import questions as official
from darkmask.search.official.categories import compare_official
from darkmask.search.official.reading import Area, official_maps
from darkmask.search.request import SetRequest

from .catalogue import rate_error
from .examples import strength
from .explained import Asked, Explained, Sampler
from .explanation import Explanation, jump_words, noise_words, pedestal_words, rate_words
from .told import Teller

Said = Mapping[str, Teller]


class Explainer:
    """Explains the pixels of one set; it measures the set when it is first asked, and keeps what the search compared.

    Parameters
    ----------
    request : SetRequest
    categories : numpy.ndarray, shape (y, x), uint16
        What the search called the pixels.
    keep : bool
        See :func:`darkmask.search.engines.measure_maps`.
    again : bool
        Whether more pixels will be asked for: what the search compared is kept then, 90 bytes a pixel. Otherwise each
        call judges the maps once more.

    Raises
    ------
    ParameterError
        When jwst_reffiles searched the set, which keeps no numbers.
    """

    def __init__(self, request: SetRequest, categories: np.ndarray, keep: bool = False, again: bool = True):
        if request.engine != "native":
            raise ParameterError(
                f"The engine {request.engine!r} keeps no numbers that explain a pixel: search with engine='native', "
                "whose search='official' follows the same rules."
            )
        self._request, self._categories, self._keep, self._again = request, categories, keep, again
        self._found: FlightResult | None = None

    def explain(self, x: int, y: int, said: Said | None = None) -> Explanation:
        """Return each test that a pixel was put to, and what else is known of it.

        Parameters
        ----------
        x, y : int
            Counted from 0 in the set's frame.
        said : mapping of str to Teller, optional
            What others say of the set's pixels, see :mod:`darkmask.build.told`.

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

    def explain_all(
        self,
        y: np.ndarray,
        x: np.ndarray,
        said: Said | None = None,
        shown: Callable[[int, int], np.ndarray] | None = None,
    ) -> Explained:
        """Return the explanations of some pixels; see :meth:`explain`.

        Parameters
        ----------
        y, x : numpy.ndarray, shape (n,), int
            All inside the frame.
        said : mapping of str to Teller, optional
        shown : callable, optional
            From the number of groups and that of ramps to the groups of which signals are wanted, the first and the
            last among them; all by default.
        """
        flight = self._request.search == "flight"
        tests = self._flight_tests(y, x) if flight else self._official_tests(y, x)
        names, groups, ramps, groupdq = self._ramps(y, x, shown)
        return Explained(
            place=f"{self._request.detector} {self._request.subarray}",
            y=y,
            x=x,
            categories=self._categories[y, x],
            questions=QUESTIONS if flight else official.QUESTIONS,
            tests=tests,
            facts=self._facts(y, x, said or {}),
            around=_around(self._rate, y, x),
            names=names,
            groups=groups,
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

    @property
    def _judged(self) -> FlightResult:
        if self._found is None:
            self._found = judge_maps(self._request, self._maps, keep_evidence=self._again)
        return self._found

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
        noise, jumps = maps.noise[y, x], zip(maps.jumps[y, x], maps.falls[y, x], strict=True)
        times = noise / self._judged.noise[x] if self._request.search == "flight" else [None] * y.size
        facts = {
            "rate": [rate_words(rate, error) for rate, error in rates],
            "noise": [noise_words(one, share) for one, share in zip(noise, times, strict=True)],
            "pedestal": [pedestal_words(value) for value in maps.pedestal[y, x]],
            "jumps": [jump_words(up, down) for up, down in jumps],
        }
        if self._patches is not None:
            told = self._patches(y, x)
            if set(told) - {OUTSIDE}:
                facts["patch"] = told
        return facts | {source: teller(y, x) for source, teller in said.items()}

    @cached_property
    def _measured(self) -> list[Measured]:
        return all_patches(self._planes, self._judged, self._categories)

    @cached_property
    def _planes(self) -> Planes:
        return Planes(self._request, self._maps)

    @cached_property
    def _patches(self) -> Teller | None:
        """What is said of the pixels that lie in a patch; None where the search finds none."""
        if self._request.search != "flight" or not self._measured:
            return None
        return told_of(self._measured, self._categories.shape, self._request.detector)

    def _steady(self, y: np.ndarray, x: np.ndarray, bright: np.ndarray) -> Asked:
        """Return what bright pixels of patches have besides the light of these, and the least that names them."""
        value, limit, asked = np.full(y.size, np.nan), np.full(y.size, np.nan), np.zeros(y.size, bool)
        places = y.astype(np.int64) * self._categories.shape[1] + x
        lights = [one.light for one in self._measured]
        for lit, steady, usual in own_rates(self._planes, self._judged, lights, places[bright]):
            here = bright & np.isin(places, lit)
            row = np.searchsorted(lit, places[here])
            value[here] = steady.rate[row]
            limit[here] = steady_limit(steady, usual, self._request.parameters)[row]
            asked |= here
        return Asked(value, limit, value >= limit, asked)

    def _ramps(
        self, y: np.ndarray, x: np.ndarray, shown: Callable[[int, int], np.ndarray] | None
    ) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, np.ndarray]:
        """Return names, groups, ramps and GROUPDQ of every integration that was searched, in the order of time."""
        opened = OpenSet(self._request.exposures, self._request.folder, self._request.integrations)
        number = opened.exposures[0].shape[1]
        groups = np.arange(number) if shown is None else shown(number, len(opened.planes) * y.size)
        wanted = None if groups.size == number else groups
        read = {exposure: exposure.ramps(y, x, wanted) for exposure in opened.chosen}
        for exposure in read:
            exposure.check_unchanged()
        ramps, groupdq = (np.stack([read[exposure][k][i] for exposure, i in opened.planes]) for k in (0, 1))
        return tuple(exposure.name_of(i) for exposure, i in opened.planes), groups, ramps, groupdq

    def _official_tests(self, y: np.ndarray, x: np.ndarray) -> dict[str, Asked]:
        (rows, columns), evidence = self._compared
        sampler = Sampler(official.QUESTIONS, y, x)
        sampler.take(rows, columns, evidence)
        return sampler.tests()

    def _flight_tests(self, y: np.ndarray, x: np.ndarray) -> dict[str, Asked]:
        sampler = Sampler(QUESTIONS, y, x, look_up_detector(self._request.detector).gain)
        if not self._again:
            wanted = np.zeros(self._request.shape, bool)
            wanted[y, x] = True
            self._found = judge_maps(self._request, self._maps, look_at=wanted, pixels_only=True)
        for columns, evidence in self._judged.evidence:
            sampler.take(slice(0, self._request.shape[0]), columns, evidence)
        tests, found = sampler.tests(), self._judged
        if "detected" in tests and self._measured:
            detected = tests["detected"]
            steady = self._steady(y, x, detected.asked & detected.passes)
            if steady.asked.any():
                tests["steady_rate"] = steady
        asked = found.part((y, x)).in_question
        if asked.any():
            limit = found.part((y, x)).least_gain(self._request.parameters).astype(np.float64)
            gains = self._two_level_gains(y, x, asked)
            tests["telegraph"] = Asked(gains, limit, gains > limit, asked)
        return tests

    def _two_level_gains(self, y: np.ndarray, x: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """Return how much better two levels explain the reads of the pixels in question; NaN of the others."""
        found = self._judged
        chosen = np.zeros(self._request.shape, bool)
        chosen[y[asked], x[asked]] = True
        gains = np.full(chosen.shape, np.nan)
        gains[chosen] = two_level_gains(self._request, self._maps, found, chosen)
        return np.where(asked, gains[y, x], np.nan)


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
