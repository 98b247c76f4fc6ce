"""Take off what the four neighbours of a pixel put into it through the interpixel capacitance.

Coupling is published as one number per channel, and is a property of each pixel: of its bumps and the epoxy around
them. All four neighbours of a pixel take on the same share of its signal. Where it is bright enough, they tell how much
that is, and no neighbour is bad for what it has in common with the other three.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.core.kernels import kernel
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.parameters import SearchParameters

from .robust import add_finite, places, population

# The coupling of a pixel differs from the published number by about this share of it. That share of a neighbour's
# contribution may remain after its subtraction.
COUPLING_TOLERANCE = 0.1
# A pixel takes on no more than so many times the published share: more is a bad neighbour's own.
MOST_COUPLED = 2.0
# So many neighbours must tell, and so many rows tell what is usual.
_FEWEST, _SOME = 3, 64
SIDES = ((-1, 0), (1, 0), (0, -1), (0, 1))


class Coupling(NamedTuple):
    """Shares of their signal that pixels put into each of their four neighbours.

    Attributes
    ----------
    share : float
        Of all pixels but those that follow.
    y, x : numpy.ndarray, shape (n,), int
        Bright pixels, whose share was measured.
    more : numpy.ndarray, shape (n,), float32
        Their own shares, less ``share``.
    """

    share: float
    y: np.ndarray
    x: np.ndarray
    more: np.ndarray

    def decoupled(self, image: np.ndarray, columns: slice) -> tuple[np.ndarray, np.ndarray]:
        """Return what the four neighbours put into the pixels of some columns, and the image without it.

        The subtraction is of second order: part of what a neighbour shows was coupled into it from a pixel beyond.

        Parameters
        ----------
        image : numpy.ndarray, shape (y, x), float32
        columns : slice

        Returns
        -------
        coupled, own : numpy.ndarray, shape (y, columns), float32
        """
        share, keep = np.float32(self.share), np.float32(1 - 4 * self.share)
        # Two arrays, since one of them is given up before the other.
        coupled, own = (np.empty((len(image), columns.stop - columns.start), np.float32) for _ in range(2))
        _decouple(np.ascontiguousarray(image), columns.start, share, keep, coupled, own)
        near = (self.x >= columns.start - 1) & (self.x <= columns.stop)
        y, x, more = self.y[near], self.x[near], self.more[near]
        extra = more * np.nan_to_num((image[y, x] - share * _sum_around(image, y, x)) / keep)
        for dy, dx in SIDES:
            there_y, there_x = y + dy, x + dx - columns.start
            inside = (there_y >= 0) & (there_y < len(image)) & (there_x >= 0) & (there_x < coupled.shape[1])
            at = there_y[inside], there_x[inside]
            np.add.at(coupled, at, extra[inside])
            own[at] = (image[at[0], at[1] + columns.start] - coupled[at]) / keep
        return coupled, own

    def decoupled_at(
        self, values: np.ndarray, numbers: np.ndarray, y: np.ndarray, x: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the same of some pixels of a map that is known at these and around them; each float32 (n,).

        Parameters
        ----------
        values : numpy.ndarray, shape (m,), float32
            The map where it is known.
        numbers : numpy.ndarray, shape (y, x), int32
            The number of each pixel of the frame in it; -1 where it is not known.
        y, x : numpy.ndarray, shape (n,), int
        """
        share, keep = np.float32(self.share), np.float32(1 - 4 * self.share)
        coupled: np.ndarray = np.empty(y.size, np.float32)
        more: np.ndarray = np.zeros(values.size, np.float32)
        more[numbers[self.y, self.x]] = self.more
        _couple_some(values, numbers, more, y, x, share, keep, coupled)
        return coupled, (values[numbers[y, x]] - coupled) / keep


