"""Choose, from what is seen of all pixels at a glance, those that must be judged: few of them stand out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from darkmask.core.detectors import detector as look_up_detector
from darkmask.search.engines import glance_at_pixels
from darkmask.search.flight.changing import ROWS_OF_SCATTER
from darkmask.search.flight.robust import population
from darkmask.search.maps.glance import BRIGHT, FALLING, FULL, SHORT, TOLD, Glance
from darkmask.search.request import SetRequest

# A pixel is looked at from this share of the rate of a hot one on, in any of its integrations, and of what its read
# noise alone has to be exceeded by; and from this share of the sigma that make it noisy: what is taken off rates before
# they are compared, and what amplifiers have in common, is far less than the rest.
LOOKED_AT, LOOKED_AT_NOISE = 0.5, 0.8


class Seen(NamedTuple):
    """What is seen of some integrations at a glance; each bool (y, x).

    Attributes
    ----------
    judged : numpy.ndarray
        Pixels in which a hit can be told from what the pixel does. Beside a saturated pixel the jump step does not
        look, and a single hit looks like noise, or like a rate where few reads are left. What fills its own well early
        has few reads too, and is judged.
    may_stand : numpy.ndarray
        Science pixels that may be hot, noisy or restless: more than are, since limits are lowered.
    short : numpy.ndarray
        Science pixels with less than half of the group differences, of which least is known.
    """

    judged: np.ndarray
    may_stand: np.ndarray
    short: np.ndarray


def seen_at_a_glance(request: SetRequest, choices: Sequence[tuple[int, ...]], least_differences: int) -> list[Seen]:
    """Look over all pixels of several choices of a set's integrations.

    Parameters
    ----------
    request : SetRequest
    choices : sequence of tuple of int
        Numbers of integrations; no number stands in two of them.
    least_differences : int
        In the mean of its integrations that a pixel needs to be judged.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    numbers = tuple(number for choice in choices for number in choice)
    ends = np.cumsum([0, *map(len, choices)]).tolist()
    places = [tuple(range(stop - len(choice), stop)) for choice, stop in zip(choices, ends[1:], strict=True)]
    least = _least_rate(request, max(map(len, choices)))
    glances = glance_at_pixels(replace(request, integrations=numbers), places, least, least_differences)
    return [_seen(request, one) for one in glances]


def _least_rate(request: SetRequest, integrations: int) -> float:
    """Return the rate in DN/s from which on a pixel may be hot in so many integrations, of which one has as much.

    In ramps of ten groups the noise of a rate is itself half of what makes a pixel hot, and a fifth of all would be
    looked at for it.
    """
    detector, jump = look_up_detector(request.detector), request.exposures[0].jump
    # Shot noise only adds to it.
    error = detector.rate_noise(jump.readpatt, jump.tgroup, jump.shape[1]) / np.sqrt(integrations)
    significant = request.parameters.hot_significance * float(error)
    return LOOKED_AT * max(request.parameters.hot_rate / detector.gain, significant)


def _seen(request: SetRequest, glance: Glance) -> Seen:
    science = ~request.reference_pixels()
    judged = science & ((glance.told & TOLD) != 0)
    may_stand = (glance.told & (BRIGHT | FALLING | FULL)) != 0
    every = max(1, len(judged) // ROWS_OF_SCATTER)
    for columns in request.amplifiers():
        some = np.s_[::every, columns]
        usual, _ = population(glance.noise[some], judged[some])
        centre, sigma = population(np.cbrt(np.square(glance.noise[some] / np.float32(usual))), judged[some])
        least = usual * (centre + LOOKED_AT_NOISE * request.parameters.noise_significance * sigma) ** 1.5
        may_stand[:, columns] |= glance.noise[:, columns] > np.float32(least)
    return Seen(judged, may_stand & science, science & ((glance.told & SHORT) != 0))
