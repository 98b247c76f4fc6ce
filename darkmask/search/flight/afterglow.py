"""Find patches that begin to glow within a delivery, such as a snowball leaves, and persistence of few pixels.

The trend of a whole epoch does not show what begins within it. Rates of each integration do, summed over blocks of
pixels; they are the pipeline's, so that no ramp is read again.
"""

from collections.abc import Iterator

import numpy as np

from darkmask.core.kernels import kernel
from darkmask.core.statistics import MAD_TO_SIGMA
from darkmask.delivery.times import SECONDS_PER_DAY
from darkmask.search.maps.combine import CombinedMaps

from .changing import Patch
from .patches import neighbours_mean
from .steady import Planes

# Squares of four by four pixels are summed; four of these are a window, and windows overlap by half.
_BLOCK = 4
_WINDOW = 2 * _BLOCK
# So many sigma of one pixel count at the most, in one integration and as its share of a light: a single one, however
# bright, makes no patch, and what fades from a bright integration on still fades.
_MOST, _MOST_SHARE = 8.0, 4.0
# A patch may reach so many pixels beyond the windows that show it.
_REACH = 3
# Its core are so many pixels whose neighbours glow most: the smallest snowball that outlasts a reset has thirteen.
_CORE = 9
# ... by so many sigma of one, where the brightest integration is not needed to see it.
_PLAIN = 1.5
# What a window must reach, in sigma: as a rise that fades, as what fades from its brightest on, and without the
# brightest integration, which may be one hit. Of a million windows with ten beginnings none reaches the first by noise,
# and of the tenth of them that a hit stands in, 7 reached 3 sigma of the last in a full frame without any light, and 1
# reaches 4.
RISES, FADES, LASTS = 6.0, 4.0, 4.0
_LIMITS = np.array([RISES, FADES, LASTS])[:, None, None]
# What a column does as one is taken off of about so many rows at once: a patch is a small part of them.
_BAND = 256
# Beginnings that are tried, evenly over the integrations.
_BEGINNINGS = 12


def find_afterglow(planes: Planes) -> list[Patch]:
    """Return the patches that fade from some integration on, by their first pixel.

    Parameters
    ----------
    planes : Planes
    """
    maps = planes.maps
    if maps.changes is None or not maps.changes.order.contrast.any() or min(maps.rate.shape) < _WINDOW:
        return []
    from scipy.ndimage import label

    science = ~planes.request.reference_pixels()
    laws = list(_laws(maps))
    rises, lasts, law = _fading_windows(planes, science, laws)
    windows = np.argwhere(rises)
    if not windows.size:
        return []
    covered = np.zeros(science.shape, bool)
    for row, column in windows:
        covered[_of_window(row, column)] = True
    clumps, number = label(covered & science, np.ones((3, 3)))
    # A window at an edge may have its middle among the reference pixels.
    of = np.array([clumps[_of_window(row, column)].max() for row, column in windows])
    order = np.argsort(of, kind="stable")
    found = []
    for mine in np.split(windows[order], np.searchsorted(of[order], np.arange(2, number + 1))):
        # What a hit leaves in its own integration, over its halo, may be stronger than the glow of its core.
        strongest = tuple(mine[np.argmax(lasts[tuple(mine.T)])])
        found.append(_refined(planes, science, mine, laws[law[strongest]][0]))
    return [patch for patch in found if patch.glowing.size]


def _of_window(row: int, column: int) -> tuple[slice, slice]:
    return np.s_[row * _BLOCK : row * _BLOCK + _WINDOW, column * _BLOCK : column * _BLOCK + _WINDOW]


def _refined(planes: Planes, science: np.ndarray, windows: np.ndarray, law: np.ndarray) -> Patch:
    """Return the pixels of a patch by their own shares of its law, from windows that cover it; none if none glows."""
    y, x = (corner * _BLOCK for corner in windows.T)
    within = np.arange(_WINDOW)
    covered = (y[:, None, None] + within[:, None]) * science.shape[1] + x[:, None, None] + within
    region = reached(np.unique(covered), science, _REACH)
    y, x = np.unravel_index(region, science.shape)
    # Pixels about the region have no share.
    rows, columns = (slice(max(at.min() - 1, 0), at.max() + 2) for at in (y, x))
    y, x = y - rows.start, x - columns.start
    # A hit leaves something over its halo, in its own integration; its core glows on.
    for without in (int(np.argmax(law)), None):
        steady = planes.steady(law, region, np.inf, without)
        share = np.zeros(science[rows, columns].shape, np.float32)
        # A hot pixel that changes is no more than one that glows by much.
        share[y, x] = np.clip(np.nan_to_num(steady.share / steady.share_error), -_MOST_SHARE, _MOST_SHARE)
        mean = neighbours_mean(share, science[rows, columns], y, x)
        core = float(np.median(np.sort(mean)[-_CORE:]))
        if core > _PLAIN:
            break
    # Where rates fall below zero for a while, nothing glows.
    glowing = region[mean >= core / 2]
    return Patch(reached(glowing, science), glowing)


def reached(places: np.ndarray, science: np.ndarray, far: int = 2) -> np.ndarray:
    """Return the places of pixels and of those so near to one of them, but for reference pixels."""
    from scipy.ndimage import binary_dilation

    if not places.size:
        return places
    y, x = np.unravel_index(places, science.shape)
    rows, columns = (slice(max(at.min() - far, 0), at.max() + far + 1) for at in (y, x))
    near = np.zeros(science[rows, columns].shape, bool)
    near[y - rows.start, x - columns.start] = True
    y, x = np.nonzero(binary_dilation(near, np.ones((3, 3)), far) & science[rows, columns])
    return (y + rows.start) * science.shape[1] + x + columns.start


