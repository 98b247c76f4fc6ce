"""Find columns and rows that do something as one, from the combined maps, and tell what their pixels have in common.

A column whose level wanders adds the same to every pixel of it. Each of them then differs from the pixels of other
columns in noise, rate and shape, and none is bad: what they have in common is taken off before a pixel is judged, and
the column is one finding. A column whose pixels are noisy each by itself is no such column: nothing is taken off.
"""

from functools import cache, partial
from typing import NamedTuple

import numpy as np

from darkmask.core.statistics import MAD_TO_SIGMA
from darkmask.search.maps.combine import CombinedMaps

from .robust import population

# So many rows tell what is usual in an amplifier: a median is then good to a hundredth of a pixel's sigma.
_SOME = 64
# Pixels further from the usual than so many sigma count as if they were no further.
OUTLIER = 4.0
# So many rows tell how far the rates of a column scatter, to a sixteenth of what those of a pixel do.
_OF_RATES = 256
# A line with fewer good pixels is not judged.
_FEWEST = 24
# A line differs from the others when its median lies this many sigma of the others' medians away: none does by chance.
SIGNIFICANCE = 7.0
# ... and by this share of the noise or, DN, of the pedestal: less moves no name.
_LEAST_NOISE, _LEAST_OFFSET = 0.02, 5.0
# Noise that all pixels of a column share is as large a share of their rates at least; noise of each pixel is none. The
# limit lies in the middle, and so many sigma from what chance gives.
_SHARED, AGREEMENT = 0.25, 5.0
# Where the scatter of rates tells it, light that decays on some of a column's pixels is the other cause: a quarter of
# what scatters more goes together by it (0.17 to 0.28 measured), and all of it where the column moves (0.7 and more).
_SHARED_RATES = 0.5
# The agreement is measured on half so many pixels of a column at least, if there are as many.
AGREEING = 128


class Lines(NamedTuple):
    """What the pixels of each line have in common beyond those of others; zeros where a line is like the others.

    Attributes
    ----------
    noise : numpy.ndarray, shape (n,), float32, DN**2
        Variance of a group difference without a jump that they share.
    with_jumps : numpy.ndarray, shape (n,), float32, DN**2
        The same of all differences: where a line moves by much, its larger steps are flagged as jumps.
    own : numpy.ndarray, shape (n,), float32, DN**2
        Variance that each of them has by itself.
    rate, shape, pedestal : numpy.ndarray, shape (n,), float32
        Offsets of the combined maps, in their units.
    rate_error, shape_error : numpy.ndarray, shape (n,), float32
        How far the pixels of a line that shares noise still differ in rate and shape, standard deviation: the fewer
        integrations a mean or median goes by, the less of their own noise is averaged.
    restless : numpy.ndarray, shape (n,), float32
        How many times as far as others the rates of a line that shares noise scatter between integrations; 1 of others.
    wander : numpy.ndarray, shape (n,), float32, DN
        How far the level moves along a ramp, from integration to integration (standard deviation), beyond the others.
    jumps : numpy.ndarray, shape (n,), float32
        How many jumps the pixels of a line that wanders have, all integrations together (median).
    """

    noise: np.ndarray
    with_jumps: np.ndarray
    own: np.ndarray
    rate: np.ndarray
    shape: np.ndarray
    pedestal: np.ndarray
    rate_error: np.ndarray
    shape_error: np.ndarray
    restless: np.ndarray
    wander: np.ndarray
    jumps: np.ndarray


