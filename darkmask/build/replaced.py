"""Find pixels whose reads are made of those around them, as pictures are mended: what was there is gone from all files.

No two pixels read alike. A read that is the mean of its neighbours, or one of them, to the last digits of float32 is
none of its own; in one group that happens by chance, in all of a ramp it does not.
"""

from collections.abc import Sequence

import numpy as np

from darkmask.delivery import OpenSet

from .unsuspected import places_told

# What rounding leaves of a mean, in DN and as a share of the read. Noise of 5 DN hits that in one group of 3000.
_ROUNDED, _DIGITS = 1e-3, 1e-6
# So many groups, evenly spread, must agree: noise does in none of 10^14 pixels.
_GROUPS = 4
# Whole counts, and means of a few, are alike by chance: nothing is said where most reads of some are such.
_COUNTS, _SOME, _MOSTLY = np.float32(16), 8, 0.5
# A band of rows, which the processor's cache holds.
_ROWS_AT_ONCE = 64
_BESIDE = ((0, -1), (0, 1), (-1, 0), (1, 0))
_CORNERS = ((-1, -1), (-1, 1), (1, -1), (1, 1))
# What people put in the place of a pixel: a neighbour, or the mean of some.
_MADE_OF = (*((one,) for one in _BESIDE), _BESIDE[:2], _BESIDE[2:], _BESIDE, _BESIDE + _CORNERS)


def replaced_pixels(opened: OpenSet, science: np.ndarray) -> list[tuple[int, int]] | None:
    """Return the pixels whose reads in the first integration are those around them, or means of these.

    Parameters
    ----------
    opened : OpenSet
    science : numpy.ndarray, shape (y, x), bool

    Returns
    -------
    list of (int, int) or None
        x and y, ``MOST_TOLD`` at most. Of two that are equal one is no copy, and both are told. What was replaced in
        some exposures alone comes and goes. None of ramps of three groups, and of whole counts: they tell nothing.

    Raises
    ------
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    exposure, i = opened.planes[0]
    last = exposure.shape[1] - 1
    groups = sorted({round(share * last) for share in np.linspace(0, 1, _GROUPS)})
    if len(groups) < _GROUPS:
        return None
    first, *others = (exposure.group(i, group) for group in groups)
    some = first[::_SOME, ::_SOME] * _COUNTS
    if (some == np.rint(some)).mean() > _MOSTLY:
        return None
    found = np.zeros(science.shape, bool)
    for places in _MADE_OF:
        y, x = _alike(first, places)
        inside = science[y, x]
        y, x = y[inside], x[inside]
        for plane in others:
            same = _close(plane[y, x], _mean([plane[y + dy, x + dx] for dy, dx in places]))
            # What is stuck at one value is alike by that, and another check tells.
            same &= plane[y, x] != first[y, x]
            y, x = y[same], x[same]
        found[y, x] = True
    return places_told(*np.nonzero(found))


def _alike(plane: np.ndarray, places: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return y and x of the pixels off the edge whose read is the mean of some around it."""
    height, width = plane.shape
    ys, xs = [], []
    for start in range(1, height - 1, _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, height - 1)
        around = [plane[start + dy : stop + dy, 1 + dx : width - 1 + dx] for dy, dx in places]
        y, x = np.nonzero(_close(plane[start:stop, 1:-1], _mean(around)))
        ys.append(y + start)
        xs.append(x + 1)
    return np.concatenate(ys), np.concatenate(xs)


def _mean(reads: Sequence[np.ndarray]) -> np.ndarray:
    total = reads[0]
    for one in reads[1:]:
        total = total + one
    return total / np.float32(len(reads))


def _close(read: np.ndarray, made: np.ndarray) -> np.ndarray:
    close: np.ndarray = np.abs(read - made) <= _ROUNDED + _DIGITS * np.abs(made)
    return close
