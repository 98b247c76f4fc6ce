"""Find patches that begin to glow within a delivery, such as a snowball leaves, and persistence of few pixels.

Where lights lie beside or upon one another, each is found by what the others leave: the brightest is taken off, and
windows are asked again.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.statistics import median_of_finite

from .changing import Patch
from .patches import neighbours_mean
from .steady import Planes
from .together import lit_together, parted
from .windows import BLOCK, FADES, WINDOW, Law, Rising, Windows

# A pixel's share of a light counts by so many of its errors at the most: a hot one that changes is no more than one
# that glows by much.
_MOST_SHARE = 4.0
# A patch may reach so many pixels beyond the windows that show it.
_REACH = 3
# Its core are so many pixels whose neighbours glow most: the smallest snowball that outlasts a reset has thirteen.
_CORE = 9
# ... by so many sigma of one, where the brightest integration is not needed to see it.
_PLAIN = 1.5
# A core that glows by less is chance, or what hits and bright pixels leave: in a frame of 2048x2048 without any light
# three reached 1.4 to 1.8, and lights of small frames have 2.3 and more, what others leave of them less.
_LEAST_CORE = 2.0
# What lies so many windows about those that show lights is read besides: to where the patches may reach, and beyond.
_ABOUT = 4
# So many lights are parted that lie together, in rates of so many values: half a frame that glows is one light.
_MOST_LIGHTS, _MOST_VALUES = 12, 1 << 23
# The level of what does not glow is a median of so many pixels at least.
_LEAST_AROUND = 30
# A light whose pixels glow in one that begins as early is no other one, if this share of them does.
_SAME = 0.5


def find_afterglow(planes: Planes) -> list[Patch]:
    """Return the patches that fade from some integration on, by their first pixel, those that lie together by light.

    Parameters
    ----------
    planes : Planes
    """
    maps = planes.maps
    if maps.changes is None or not maps.changes.order.contrast.any() or min(maps.rate.shape) < WINDOW:
        return []
    from scipy.ndimage import label

    science = ~planes.request.reference_pixels()
    windows = Windows(planes, science)
    rising = windows.everywhere()
    shown = np.argwhere(rising.rises)
    if not shown.size:
        return []
    covered = _covered(shown, science.shape) & science
    clumps, number = label(covered, np.ones((3, 3)))
    # A window at an edge may have its middle among the reference pixels.
    of = np.array([clumps[_of_window(row, column)].max() for row, column in shown])
    order = np.argsort(of, kind="stable")
    found: list[Patch] = []
    for mine in np.split(shown[order], np.searchsorted(of[order], np.arange(2, number + 1))):
        found += _lights(planes, windows, science, mine, rising)
    return found


def _of_window(row: int, column: int) -> tuple[slice, slice]:
    return np.s_[row * BLOCK : row * BLOCK + WINDOW, column * BLOCK : column * BLOCK + WINDOW]


def _covered(shown: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    covered = np.zeros(shape, bool)
    for row, column in shown:
        covered[_of_window(row, column)] = True
    return covered


class _Area(NamedTuple):
    """A part of the frame that begins with a block: its rows and columns, and its rates, (integration, y, x), DN/s."""

    rows: slice
    columns: slice
    rates: np.ndarray

    def inside(self, places: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and columns in the area of places of the flattened frame."""
        y, x = np.divmod(places, width)
        return y - self.rows.start, x - self.columns.start

    def of(self, places: np.ndarray, width: int) -> np.ndarray:
        """Return the rates at places of the flattened frame, shape (integration, n)."""
        y, x = self.inside(places, width)
        rates: np.ndarray = self.rates[:, y, x]
        return rates