def measure_lines(maps: CombinedMaps, rate: np.ndarray, shape: np.ndarray, good: np.ndarray, tgroup: float) -> Lines:
    """Measure what the pixels of each column have in common.

    Parameters
    ----------
    maps : CombinedMaps
        Maps of an amplifier; transposed ones give its rows.
    rate, shape : numpy.ndarray, shape (y, x), float32
        Rate (DN/s) without the large-scale dark, and shape (DN/group), after subtraction of the neighbours' coupling.
    good : numpy.ndarray, shape (y, x), bool
        Pixels that count.
    tgroup : float
        Group time, s.
    """
    # Beside a pixel that fills its well early there are rates of two groups, and no noise: one such pixel must not make
    # the whole column unknown.
    good = good & np.isfinite(maps.noise) & np.isfinite(maps.rate_scatter)
    counted = good.sum(axis=0)
    maps_of = {"noise": maps.noise * maps.noise, "pedestal": maps.pedestal}
    differ = {name: _differ(image, good, counted) for name, image in maps_of.items()}
    # A level that goes and comes back over ten groups adds little to a difference and much to a slope.
    thin = np.s_[:: max(1, len(good) // _OF_RATES)]
    differ["rate_scatter"] = _differ(maps.rate_scatter[thin], good[thin], good[thin].sum(axis=0))
    # ... and makes rates go together long before.
    differ["agreement"] = _together(maps.agreement, counted)
    found = np.flatnonzero(np.any(list(differ.values()), axis=0))
    lines = Lines(*np.zeros((len(Lines._fields), counted.size), np.float32))
    lines.restless[:] = 1
    usual, _ = population(maps_of["noise"][:: max(1, len(good) // _SOME)], good[:: max(1, len(good) // _SOME)])
    typical, _ = population(maps.rate_scatter[:: max(1, len(good) // _SOME)], good[:: max(1, len(good) // _SOME)])
    # What is usual of an image is asked for few columns, or none.
    level_of = {name: cache(partial(_usual, image, good)) for name, image in
                (("pedestal", maps.pedestal), ("rate", rate), ("shape", shape), ("scatter", maps.scatter))}  # fmt: skip
    for column in found:
        here = good[:, column]
        noise = float(np.median(maps_of["noise"][here, column])) - usual
        if not differ["noise"][column] or noise < _LEAST_NOISE * usual:
            noise = 0.0
        level = float(np.median(maps.pedestal[here, column])) - level_of["pedestal"]()
        if differ["pedestal"][column] and abs(level) > _LEAST_OFFSET:
            lines.pedestal[column] = level
        # Noise that all pixels share moves their rates together, as a share of them; that of each by itself does not.
        together = np.sin(np.pi / 2 * np.clip(maps.agreement[column], 0, 1))
        chance = AGREEMENT * np.sqrt(2 / maps.integrations) / min(counted[column], AGREEING)
        slope = float(np.median(maps.rate_scatter[here, column]))
        shared, least = noise / (noise + usual), _SHARED
        if not shared and (differ["rate_scatter"][column] or differ["agreement"][column]):
            shared, least = 1 - (typical / max(slope, typical)) ** 2, _SHARED_RATES
        if maps.agreement[column] <= chance or together <= least * shared or not shared:
            lines.own[column] = noise
            continue
        lines.noise[column] = noise
        squares = np.square(maps.scatter[here, column])
        lines.with_jumps[column] = max(float(np.median(squares)) - level_of["scatter"]() ** 2, noise)
        lines.restless[column] = max(slope / typical, 1.0)
        lines.wander[column] = np.sqrt(max(slope**2 - typical**2, 0)) * tgroup * (maps.groups - 1)
        lines.jumps[column] = np.median(maps.jumps[here, column])
        rates, bends = rate[here, column], shape[here, column]
        moved, bent = float(np.median(rates)) - level_of["rate"](), float(np.median(bends)) - level_of["shape"]()
        # What a wandering column adds to a mean rate differs from one set of integrations to the next.
        if abs(moved) < 3 * slope * np.sqrt(np.pi / 2 / maps.integrations):
            lines.rate[column] = moved
        lines.shape[column] = bent
        lines.rate_error[column], lines.shape_error[column] = (
            MAD_TO_SIGMA * float(np.median(np.abs(values - np.median(values)))) for values in (rates, bends)
        )
    return lines


def _together(agreement: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Return in which columns rates go together by more than in the others, bool."""
    judged = counted >= _FEWEST
    usual, sigma = population(agreement[judged])
    together: np.ndarray = judged & (agreement - usual > SIGNIFICANCE * sigma)
    return together


def _usual(image: np.ndarray, good: np.ndarray) -> float:
    some = np.s_[:: max(1, len(image) // _SOME)]
    return population(image[some], good[some])[0]


def _differ(image: np.ndarray, good: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Return which columns differ from the others in the mean of their pixels, outliers drawn in; bool."""
    some = np.s_[:: max(1, len(image) // _SOME)]
    centre, of_pixel = population(image[some], good[some])
    drawn_in = np.clip(image, np.float32(centre - OUTLIER * of_pixel), np.float32(centre + OUTLIER * of_pixel))
    means = np.where(good, drawn_in, 0).sum(axis=0) / np.maximum(counted, 1)
    judged = counted >= _FEWEST
    usual, sigma = population(means[judged].astype(np.float32))
    # With few columns their scatter is known badly, and that of their pixels well.
    error = np.fmax(sigma, of_pixel / np.sqrt(np.maximum(counted, 1)))
    differ: np.ndarray = judged & (np.abs(means - usual) > SIGNIFICANCE * error)
    return differ