def _fading_windows(
    planes: Planes, science: np.ndarray, laws: list[tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return by how many sigma windows rise and last, 0 where they do not fade, and the number of the law.

    Window (j, i) begins in row 4 j and column 4 i.
    """
    maps = planes.maps
    height, width = maps.rate.shape
    rises, lasts = np.zeros((2, height // _BLOCK - 1, width // _BLOCK - 1), np.float32)
    law = np.zeros(rises.shape, np.int16)
    # Bands are alike, and share half of a window with the next.
    rows = -(-height // max(round(height / _BAND), 1) // _BLOCK) * _BLOCK
    for start in range(0, height - _WINDOW + 1, rows):
        band = slice(start, min(start + rows + _BLOCK, height // _BLOCK * _BLOCK))
        sigma = planes.sigma(band)
        series = np.stack([
            _blocks(exposure.rate(band, integration), maps.rate[band], sigma, science[band])
            for exposure, integration in planes.opened.planes
        ])  # fmt: skip
        summed = series[:, :-1] + series[:, 1:]
        summed = summed[:, :, :-1] + summed[:, :, 1:]
        for columns in planes.request.amplifiers():
            here = np.s_[:, :, columns.start // _BLOCK : -(-columns.stop // _BLOCK)]
            if summed[here].size:
                summed[here] = _normal(summed[here])
        first = start // _BLOCK
        rows_here = slice(first, first + summed.shape[1])
        for which, (_, contrasts) in enumerate(laws):
            # A product of matrices would wake threads for a thousandth of a second's work.
            told = np.einsum("ci,iyx->cyx", contrasts, summed)
            better = (told > _LIMITS).all(axis=0) & (told[0] > rises[rows_here])
            rises[rows_here][better], lasts[rows_here][better] = told[0][better], told[2][better]
            law[rows_here][better] = which
    return rises, lasts, law


def _blocks(rates: np.ndarray, usual: np.ndarray, sigma: np.ndarray, science: np.ndarray) -> np.ndarray:
    """Return sums over blocks of how far rates lie off, in sigma, without what a column does as one; float32."""
    height, width = (size // _BLOCK for size in rates.shape)
    sums, columns = np.zeros((height, width), np.float32), np.zeros(width * _BLOCK, np.float32)
    _sum_blocks(rates, usual, sigma, science, sums, columns)
    mean: np.ndarray = columns.reshape(width, _BLOCK).sum(axis=1) * np.float32(_BLOCK / len(rates))
    return sums - mean


@kernel
def _sum_blocks(rates, usual, sigma, science, sums, columns):
    """Add up distances in sigma by block and by column."""
    most, row = np.float32(_MOST), np.empty(columns.size, np.float32)
    for y in range(sums.shape[0] * _BLOCK):
        for x in range(columns.size):
            apart = (rates[y, x] - usual[y, x]) / sigma[y, x]
            apart = apart if apart < most else most
            apart = apart if apart > -most else -most
            known = science[y, x] & (abs(rates[y, x]) < np.float32(np.inf)) & (sigma[y, x] > 0)
            row[x] = apart if known else np.float32(0)
        total = sums[y // _BLOCK]
        for x in range(columns.size):
            columns[x] += row[x]
        for block in range(total.size):
            x = block * _BLOCK
            total[block] += row[x] + row[x + 1] + row[x + 2] + row[x + 3]


def _normal(values: np.ndarray) -> np.ndarray:
    """Return sums without what all have in common in an integration, in units of their scatter."""
    flat = values.reshape(len(values), -1)
    centre = np.median(flat, axis=1)[:, None, None]
    scatter = MAD_TO_SIGMA * np.median(np.abs(values - centre))
    return (values - centre) / scatter if scatter > 0 else np.zeros_like(values)


def _laws(maps: CombinedMaps) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give a light that fades from each beginning on, shape (integration,), and three contrasts that tell of it.

    Contrasts have shape (3, integration), unit variance, and no level.
    """
    changes = maps.changes
    if changes is None:
        return
    times, epochs = np.array(changes.times) * SECONDS_PER_DAY, np.array(changes.epochs)
    number = times.size
    step = max(float(np.median(np.diff(times))), 1.0)
    beginnings = np.arange(number - 2)
    if beginnings.size > _BEGINNINGS:
        beginnings = np.unique(np.linspace(0, number - 3, _BEGINNINGS).round().astype(int))
    for first in beginnings:
        after = (np.arange(number) >= first) & (epochs == epochs[first])
        if after.sum() < 3:
            continue
        law = np.where(after, 1 / (1 + np.abs(times - times[first]) / step), 0)
        here = epochs == epochs[first]
        others = here & (np.arange(number) != first)
        yield law, np.stack([_contrast(law, here), _contrast(law, after), _contrast(law, others)])


def _contrast(law: np.ndarray, where: np.ndarray) -> np.ndarray:
    centred = np.where(where, law - law[where].mean(), 0)
    norm = float(np.sqrt(np.square(centred).sum()))
    return (centred / norm if norm > 0 else centred).astype(np.float32)
