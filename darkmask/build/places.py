"""Tell whether rates and pedestals lie where their ramps do: each row, column and square of pixels has its own.

A rate has the noise of its ramp in it, and of no other one. Of two columns that were exchanged in one file alone, of
rows, or of a block that was moved by a pixel, rates and ramps have nothing in common; all pixels together hardly tell.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.statistics import MAD_TO_SIGMA_ROUNDED, medians_of_finite
from darkmask.search.maps.combine import CombinedMaps

from .straight import Straight, predicted_pedestals, scatter_beside

# A rate agrees with its ramp to this part of what neighbours scatter by: one in seven others does by chance.
_AGREES, _MOST_AGREE = 0.25, 0.5
# So many pixels of a column tell in one integration: of these that many do by chance in none of a million columns.
_FEWEST = 10
# Large enough to tell in half of their pixels, and small enough to lie within what was moved.
_SQUARE = 64
# Chance makes none of 4000 lines seem to have less than this many of its errors make it.
_CERTAIN = 3
# And a line tells nothing where these make up nearly all that is asked of it.
_LEAST_TELLING = 0.3
# Columns whose rates wander by so many times what is usual.
_WANDERS = 2.5
# So many pixels tell what a column, or a row of an amplifier, has in common.
_ENOUGH = 256
# Beyond so many sigma of the others a value is no noise.
_FARTHEST = 4.0
# Of so many lines at least one in four is in its place: what these have in common is usual.
_IN_PLACE = 0.75


class Place(NamedTuple):
    """A row, column or square, and what its ramps have in common with what was derived from them.

    Attributes
    ----------
    most : float
        Correlation in units of that of other places, with three times its error: no more is likely.
    name : str
        As a sentence calls it: rates or PEDESTAL, and the place, counted from 0.
    """

    most: float
    name: str


def least_alike(places: Iterable[Place]) -> Place | None:
    """Return the place that has least in common with its ramps; of several the first by name. None for none."""
    return min(places, key=lambda place: (place.most, place.name), default=None)


def places_in_maps(maps: CombinedMaps, good: np.ndarray, amplifiers: Sequence[slice]) -> list[Place]:
    """Compare ramps with rates and pedestals in each row and square, all integrations together.

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
    height, width = good.shape
    some = slice(None, None, max(1, height // _ENOUGH))
    down, right = range(0, height, _SQUARE), range(0, width, _SQUARE)
    names = [f"the {_SQUARE}x{_SQUARE} pixels from x {x}, y {y} on" for y in down for x in right]
    places: list[Place] = []
    for derived, ramps, values in (("rates", maps.change, maps.rate), ("PEDESTAL", maps.first, maps.pedestal)):
        pair = _Pair.of((ramps[some], values[some]), good[some], amplifiers)
        columns = pair.moments((ramps[some], values[some]), good[some]).sum(axis=1, dtype=np.float64)
        # Fewer would be a choice of columns that are alike by chance where a block of them was moved.
        steady = _alike(columns) >= _usual(columns) / 3
        rows, squares = [], []
        # A band of squares at a time, which the processor's cache holds.
        for start in down:
            band = slice(start, start + _SQUARE)
            moments = pair.moments((ramps[band], values[band]), good[band] & steady)
            rows.append(moments.sum(axis=2, dtype=np.float64))
            squares.append(np.add.reduceat(moments.sum(axis=1, dtype=np.float64), right, axis=1))
        places += _places(np.concatenate(rows, axis=1), [f"{derived} of row {y}" for y in range(height)])
        places += _places(np.concatenate(squares, axis=1), [f"{derived} of {name}" for name in names])
    return places


def places_in_ramps(some: Sequence[Straight], names: Sequence[str]) -> list[Place]:
    """Compare ramps with rates and pedestals in each column, in all integrations together and in each, in some rows.

    A column whose rates wander is not asked: where it rises by much the fit gives its groups other weights, and
    STR-FINDINGS names it.

    Parameters
    ----------
    some, names
        As :func:`.straight.most_off_lines` takes them.
    """
    if not some or some[0].rates.size == 0:
        return []
    places: list[Place] = []
    derived = (
        ("rates", [(one.slopes, one.rates) for one in some]),
        ("PEDESTAL", list(zip(predicted_pedestals(some), (one.pedestals for one in some), strict=True))),
    )
    wanders = _wanders(np.array([medians_of_finite(one.rates) for one in some]))
    for name, pairs in derived:
        agree, known = (np.zeros((len(pairs), pairs[0][0].shape[1]), int) for _ in range(2))
        for k, (ramps, values) in enumerate(pairs):
            near = np.abs(ramps - values) <= _AGREES * scatter_beside(values)
            told = np.isfinite(values) & ~wanders
            agree[k], known[k] = (near & told).sum(axis=0), told.sum(axis=0)
        # Of all integrations together a column is usual that is another one in a single file.
        told_by = (agree.sum(axis=0), *agree), (known.sum(axis=0), *known), ("", *(f" in {one}" for one in names))
        for of, number, where in zip(*told_by, strict=True):
            places += [Place(most, f"{name} of column {x}{where}") for most, x in _least_agreeing(of, number)]
    return places


def _least_agreeing(agree: np.ndarray, known: np.ndarray) -> list[tuple[float, int]]:
    """Return by how much the column agrees with its ramps that does least, and its number; none where no column tells.

    Parameters
    ----------
    agree, known : numpy.ndarray, shape (x,), int
        Of so many pixels so many agree.
    """
    told = np.flatnonzero(known >= _FEWEST)
    share = agree[told] / known[told]
    usual = float(np.quantile(share, _IN_PLACE)) if told.size else 0.0
    # Where most do not agree, files do not belong together, and no column is another one.
    if usual < _MOST_AGREE:
        return []
    error = _CERTAIN * np.sqrt(usual * (1 - usual) / known[told]) / usual
    most = np.where(error <= _LEAST_TELLING, share / usual + error, np.inf)
    k = int(most.argmin())
    return [(float(most[k]), int(told[k]))] if np.isfinite(most[k]) else []


class _Pair(NamedTuple):
    """What columns of two images have in common, and how their pixels scatter without it.

    Attributes
    ----------
    columns : tuple of numpy.ndarray, shape (x,), float32
    scales : tuple of float
    amplifiers : sequence of slice
    """

    columns: tuple[np.ndarray, np.ndarray]
    scales: tuple[float, float]
    amplifiers: Sequence[slice]

    @classmethod
    def of(cls, images: tuple[np.ndarray, np.ndarray], good: np.ndarray, amplifiers: Sequence[slice]) -> "_Pair":
        """Measure it in some rows."""
        columns = tuple(_of_columns(image, good) for image in images)
        owns = [_own(image, good, amplifiers, of) for image, of in zip(images, columns, strict=True)]
        return cls((columns[0], columns[1]), (_scale(owns[0], good), _scale(owns[1], good)), amplifiers)

    def moments(self, images: tuple[np.ndarray, np.ndarray], good: np.ndarray) -> np.ndarray:
        """Return what :func:`_moments` says of some rows."""
        one, two = (_own(image, good, self.amplifiers, of) for image, of in zip(images, self.columns, strict=True))
        return _moments(one, two, *self.scales, good)


def _of_columns(image: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Return the median of each column, in some of its rows, float32 (x,); bad pixels count as 0."""
    some = slice(None, None, max(1, len(image) // _ENOUGH))
    median: np.ndarray = np.median(_known(image[some], good[some]), axis=0)
    return median


def _wanders(medians: np.ndarray) -> np.ndarray:
    """Return which columns move far from one integration to another, by their medians (integration, x); bool (x,)."""
    known = np.where(np.isfinite(medians), medians, 0)
    apart = known - np.median(known, axis=1, keepdims=True)
    # In the order of their values, so that no other order changes a bit.
    apart = np.sort(apart, axis=0)
    scatter = np.sqrt(((apart - apart.mean(axis=0)) ** 2).mean(axis=0))
    wanders: np.ndarray = scatter > _WANDERS * np.median(scatter)
    return wanders


def _own(image: np.ndarray, good: np.ndarray, amplifiers: Sequence[slice], of_columns: np.ndarray) -> np.ndarray:
    """Return an image without what its columns, and its rows in each amplifier, have in common, float32 (y, x)."""
    own = _known(image, good) - of_columns
    for columns in amplifiers:
        of_rows = own[:, columns]
        of_rows -= np.median(of_rows[:, :: max(1, of_rows.shape[1] // _ENOUGH)], axis=1, keepdims=True)
    return own


def _known(image: np.ndarray, good: np.ndarray) -> np.ndarray:
    return np.where(good & np.isfinite(image), image, np.float32(0))


def _scale(own: np.ndarray, good: np.ndarray) -> float:
    """Return how good pixels scatter; 1 where none does."""
    known = own[good]
    return float(MAD_TO_SIGMA_ROUNDED * np.median(np.abs(known))) or 1.0 if known.size else 1.0


def _moments(ramps: np.ndarray, values: np.ndarray, of_ramps: float, of_values: float, good: np.ndarray) -> np.ndarray:
    """Return 1, the squares of both images and their product where both are noise, else 0; float32 (4, y, x).

    Parameters
    ----------
    ramps, values : numpy.ndarray, shape (y, x), float32
    of_ramps, of_values : float
        How they scatter.
    good : numpy.ndarray, shape (y, x), bool
    """
    a, b = ramps / np.float32(of_ramps), values / np.float32(of_values)
    near = good & (np.abs(a) <= _FARTHEST) & (np.abs(b) <= _FARTHEST)
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


def _places(sums: np.ndarray, names: Sequence[str]) -> list[Place]:
    """Return those places that tell, of which sums of :func:`_moments` are given, float64 (4, place)."""
    usual = _usual(sums)
    if usual <= 0:
        return []
    with np.errstate(divide="ignore"):
        error = _CERTAIN / (np.sqrt(sums[0]) * usual)
    most = _alike(sums) / usual + error
    return [Place(float(most[k]), names[k]) for k in np.flatnonzero(error <= _LEAST_TELLING).tolist()]