Values = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _sum_around(image: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the sum of the four touching pixels of some, float32; what is not finite counts as nothing."""
    total = np.zeros(len(y), np.float32)
    for dy, dx in SIDES:
        there_y, there_x = y + dy, x + dx
        inside = (there_y >= 0) & (there_y < image.shape[0]) & (there_x >= 0) & (there_x < image.shape[1])
        value = image[np.where(inside, there_y, 0), np.where(inside, there_x, 0)]
        total += np.where(inside & np.isfinite(value), value, np.float32(0))
    return total


@kernel
def _decouple(image, start, share, keep, coupled, own):
    """Set what the four neighbours put into the pixels of some columns, and the image without it.

    Parameters
    ----------
    image : array, shape (y, x), float32
    start : int
        The first of the columns.
    share, keep : float32
        Share of its signal that a pixel puts into each neighbour, and what is left to it.
    coupled, own : array, shape (y, columns), float32
        Arrays to set.
    """
    height, width = coupled.shape
    first, last = max(start - 1, 0), min(start + width + 1, image.shape[1])
    # Three rows of what was put into the neighbours of the first order, with one pixel to either side.
    corrected, sums = np.zeros((3, width + 2), np.float32), np.empty(last - first, np.float32)
    for y in range(height + 1):
        here = corrected[y % 3]
        if y < height:
            _sum_around_row(image, y, first, sums)
            for x in range(sums.size):
                here[x + first - start + 1] = (image[y, first + x] - share * sums[x]) / keep
        else:
            here[:] = 0
        if y > 0:
            # Beyond the first row and the last there is nothing, as beside the frame.
            _couple_row(corrected[(y - 2) % 3], here, corrected[(y - 1) % 3], share, coupled[y - 1])
            for x in range(width):
                own[y - 1, x] = (image[y - 1, start + x] - coupled[y - 1, x]) / keep


@kernel
def _couple_some(values, numbers, more, y, x, share, keep, coupled):
    """Set what neighbours put into some pixels, as :func:`_decouple` does, and bright ones by ``more`` of a share."""
    for k in range(y.size):
        total, extra = np.float32(0), np.float32(0)
        for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            there_y, there_x = y[k] + dy, x[k] + dx
            n = _number_at(numbers, there_y, there_x)
            if n < 0:
                continue
            around = np.float32(0)
            for ey, ex in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                m = _number_at(numbers, there_y + ey, there_x + ex)
                if m >= 0 and abs(values[m]) < np.inf:
                    around += values[m]
            corrected = (values[n] - share * around) / keep
            if abs(corrected) < np.inf:
                total += corrected
                extra += more[n] * corrected
        coupled[k] = share * total + extra


@kernel
def _number_at(numbers, y, x):
    inside = (y >= 0) & (y < numbers.shape[0]) & (x >= 0) & (x < numbers.shape[1])
    return numbers[y, x] if inside else np.int32(-1)


@kernel
def _sum_around_row(image, y, first, sums):
    height, width = image.shape
    last = first + sums.size
    for x in range(sums.size):
        sums[x] = 0
    if y > 0:
        add_finite(image[y - 1, first:last], sums)
    if y < height - 1:
        add_finite(image[y + 1, first:last], sums)
    before, after = max(first - 1, 0), min(last + 1, width)
    add_finite(image[y, before : last - 1], sums[before + 1 - first :])
    add_finite(image[y, first + 1 : after], sums[: after - first - 1])


@kernel
def _couple_row(above, below, here, share, coupled):
    for x in range(coupled.size):
        coupled[x] = 0
    add_finite(above[1 : coupled.size + 1], coupled)
    add_finite(below[1 : coupled.size + 1], coupled)
    add_finite(here[: coupled.size], coupled)
    add_finite(here[2:], coupled)
    for x in range(coupled.size):
        coupled[x] = share * coupled[x]


def measure_coupling(
    maps: CombinedMaps,
    science: np.ndarray,
    columns: slice,
    detector: Detector,
    tgroup: float,
    parameters: SearchParameters,
) -> Coupling:
    """Measure which share of its signal each bright pixel in or beside some columns puts into its neighbours.

    Parameters
    ----------
    maps : CombinedMaps
        Maps of the whole set.
    science : numpy.ndarray, shape (y, x), bool
        False on reference pixels, which tell nothing.
    columns : slice
    detector : Detector
    tgroup : float
        Group time, s.
    parameters : SearchParameters

    Returns
    -------
    Coupling

    Notes
    -----
    Of the neighbours the one that takes on the second least tells: two of four may be bad by themselves, and one may be
    dead. The measurement is weighed against the published number by the errors of both.
    """
    first, last = max(columns.start - 1, 0), min(columns.stop + 1, maps.rate.shape[1])
    y, x = places(maps.rate[:, first:last] >= least_bright(detector, parameters))
    x += first
    inside = (y > 0) & (y < len(maps.rate) - 1) & (x > 0) & (x < maps.rate.shape[1] - 1)
    # Dark current and settling are in the neighbours' rates too.
    some = np.s_[:: max(1, len(maps.rate) // _SOME), columns]
    usual, _ = population(maps.rate[some], science[some])
    return coupling_of(
        lambda *at: np.where(science[at], maps.rate[at], np.float32(np.nan)),
        lambda *at: maps.weight[at],
        (y[inside], x[inside]),
        maps.rate[y[inside], x[inside]],
        usual,
        maps.read_variance,
        detector,
        tgroup,
        parameters,
    )


def least_bright(detector: Detector, parameters: SearchParameters) -> np.float32:
    """Return the rate, DN/s, from which on a pixel couples into its neighbours what makes them warm by itself."""
    share = parameters.neighbour_coupling or detector.ipc
    return np.float32(parameters.warm_rate / detector.gain / share)


def coupling_of(
    rate: Values,
    weight: Values,
    at: tuple[np.ndarray, np.ndarray],
    of: np.ndarray,
    usual: float,
    read_variance: float,
    detector: Detector,
    tgroup: float,
    parameters: SearchParameters,
) -> Coupling:
    """Measure which share of its signal each of some bright pixels puts into its neighbours.

    Parameters
    ----------
    rate, weight : callable
        Give these combined maps at places of the frame, the rate NaN where it tells nothing.
    at : (y, x), numpy.ndarray of shape (n,)
        The bright pixels, not at the edge of the frame.
    of : numpy.ndarray, shape (n,), float32, DN/s
        Their rates.
    usual : float, DN/s
        Rate of good pixels.
    read_variance, detector, tgroup, parameters
        See :func:`measure_coupling`.
    """
    share = parameters.neighbour_coupling or detector.ipc
    y, x = at
    near = tuple((y + dy, x + dx) for dy, dx in SIDES)
    signal = of.astype(np.float64) - usual
    rates = np.array([rate(*place) for place in near], np.float64)
    told = np.sort((rates - usual) / signal, axis=0)[1]  # NaN comes last
    known = np.isfinite(rates).sum(axis=0) >= _FEWEST
    mean = np.mean([weight(*place) for place in near], axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        # By read noise, see :class:`darkmask.search.maps.combine.CombinedMaps`.
        error = np.sqrt(12 * read_variance / mean) / tgroup / signal
        believed = known / (1 + (error / (COUPLING_TOLERANCE * share)) ** 2)
        # What a pixel puts into its neighbours it lacks itself.
        own = np.clip(told / (1 + 4 * told), 0, MOST_COUPLED * share)
        more = np.nan_to_num(believed * (own - share))
    return Coupling(share, y, x, more.astype(np.float32))