def _area(planes: Planes, mine: np.ndarray) -> _Area | None:
    """Return what lies about some windows; None where that is too much."""
    (low, left), (high, right) = mine.min(axis=0), mine.max(axis=0)
    rows, columns = (
        slice(max(first - _ABOUT, 0) * BLOCK, min((last + 2 + _ABOUT) * BLOCK, size // BLOCK * BLOCK))
        for first, last, size in ((low, high, planes.maps.rate.shape[0]), (left, right, planes.maps.rate.shape[1]))
    )
    values = (rows.stop - rows.start) * (columns.stop - columns.start) * len(planes.opened.planes)
    return None if values > _MOST_VALUES else _Area(rows, columns, planes.rates(rows, columns))


def _lights(planes: Planes, windows: Windows, science: np.ndarray, mine: np.ndarray, rising: Rising) -> list[Patch]:
    """Return the patches of windows that lie together, the strongest first."""
    area = _area(planes, mine)
    if area is None:
        mine = mine[rising.fades[tuple(mine.T)] > FADES]
        if not mine.size:
            return []
        law = windows.laws[rising.law[_strongest(mine, rising)]]
        whole = _refined(planes, science, _within(mine, science.shape), law, None, None)
        return [whole] if whole else []
    first = np.array([area.rows.start, area.columns.start]) // BLOCK
    usual = np.ascontiguousarray(planes.maps.rate[area.rows, area.columns])
    # Lights spread no farther than a window beyond those that showed them.
    asked = np.zeros((usual.shape[0] // BLOCK - 1, usual.shape[1] // BLOCK - 1), bool)
    for row, column in mine - first:
        asked[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = True
    found: list[Patch] = []
    profiles: list[np.ndarray] = []
    left = area
    for _ in range(2 * _MOST_LIGHTS):
        rising = windows.again(left.rates, usual, (area.rows.start, area.columns.start))
        shown = np.argwhere((rising.rises > 0) & asked)
        if not shown.size:
            break
        row, column = _strongest(shown, rising)
        law = windows.laws[rising.law[row, column]]
        patch = _refined(
            planes,
            science,
            _within(shown + first, science.shape),
            law,
            left,
            ((row + first[0]) * BLOCK, (column + first[1]) * BLOCK),
        )
        if patch is None or any(_same(patch, other) for other in found):
            # What is no light hides none beside it.
            asked[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = False
            continue
        if len(found) == _MOST_LIGHTS:
            break
        found.append(patch)
        profiles.append(_profile(planes, area, found, profiles, patch))
        left, usual = _without(planes, area, found, profiles)
    return found


def _strongest(shown: np.ndarray, rising: Rising) -> tuple[int, int]:
    # What a hit leaves in its own integration, over its halo, may be stronger than the glow of its core.
    row, column = shown[np.argmax(rising.lasts[tuple(shown.T)])]
    return int(row), int(column)


def _same(patch: Patch, other: Patch) -> bool:
    """Return whether a light is what another one left of itself."""
    begins_alike = abs(patch.begins - other.begins) <= 1
    return begins_alike and np.isin(patch.glowing, other.region).mean() >= _SAME


def _within(shown: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the places of the pixels of some windows."""
    return np.flatnonzero(_covered(shown, shape))


def _profile(
    planes: Planes, area: _Area, found: Sequence[Patch], profiles: Sequence[np.ndarray], patch: Patch
) -> np.ndarray:
    """Return the mean light of the pixels of a patch that glow, without that of others before it, e-/s."""
    width = planes.maps.rate.shape[1]
    _, rows, columns = area.rates.shape
    dark = np.ones((rows, columns), bool)
    for one in found:
        y, x = area.inside(one.region, width)
        inside = (y >= 0) & (x >= 0) & (y < rows) & (x < columns)
        dark[y[inside], x[inside]] = False
    around = area.rates[:, dark]
    light = np.array([median_of_finite(rates) for rates in area.of(patch.glowing, width)])
    if np.count_nonzero(dark) >= _LEAST_AROUND:
        light -= [median_of_finite(rates) for rates in around]
    light = np.nan_to_num(light * planes.gain)
    others = [
        profile for one, profile in zip(found, profiles, strict=False) if np.isin(patch.glowing, one.region).any()
    ]
    return np.fmax(parted(light, others, patch.begins), 0)


def _without(
    planes: Planes, area: _Area, found: Sequence[Patch], profiles: Sequence[np.ndarray]
) -> tuple[_Area, np.ndarray]:
    """Return rates of an area without lights, and the usual rates of its pixels."""
    left, width = area.rates.copy(), planes.maps.rate.shape[1]
    usual = planes.maps.rate[area.rows, area.columns].copy()
    for which, places in lit_together([one.region for one in found]):
        at = area.inside(places, width)
        lights = np.stack([profiles[k] for k in which])
        steady = planes.steady_of(area.of(places, width), lights, places)
        taken = (lights[:, :, None] * steady.share[:, None]).sum(axis=0)
        left[:, at[0], at[1]] -= (taken / planes.gain).astype(np.float32)
        usual[at] = steady.rate / planes.gain
    return area._replace(rates=left), usual


def _refined(
    planes: Planes,
    science: np.ndarray,
    covered: np.ndarray,
    law: Law,
    area: _Area | None,
    window: tuple[int, int] | None,
) -> Patch | None:
    """Return the pixels of a patch by their own shares of its law, from those of windows that cover it; or None."""
    from scipy.ndimage import binary_dilation, label

    region = reached(covered, science, _REACH)
    y, x = np.unravel_index(region, science.shape)
    rates = None if area is None else area.of(region, science.shape[1])
    # Pixels about the region have no share.
    rows, columns = (slice(max(at.min() - 1, 0), at.max() + 2) for at in (y, x))
    y, x = y - rows.start, x - columns.start
    # A hit leaves something over its halo, in its own integration; its core glows on.
    for without in (law.begins, None):
        lights = law.light[None]
        if rates is None:
            steady = planes.steady(lights, region, np.inf, without)
        else:
            steady = planes.steady_of(rates, lights, region, np.inf, without)
        share = np.zeros(science[rows, columns].shape, np.float32)
        share[y, x] = np.clip(np.nan_to_num(steady.share[0] / steady.share_error[0]), -_MOST_SHARE, _MOST_SHARE)
        mean = neighbours_mean(share, science[rows, columns], y, x)
        core = float(np.median(np.sort(mean)[-_CORE:]))
        if core > _PLAIN:
            break
    if not core >= _LEAST_CORE:
        return None
    glows = np.zeros(share.shape, bool)
    glows[y, x] = mean >= core / 2
    if window is not None:
        # Lights that began together and lie apart are several.
        clumps, _ = label(binary_dilation(glows, np.ones((3, 3))), np.ones((3, 3)))
        mine = np.unique(
            clumps[max(window[0] - rows.start, 0) :, max(window[1] - columns.start, 0) :][:WINDOW, :WINDOW]
        )
        here = glows & np.isin(clumps, mine[mine > 0])
        glows = here if np.count_nonzero(here) >= _CORE else glows
    glowing = region[glows[y, x]]
    return Patch(reached(glowing, science), glowing, law.begins)


def reached(places: np.ndarray, science: np.ndarray, far: int = 2) -> np.ndarray:
    """Return the places of pixels and of those so near to one of them, but for reference pixels."""
    from scipy.ndimage import binary_dilation

    y, x = np.unravel_index(places, science.shape)
    rows, columns = (slice(max(at.min() - far, 0), at.max() + far + 1) for at in (y, x))
    near = np.zeros(science[rows, columns].shape, bool)
    near[y - rows.start, x - columns.start] = True
    y, x = np.nonzero(binary_dilation(near, np.ones((3, 3)), far) & science[rows, columns])
    return (y + rows.start) * science.shape[1] + x + columns.start
