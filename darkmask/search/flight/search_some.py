"""Search some pixels of a set as all are searched, amplifier by amplifier."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from darkmask.core.threads import in_threads
from darkmask.search.parameters import SearchParameters

from .asked import Asked
from .categories import FlightResult, require_enough, set_images
from .some_pixels import SomePixels


def search_some(asked: Asked, strict: SearchParameters | None = None) -> FlightResult:
    """Find every category at some pixels of a set, as :func:`.categories.search_flight` does at all.

    Parameters
    ----------
    asked : Asked
    strict : SearchParameters, optional
        See :func:`.categories.search_flight`.

    Returns
    -------
    FlightResult
        Nothing is told of pixels that are not asked. It has no thresholds, structures and patches.

    Raises
    ------
    SearchError
        When there are too few integrations or groups to judge by.
    """
    some = asked.some
    require_enough(some.rows.integrations, some.rows.groups, asked.detector)
    rate = np.zeros(some.shape, np.float32)
    images = [(np.zeros(rate.shape, np.uint16), np.zeros(rate.shape, np.uint8)) for _ in range(2 if strict else 1)]
    noise = np.empty(rate.shape[1])

    def judge(part: SomePixels, columns: slice) -> None:
        for (categories, told), limits in zip(images, (None, strict), strict=False):
            here = np.zeros(part.rate.shape, np.uint16), np.zeros(part.rate.shape, np.uint8)
            set_images(here, part, part.search(limits, again=limits is None and strict is not None), slice(None))
            part.put(here[0], categories)
            part.put(here[1], told)
        noise[columns] = np.sqrt(part.noise_of_good**2 + part.of_columns.noise)
        part.put(part.rate * np.float32(asked.detector.gain), rate)

    in_amplifiers(judge, asked)
    results = [FlightResult(categories, told, rate, noise, {}) for categories, told in images]
    return replace(results[0], strict=results[1]) if strict else results[0]


def in_amplifiers(judge: Callable[[SomePixels, slice], None], asked: Asked) -> None:
    """Begin a search of some pixels in each amplifier, and do something with it; in several threads.

    Parameters
    ----------
    judge : callable
        Is given the search in an amplifier, and its columns.
    asked : Asked
    """
    some = asked.some
    # What all threads ask for is made once.
    for name in ("rate", "shape", "weight") if some.every > 1 else ():
        some.values(name)
    if some.every > 1:
        _ = some.numbers, some.positions

    def work(columns: slice) -> None:
        with np.errstate(invalid="ignore", divide="ignore"):
            judge(SomePixels(asked, columns), columns)

    in_threads(work, asked.amplifiers)
