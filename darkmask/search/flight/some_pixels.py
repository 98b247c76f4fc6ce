"""The flight search at some pixels: regular rows tell what good pixels do, and the pixels asked are judged by that.

Four million pixels know a median or a scatter no better than a quarter of a million do as far as any name goes: to a
third of a per cent of a sigma. What lies around a pixel that is asked is taken from where it lies in the frame.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any
from weakref import proxy

import numpy as np

from darkmask.search.maps.changes import SIGMA_UNIT, ChangeRows
from darkmask.search.maps.combine import CombinedMaps
from darkmask.search.maps.some import with_images
from darkmask.search.maps.stacks import CombinedRows

from .amplifier import AmplifierSearch
from .asked import Asked
from .background import smooth
from .changing import COUPLED, ChangeSearch
from .coupling import Coupling, Values, coupling_of, least_bright, measure_coupling
from .lines import Lines, measure_lines
from .patches import PATCH_SIDE, above_patches
from .robust import places, population
from .scattering import NEIGHBOURS, ScatterSearch

_NONE: np.ndarray = np.empty(0, np.int64)


class SomePixels(AmplifierSearch):
    """The search at some pixels of one amplifier. Images have the rows that tell what is usual, then pixels asked.

    The last row is filled with pixels that do not count.

    Parameters
    ----------
    asked : Asked
    columns : slice
        Of the amplifier.
    """

    def __init__(self, asked: Asked, columns: slice):
        self._some, self._of, self._frame_science, self._asked = asked.some, columns, asked.science, asked.pixels
        some = self._some
        y, x = some.positions
        self._own = np.flatnonzero((x >= columns.start) & (x < columns.stop) & asked.pixels.ravel()[some.places])
        self._y, self._x = y[self._own], x[self._own] - columns.start
        self._told, width = len(some.rows.rate), columns.stop - columns.start
        self._more = -(-self._own.size // width)
        maps = self._of_amplifier()
        counted = self.compact(asked.science[:, columns])
        # What fills the last row.
        counted.ravel()[self._told * width + self._own.size :] = False
        super().__init__(
            maps,
            counted,
            slice(0, width),
            asked.detector,
            asked.tgroup,
            asked.parameters,
            patch=self.compact(asked.patch[:, columns]),
            pixels_only=True,
        )
        self.changing = _SomeChanges(self, maps)

    @cached_property
    def _exact(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """All pixels asked: rows and columns of an image, then rows and columns of the frame."""
        every, width = self._some.every, self._of.stop - self._of.start
        row, column = places(self._asked[::every, self._of])
        more = np.divmod(self._told * width + np.arange(self._y.size), width)
        at = (np.concatenate(parts) for parts in zip((row, column), more, strict=True))
        return (*at, np.append(row * every, self._y), np.append(column, self._x) + self._of.start)

    @cached_property
    def in_frame(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column in the frame of each pixel of an image; those of what fills the last row are of none of it."""
        width = self._of.stop - self._of.start
        rows = np.arange(self._told)[:, np.newaxis] * self._some.every
        columns = np.arange(width)[np.newaxis] + self._of.start
        shape = self._told, width
        return (
            self._joined(np.broadcast_to(rows, shape), self._y),
            self._joined(np.broadcast_to(columns, shape), self._x + self._of.start),
        )

    def compact(self, frame: np.ndarray) -> np.ndarray:
        """Return what this search has of the amplifier's part of a frame, (y, columns), as one of its images."""
        return self._joined(frame[:: self._some.every], frame[self._y, self._x])

    def put(self, image: np.ndarray, frame: np.ndarray) -> None:
        """Set the pixels asked in a frame, (y, x), from an image of this search."""
        row, column, y, x = self._exact
        frame[y, x] = image[row, column]

    def _joined(self, of_rows: np.ndarray, of_pixels: np.ndarray) -> np.ndarray:
        width = of_rows.shape[1]
        if not self._more:
            return of_rows
        image = np.empty((self._told + self._more, width), of_rows.dtype)
        image[: self._told] = of_rows
        rest = image[self._told :].ravel()
        rest[: of_pixels.size] = of_pixels
        rest[of_pixels.size :] = of_pixels[-1]
        return image

    def _of_amplifier(self) -> CombinedMaps:
        rows = self._some.rows.of_columns(self._of)
        if not self._more:
            return rows
        pixels = self._some.pixels

        shape = self._told + self._more, self._of.stop - self._of.start

        def joined(part: str, of: Any, others: Any) -> np.ndarray:
            image = getattr(of, part)
            # One number everywhere, where nothing was made.
            if not any(image.strides):
                return np.broadcast_to(image[:1, :1], shape)
            return self._joined(image, getattr(others, part)[0, self._own])

        changes = rows.changes
        if changes is not None and pixels.changes is not None:
            changed = (joined(name, changes.rows, pixels.changes.rows) for name in ChangeRows._fields)
            changes = changes._replace(rows=ChangeRows(*changed))
        images = {name: joined(name, rows, pixels) for name in CombinedRows._fields}
        return with_images(rows, images, changes)

    def _values(self, name: str) -> Values:
        """Return what gives a map at pixels inside the frame, NaN where it is not known."""
        some, known = self._some, self._some.values(name)

        def values(y: np.ndarray, x: np.ndarray) -> np.ndarray:
            number = some.numbers[y, x]
            found: np.ndarray = np.where(number >= 0, known[number], np.float32(np.nan))
            return found

        return values

    def _measured_coupling(self, maps: CombinedMaps, science: np.ndarray) -> Coupling:
        some, of = self._some, self._of
        if some.every == 1:
            return measure_coupling(some.rows, self._frame_science, of, self.detector, self.tgroup, self.parameters)
        rate, weight = self._values("rate"), self._values("weight")
        least = least_bright(self.detector, self.parameters)
        height, width = some.shape
        bright = np.flatnonzero(some.values("rate") >= least)
        in_rows = bright < some.rows.rate.size
        y, x = np.divmod(
            np.where(in_rows, bright, some.places[np.where(in_rows, 0, bright - some.rows.rate.size)]), width
        )
        y[in_rows] *= some.every
        near = (x >= of.start - 1) & (x <= of.stop) & (y > 0) & (y < height - 1) & (x > 0) & (x < width - 1)
        y, x = y[near], x[near]
        told = np.s_[: self._told]
        usual, _ = population(maps.rate[told], science[told])
        return coupling_of(
            lambda *at: np.where(self._frame_science[at], rate(*at), np.float32(np.nan)),
            weight,
            (y, x),
            rate(y, x),
            usual,
            maps.read_variance,
            self.detector,
            self.tgroup,
            self.parameters,
        )

    def _decoupled(self, maps: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
        if self._some.every == 1:
            whole = self._some.rows.changes.rows if name == "late" and self._some.rows.changes else self._some.rows
            return self._coupling.decoupled(getattr(whole, name), self._of)
        # What is around a pixel that is not asked stands for what the rows between would say.
        rows = np.s_[: self._told]
        alike = self._coupling._replace(y=_NONE, x=_NONE, more=_NONE.astype(np.float32))
        image = getattr(maps, name)
        found = np.empty((2, *image.shape), np.float32)
        found[:, self._told :] = np.nan
        found[0, rows], found[1, rows] = alike.decoupled(image[rows], slice(0, image.shape[1]))
        row, column, y, x = self._exact
        found[0, row, column], found[1, row, column] = self._coupling.decoupled_at(
            self._some.values(name), self._some.numbers, y, x
        )
        return found[0], found[1]

    def find_lines(self, good: np.ndarray) -> None:
        """Find the columns that do something as one by the rows that tell, and take off what their pixels share."""
        told = self._told
        dark = smooth(self.rate[:told], good[:told], self._some.every)
        # Between two rows the background is a line, as between the centres of its boxes.
        before, part = np.divmod(self._y, self._some.every)
        share = (part / self._some.every).astype(np.float32)
        after = np.minimum(before + 1, told - 1)
        self.dark = self._joined(dark, dark[before, self._x] * (1 - share) + dark[after, self._x] * share)
        beyond = self.rate[:told] - dark
        rows = self._some.rows.of_columns(self._of)
        self.of_columns = measure_lines(rows, beyond, self.shape[:told], good[:told], self.tgroup)
        self.columns = Lines(*map(self._of_each, self.of_columns))
        self.rate = self.rate - self.columns.rate
        self.shape = self.shape - self.columns.shape

    def _of_each(self, line: np.ndarray) -> np.ndarray:
        """Return as an image what columns have."""
        return self._joined(np.broadcast_to(line, (self._told, line.size)), line[self._x])

    def _above_patches(self, above: np.ndarray, judged: np.ndarray, sigma: float) -> np.ndarray:
        if self._some.every == 1:
            return above_patches(above, judged, self.patch, sigma)
        row, column, y, x = self._exact
        inside = y[self.patch[row, column]]
        if not inside.size:
            return above
        first, stop = max(int(inside.min()) - PATCH_SIDE // 2, 0), int(inside.max()) + PATCH_SIDE // 2 + 1
        here = np.flatnonzero((y >= first) & (y < stop))
        row, column, place = row[here], column[here], (y[here] - first, x[here] - self._of.start)

        def framed(image: np.ndarray) -> np.ndarray:
            frame: np.ndarray = np.zeros((stop - first, image.shape[1]), image.dtype)
            frame[place] = image[row, column]
            return frame

        found = above.copy()
        found[row, column] = above_patches(framed(above), framed(judged), framed(self.patch), sigma)[place]
        return found


class _SomeChanges(ScatterSearch):
    """The judgement of changes at the pixels of a search of some."""

    def __init__(self, search: SomePixels, maps: CombinedMaps):
        columns, coupling = slice(0, maps.rate.shape[1]), search._coupling.share
        super().__init__(maps, columns, search.detector, coupling, search.parameters, search.tgroup)
        # Its own search: a circle of both would keep their images until garbage is looked for, which is seldom.
        self._search: Any = proxy(search)

    def _beside(self, at: Any) -> Iterator[Any]:
        some, (height, width) = self._search._some, self._search._some.shape
        y, x = (place[at] for place in self._search.in_frame)
        for dy, dx in NEIGHBOURS:
            yield some.numbers[np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)]

    def _of_set(self, name: str, where: Any) -> np.ndarray:
        # Of a pixel beside one that is not asked nothing may be known, and it is asked for nothing.
        found: np.ndarray = np.where(where >= 0, self._search._some.values(name)[where], np.float32(0))
        return found

    def _own_spread(self) -> np.ndarray:
        search, some = self._search, self._search._some
        if some.every == 1:
            whole = ChangeSearch(
                some.rows, search._of, search.detector, self._coupling, search.parameters, search.tgroup
            )
            return whole._own_spread()
        share: np.ndarray = np.ones(self.rows.second.shape, np.float32)
        row, column, y, x = search._exact
        least = np.int16(np.ceil(self.parameters.change_significance / SIGMA_UNIT))
        apart = np.flatnonzero(self.rows.second[row, column] >= least)
        row, column, y, x = row[apart], column[apart], y[apart], x[apart]
        second, high, low = (some.values(name) for name in ("second", "high", "low"))
        height, width = some.shape

        def spread(dy: int, dx: int) -> np.ndarray:
            inside = (y + dy >= 0) & (y + dy < height) & (x + dx >= 0) & (x + dx < width)
            at = some.numbers[np.where(inside, y + dy, y), np.where(inside, x + dx, x)]
            told = inside & (at >= 0) & (second[at] >= least)
            return np.where(told, np.nan_to_num(high[at] - low[at]), np.float32(0))

        around = spread(-1, 0) + spread(1, 0) + spread(0, -1) + spread(0, 1)
        own = spread(0, 0)
        share[row, column] = np.clip(1 - COUPLED * self._coupling * around / np.where(own > 0, own, np.inf), 0, 1)
        return share
