"""Find what stands out of single exposures, whatever any mask says of it.

All pixels of an exposure are looked over for what may stand out (:mod:`.glanced`). These alone are judged, with limits
that one row in some tells (:mod:`darkmask.search.flight.asked`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.errors import TooLittleError
from darkmask.delivery import Exposure
from darkmask.search.engines import measure_some_pixels
from darkmask.search.flight.asked import Asked, reached, rows_apart
from darkmask.search.flight.robust import places
from darkmask.search.flight.search_some import in_amplifiers
from darkmask.search.flight.some_pixels import SomePixels
from darkmask.search.flight.varying import LEAST_COMPARED
from darkmask.search.maps.some import Choice, SomeMaps
from darkmask.search.request import SetRequest

from .glanced import seen_at_a_glance

# What can be left, and the tests by which chance makes it. Warm and low-pedestal pixels can be used; the bend of an rc
# ramp is known from several integrations only.
HOT, NOISY = "hot", "noisy"
TESTS = {HOT: "bright", NOISY: "unstable"}
# The jump step misses hits of fewer than this many sigma of a difference; the mean of a ramp of n groups takes up to
# 1.5 / n of a step (in its middle), so that one integration alone cannot tell such a hit from a hot pixel.
MISSED_HIT, SHARE_OF_STEP = 5.0, 1.5
# A saturated neighbour's flags may leave a ramp of one or two reads, in which no jump can be found: with fewer than so
# many differences in an integration, a hit is a slope.
LEAST_DIFFERENCES = 2
# Nothing left of fewer than this share of the science pixels says nothing of the mask. Of good exposures 99.5 % are
# judged; what a large snowball or a bright neighbour takes away is a few per cent.
LEAST_JUDGED = 0.5
# Maps of some pixels may take so much memory; those of an exposure or of the others take so many bytes a pixel of the
# rows that tell, with the pixels that are asked.
_ROOM, _BYTES = 560_000_000, 105


class OneOfSet(NamedTuple):
    """An exposure, and the numbers of its integrations and of the others."""

    exposure: Exposure
    own: tuple[int, ...]
    others: tuple[int, ...]


class Standing(NamedTuple):
    """What stands out of an exposure, whatever any mask says of it.

    Attributes
    ----------
    found : dict of str to numpy.ndarray, shape (pixel,), int64
        By kind, the judged pixels that do, in the flattened frame.
    passing : numpy.ndarray, shape (pixel,), int64
        Hot ones that get no flag because they pass.
    judged : dict of str to int
        By kind, how many pixels are judged.
    """

    found: dict[str, np.ndarray]
    passing: np.ndarray
    judged: dict[str, int]

    @property
    def places(self) -> np.ndarray:
        """All of them, in the flattened frame."""
        return np.unique(np.concatenate([*self.found.values(), self.passing]))


def standing_in(
    request: SetRequest, parts: Sequence[OneOfSet], passing: np.ndarray, wandering: Sequence[int]
) -> Iterator[Standing]:
    """Yield what stands out of each of some exposures."""
    # With fewer in all its integrations the search judges no pixel, and none of those that it leaves would be left.
    fewest = -(-request.parameters.min_differences // min(len(part.own) for part in parts))
    seen = seen_at_a_glance(request, [part.own for part in parts], max(LEAST_DIFFERENCES, fewest))
    steady = ~np.isin(np.arange(request.shape[1]), wandering)
    for part, of in zip(parts, seen, strict=True):
        number, science = (int(np.count_nonzero(where)) for where in (of.judged, ~request.reference_pixels()))
        if number < LEAST_JUDGED * science:
            # None of none would be a pass, and so would be none of the few that fill their wells.
            said = f"{number} of {science} pixels" if number else "no pixel"
            raise TooLittleError(
                f"{part.exposure.jump.path} has {said} with the reads that tell a hit from a hot pixel: leave it out, "
                "or deliver longer ramps."
            )
    asked = [of.judged & of.may_stand for of in seen]
    # With fewer integrations the search compares none with another.
    choices = [(part.own, one, len(part.own) >= LEAST_COMPARED) for part, one in zip(parts, asked, strict=True)]
    every = min(rows_apart(one, request.amplifiers()) for one in asked)
    for k, alone in enumerate(measured_at(request, choices, every)):
        found = standing_out(replace(request, integrations=parts[k].own), alone, asked[k])
        judged = {HOT: seen[k].judged & ~passing, NOISY: seen[k].judged & steady}
        yield Standing(
            {kind: np.flatnonzero(found[kind] & judged[kind]) for kind in found},
            np.flatnonzero(found[HOT] & seen[k].judged & passing),
            {kind: int(np.count_nonzero(where)) for kind, where in judged.items()},
        )


def measured_at(
    request: SetRequest, choices: Sequence[tuple[tuple[int, ...], np.ndarray, bool]], every: int
) -> Iterator[SomeMaps]:
    """Yield the maps of some integrations, by their numbers, at some pixels; as many at once as there is room for."""
    place = {number: k for k, number in enumerate(request.numbers)}
    some = [Choice(tuple(place[n] for n in numbers), reached(asked), changes) for numbers, asked, changes in choices]
    at_once = max(1, _ROOM // (request.shape[0] * request.shape[1] * _BYTES // every))
    for first in range(0, len(some), at_once):
        measured = measure_some_pixels(request, some[first : first + at_once], every)[::-1]
        while measured:
            # Given up when it was judged.
            yield measured.pop()


def standing_out(request: SetRequest, some: SomeMaps, asked: np.ndarray) -> dict[str, np.ndarray]:
    """Return what stands out in one exposure, however few integrations it has.

    Parameters
    ----------
    request : SetRequest
    some : SomeMaps
        Of the exposure.
    asked : numpy.ndarray, shape (y, x), bool
        The pixels that may.

    Returns
    -------
    dict of str to numpy.ndarray, shape (y, x), bool
        ``hot``: so bright that no hit that the jump step missed could make it so. ``noisy``: with falls beyond chance,
        or so noisy that the search would call it noisy for that.
    """
    found = {kind: np.zeros(request.shape, bool) for kind in TESTS}

    def judge(part: SomePixels, _columns: slice) -> None:
        at = places(part.search()[Category.HOT])
        differences = (part.maps.differences[at] + part.maps.jumps[at]) / np.float32(part.integrations)
        missed = MISSED_HIT * part.noise_of_good * SHARE_OF_STEP / ((differences + 1) * part.tgroup * part.integrations)
        error = request.parameters.hot_significance * part.error(at)
        hot: np.ndarray = np.zeros(part.rate.shape, bool)
        hot[at] = part.rate[at] > part.centre + missed + error
        part.put(hot, found[HOT])
        # Not by what takes several exposures: rates that scatter, or jumps that are more than those of a column.
        part.put(part.noisy & part.unstable, found[NOISY])

    in_amplifiers(judge, Asked.of(request, some, asked))
    return found
