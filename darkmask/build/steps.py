"""Measure how the reads of good pixels go on from one group to the next, as all of an output do."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.evenly import even_rows
from darkmask.core.statistics import MAD_TO_SIGMA_ROUNDED, median_of_finite
from darkmask.delivery import OpenSet
from darkmask.search.request import SetRequest

from .straight import Hits, Straight, hits_of, most_flagged, straight_of

# So many pixels of an output, in evenly spread rows, tell a median to a seventieth of what they scatter by.
PIXELS_OF_OUTPUT = 8192
# And so many differences of each of them their noise to a four-hundredth.
_SOME_STEPS = 8


class Steps(NamedTuple):
    """The group differences of some good pixels.

    Attributes
    ----------
    medians : numpy.ndarray, shape (integration, amplifier, group - 1), float64, DN
        Of the amplifiers that have good pixels; NaN where none of them has a difference.
    noises : dict of str to float, DN
        Scatter of a difference in each exposure, by the path of its ramp; NaN where there is none.
    patterns : numpy.ndarray, shape (integration, amplifier, 2, n), float64, DN
        By how much even columns, and even rows, rise more than odd ones from one read to the next, in some reads.
    names : list of str
        What each integration is called in a sentence.
    straight : list of Straight
        Lines through the ramps of each integration, beside what the pipeline made of them.
    hits : list of Hits
        Of each integration.
    flagged : list of (float, int, int)
        Of each integration: the largest share of good pixels with a flag in one group, that group, counted from 1, and
        the flags that most of them have in it.
    """

    medians: np.ndarray
    noises: dict[str, float]
    patterns: np.ndarray
    names: list[str]
    straight: list[Straight]
    hits: list[Hits]
    flagged: list[tuple[float, int, int]]


def steps_of(request: SetRequest, good: np.ndarray, hit: np.ndarray | None = None) -> Steps:
    """Measure the group differences of good pixels.

    Parameters
    ----------
    request : SetRequest
    good : numpy.ndarray, shape (y, x), bool
    hit : numpy.ndarray, shape (y, x), bool, optional
        Pixels whose hits are counted; good ones by default.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    amplifiers = request.amplifiers()
    rows = even_rows(good, -(-PIXELS_OF_OUTPUT // max(amplifiers[0].stop - amplifiers[0].start, 1)))
    here = [(columns, good[rows, columns]) for columns in amplifiers if good[rows, columns].any()]
    names: list[str] = []
    straight: list[Straight] = []
    hits: list[Hits] = []
    flagged: list[tuple[float, int, int]] = []
    steps, patterns, scatters = [], [], {exposure.jump.path: list[float]() for exposure in request.exposures}
    with OpenSet(request.exposures, request.folder, request.integrations) as opened:
        for exposure, i in opened.planes:
            groups = exposure.shape[1]
            reads = np.stack([exposure.group(i, group, rows).astype(np.float64) for group in range(groups)])
            differences = np.diff(reads, axis=0)
            medians = [[median_of_finite(step[:, c][where]) for step in differences] for c, where in here]
            scatter = _scatter(differences, medians, here)
            scatters[exposure.exposure.jump.path].append(scatter)
            flags = exposure.flags(i, rows)
            straight.append(straight_of(exposure, i, rows, reads, good[rows] & ~flags.any(axis=0), scatter))
            flagged.append(most_flagged(flags, good[rows]))
            del reads
            hits.append(hits_of(flags, differences, (good if hit is None else hit)[rows], scatter))
            patterns.append([_pattern(differences[:, :, c], rows, c.start, where) for c, where in here])
            steps.append(medians)
            names.append(exposure.name_of(i))
    medians_of_all = np.array(steps).reshape(len(steps), len(here), request.exposures[0].jump.ngroups - 1)
    # In the order of their values, so that the order of integrations changes no bit.
    noises = {path: float(np.sqrt(np.mean(np.square(sorted(found))))) for path, found in scatters.items() if found}
    some = len(_some_of(medians_of_all.shape[2]))
    of_patterns = np.array(patterns).reshape(len(steps), len(here), 2, some)
    return Steps(medians_of_all, noises, of_patterns, names, straight, hits, flagged)


def _some_of(number: int) -> range:
    """Return the numbers of some of so many differences, evenly spread."""
    return range(0, number, max(number // _SOME_STEPS, 1))


def _pattern(differences: np.ndarray, rows: np.ndarray, start: int, where: np.ndarray) -> list[list[float]]:
    """Return by how much even columns and rows of an amplifier rise more than odd ones, in some group differences."""
    some = differences[np.array(_some_of(len(differences)), int)]
    columns = np.arange(start, start + where.shape[1])
    even = (np.broadcast_to(columns % 2 == 0, where.shape), np.broadcast_to(rows[:, None] % 2 == 0, where.shape))
    return [[median_of_finite(step[where & of]) - median_of_finite(step[where & ~of]) for step in some] for of in even]


def _scatter(differences: np.ndarray, medians: Sequence[Sequence[float]], here: Sequence) -> float:
    """Return how some group differences scatter about their medians, DN; hits and bad pixels count for one each."""
    chosen = _some_of(len(differences))
    apart = [
        np.abs(differences[k][:, c][where] - of[k])
        for (c, where), of in zip(here, medians, strict=True)
        for k in chosen
    ]
    return MAD_TO_SIGMA_ROUNDED * median_of_finite(np.concatenate(apart)) if apart else float("nan")
