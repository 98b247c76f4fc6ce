"""Tell whether ramps lie where their rates do: whether the pixels of each row, column and square have their own.

A rate has the noise of its ramp in it, and of no other one. Of two columns that were exchanged in the ramps alone, of
rows, or of a block that was moved by a pixel, rates and ramps have nothing in common; all pixels together hardly tell.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.statistics import MAD_TO_SIGMA_ROUNDED
from darkmask.delivery import OpenSet
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.request import SetRequest

# Of a set so many values of each column, for each group of its ramps: what the ends of a ramp have in common with the
# line through all of it is sqrt(6 / groups), so that these tell it to a twentieth.
_VALUES_BY_GROUP = 64
# Large enough to tell in half of their pixels, and small enough to lie within what was moved.
_SQUARE = 64
# Chance makes none of 4000 lines seem to have less than this many of its errors make it.
_CERTAIN = 3
# And a line tells nothing where these make up nearly all that is asked of it.
_LEAST_TELLING = 0.45
# Beyond so many sigma of the others a value is no noise.
_FARTHEST = 4.0
# Of so many lines at least one in four is in its place: what these have in common is usual.
_IN_PLACE = 0.75


class Place(NamedTuple):
    """A row, column or square, and what its ramps and rates have in common.

    Attributes
    ----------
    most : float
        Correlation of ramps and rates in units of that of all pixels, with three times its error: no more is likely.
    name : str
        As a sentence calls it, counted from 0.
    """

    most: float
    name: str


def least_alike(places: Iterable[Place]) -> Place | None:
    """Return the place whose ramps and rates have least in common; of several the first by name. None for none."""
    return min(places, key=lambda place: (place.most, place.name), default=None)


def places_in_maps(maps: CombinedMaps, good: np.ndarray, amplifiers: Sequence[slice]) -> list[Place]:
    """Compare what ramps rise with rates in each row and square, all integrations together.

    Parameters
    ----------
    maps : CombinedMaps
        Of all pixels.
    good : numpy.ndarray, shape (y, x), bool
        Pixels that tell.
    amplifiers : sequence of slice
        The columns that each amplifier reads.

    Notes
    -----
    A median over integrations is that of one of them where a column wanders as a whole, and has less in common with
    their mean: what such columns have is told by :func:`places_in_ramps`.
    """
    moments = _moments(_own(maps.change, good, amplifiers), _own(maps.rate, good, amplifiers), good)
    columns = moments.sum(axis=1, dtype=np.float64)
    moments[:, :, _alike(columns) < _usual(columns) / 2] = 0
    rows = _places(moments.sum(axis=2, dtype=np.float64), lambda k: f"row {k}")
    down, right = (range(0, size, _SQUARE) for size in good.shape)
    squares = np.add.reduceat(np.add.reduceat(moments, down, axis=1, dtype=np.float64), right, axis=2)
    names = [f"the {_SQUARE}x{_SQUARE} pixels from x {x}, y {y} on" for y in down for x in right]
    return [*rows, *_places(squares.reshape(len(squares), -1), names.__getitem__)]


def places_in_ramps(request: SetRequest, good: np.ndarray, amplifiers: Sequence[slice]) -> list[Place]:
    """Compare what ramps rise with rates in each column, integration by integration, in some rows.

    Parameters
    ----------
    request : SetRequest
    good : numpy.ndarray, shape (y, x), bool
        Pixels that tell.
    amplifiers : sequence of slice
        The columns that each amplifier reads.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    inside = np.flatnonzero(good.any(axis=1))
    with OpenSet(request.exposures, request.folder, request.integrations) as opened:
        planes = opened.planes
        groups = planes[0][0].shape[1]
        if len(planes) < 2 or groups < 2 or not inside.size:
            return []
        number = min(inside.size, -(-_VALUES_BY_GROUP * groups // len(planes)))
        rows = inside[np.linspace(0, inside.size - 1, number).astype(int)]
        known = good[rows]
        ramps, rates = (
            np.array([_own(image, known, amplifiers) for image in images])
            for images in (
                (e.group(i, groups - 1, rows) - e.group(i, 0, rows) for e, i in planes),
                (e.rate(rows, i) for e, i in planes),
            )
        )
    # What a pixel has in all integrations it has in its rates of any of them.
    ramps, rates = (values - _mean(values) for values in (ramps, rates))
    columns = [_moments(a, b, known).sum(axis=1, dtype=np.float64) for a, b in zip(ramps, rates, strict=True)]
    return _places(len(columns) * _mean(np.array(columns)), lambda k: f"column {k}")


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over integrations, in the order of their values: no other order changes a bit."""
    mean: np.ndarray = np.sort(values, axis=0).mean(axis=0)
    return mean


def _own(image: np.ndarray, good: np.ndarray, amplifiers: Sequence[slice]) -> np.ndarray:
    """Return an image without what its columns, and its rows in each amplifier, have in common, float32 (y, x)."""
    own = np.where(good & np.isfinite(image), image, np.float32(0))
    own -= np.median(own, axis=0)
    for columns in amplifiers:
        own[:, columns] -= np.median(own[:, columns], axis=1, keepdims=True)
    return own


def _moments(ramps: np.ndarray, rates: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Return 1, the squares of both images and their product where both are noise, else 0; float32 (4, y, x)."""
    near = good & (ramps != 0) & (rates != 0)
    scales = [MAD_TO_SIGMA_ROUNDED * np.median(np.abs(values[near])) if near.any() else 1 for values in (ramps, rates)]
    a, b = (values / np.float32(max(scale, 1e-30)) for values, scale in zip((ramps, rates), scales, strict=True))
    near &= (np.abs(a) <= _FARTHEST) & (np.abs(b) <= _FARTHEST)
    a[~near] = b[~near] = 0
    return np.stack([near.astype(np.float32), a * a, b * b, a * b])


def _alike(sums: np.ndarray) -> np.ndarray:
    """Return the correlation of ramps and rates by sums of :func:`_moments`; 0 where there are none."""
    _, ramps, rates, both = sums
    correlation: np.ndarray = both / np.sqrt(np.maximum(ramps * rates, 1e-30))
    return correlation


def _usual(sums: np.ndarray) -> float:
    """Return the correlation that lines have which are in their place, of which the sums are given; 0 for none."""
    alike = _alike(sums[:, sums[0] > 0])
    return float(np.quantile(alike, _IN_PLACE)) if alike.size else 0.0


def _places(sums: np.ndarray, name: Callable[[int], str]) -> list[Place]:
    """Return what tells of places, of which sums of :func:`_moments` are given, float64 (4, place)."""
    usual = _usual(sums)
    if usual <= 0:
        return []
    with np.errstate(divide="ignore"):
        error = _CERTAIN / (np.sqrt(sums[0]) * usual)
    most = _alike(sums) / usual + error
    return [Place(float(most[k]), name(k)) for k in np.flatnonzero(error <= _LEAST_TELLING).tolist()]
