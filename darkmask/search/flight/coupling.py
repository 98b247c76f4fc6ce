"""Take off what the four neighbours of a pixel put into it through the interpixel capacitance.

Coupling is published as one number per channel, and is a property of each pixel: of its bumps and the epoxy around
them. All four neighbours of a pixel take on the same share of its signal. Where it is bright enough, they tell how much
that is, and no neighbour is bad for what it has in common with the other three.
"""

from typing import NamedTuple

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.search.maps import CombinedMaps
from darkmask.search.parameters import SearchParameters

from .robust import neighbour_sum, population

# The coupling of a pixel differs from the published number by about this share of it. That share of a neighbour's
# contribution may remain after its subtraction.
COUPLING_TOLERANCE = 0.1
# A pixel takes on no more than so many times the published share: more is a bad neighbour's own.
_MOST = 2.0
# So many neighbours must tell, and so many rows tell what is usual.
_FEWEST, _SOME = 3, 64
_SIDES = ((-1, 0), (1, 0), (0, -1), (0, 1))


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
        wide = slice(max(columns.start - 2, 0), columns.stop + 2)
        inner = slice(columns.start - wide.start, columns.stop - wide.start)
        share, keep = np.float32(self.share), np.float32(1 - 4 * self.share)
        first = (image[:, wide] - share * neighbour_sum(image[:, wide])) / keep
        coupled = share * neighbour_sum(first)[:, inner]
        near = (self.x >= wide.start) & (self.x < min(wide.stop, image.shape[1]))
        y, x, more = self.y[near], self.x[near] - wide.start, self.more[near]
        extra = more * np.nan_to_num(first[y, x])
        for dy, dx in _SIDES:
            there_y, there_x = y + dy, x + dx - inner.start
            inside = (there_y >= 0) & (there_y < len(image)) & (there_x >= 0) & (there_x < coupled.shape[1])
            np.add.at(coupled, (there_y[inside], there_x[inside]), extra[inside])
        return coupled, (image[:, columns] - coupled) / keep


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
    share = parameters.neighbour_coupling or detector.ipc
    first, last = max(columns.start - 1, 0), min(columns.stop + 1, maps.rate.shape[1])
    # What is coupled then is a warm pixel by itself; no name hangs on less.
    least = np.float32(parameters.warm_rate / detector.gain / share)
    y, x = np.nonzero(maps.rate[:, first:last] >= least)
    x += first
    inside = (y > 0) & (y < len(maps.rate) - 1) & (x > 0) & (x < maps.rate.shape[1] - 1)
    y, x = y[inside], x[inside]
    near = tuple((y + dy, x + dx) for dy, dx in _SIDES)
    # Dark current and settling are in the neighbours' rates too.
    some = np.s_[:: max(1, len(maps.rate) // _SOME), columns]
    usual, _ = population(maps.rate[some], science[some])
    signal = maps.rate[y, x].astype(np.float64) - usual
    rates = np.array([np.where(science[place], maps.rate[place], np.nan) for place in near], np.float64)
    told = np.sort((rates - usual) / signal, axis=0)[1]  # NaN comes last
    known = np.isfinite(rates).sum(axis=0) >= _FEWEST
    weight = np.mean([maps.weight[place] for place in near], axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        # By read noise, see :class:`darkmask.search.maps.combine.CombinedMaps`.
        error = np.sqrt(12 * maps.read_variance / weight) / tgroup / signal
        believed = known / (1 + (error / (COUPLING_TOLERANCE * share)) ** 2)
        # What a pixel puts into its neighbours it lacks itself.
        own = np.clip(told / (1 + 4 * told), 0, _MOST * share)
        more = np.nan_to_num(believed * (own - share))
    return Coupling(share, y, x, more.astype(np.float32))
