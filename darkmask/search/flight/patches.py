"""Find squares of pixels that decay together, and what stands out of them."""

import numpy as np

from darkmask.core.kernels import kernel

# A trend is averaged over a square of so many pixels. One pixel, however strong, counts as this many sigma, so that a
# single one with its four neighbours makes no patch. A mean of so many sigma of its own error makes one.
PATCH_SIDE, TREND_LIMIT, PATCH_SIGNIFICANCE = 7, 3.0, 6.0
_REACH = PATCH_SIDE // 2
# Traps differ, and a patch has a core: its pixels lie above the mean around them by this share of it.
PATCH_VARIES = 0.5
# The core of a patch are the pixels whose surroundings decay most, in per cent of all.
_CORE = 5


@kernel
def decaying_squares(trend, science, centres, scales, below):
    """Set which pixels lie in the middle of a square whose pixels decay, and return how many do.

    Parameters
    ----------
    trend : array, shape (y, x), int16
    science : array, shape (y, x), bool
        Pixels that count.
    centres, scales : array, shape (x,), float32
        The trend of good pixels of the column, and the inverse of its scatter; 0 in a column that does not count.
    below : array, shape (y, x), bool
        Array to set.
    """
    height, width = trend.shape
    # The rows of a square, one after the other; and sums over columns, with room at both ends.
    values, counts = np.zeros((PATCH_SIDE, width), np.float32), np.zeros((PATCH_SIDE, width), np.float32)
    total, number = np.zeros(width + 2 * _REACH, np.float32), np.zeros(width + 2 * _REACH, np.float32)
    found = 0
    for row in range(height + _REACH):
        place = row % PATCH_SIDE
        if row < height:
            _scale_row(trend[row], science[row], centres, scales, values[place], counts[place])
        else:
            values[place], counts[place] = 0, 0
        if row >= _REACH:
            _sum_rows(values, total[_REACH : width + _REACH])
            _sum_rows(counts, number[_REACH : width + _REACH])
            found += _compare_row(total, number, science[row - _REACH], below[row - _REACH])
    return found


@kernel
def _scale_row(trend, science, centres, scales, values, counts):
    limit = np.float32(TREND_LIMIT)
    for x in range(trend.size):
        value = (np.float32(trend[x]) - centres[x]) * scales[x]
        value = value if value < limit else limit
        value = value if value > -limit else -limit
        values[x] = value if science[x] else np.float32(0)
        counts[x] = np.float32(1) if science[x] else np.float32(0)


@kernel
def _sum_rows(rows, total):
    for x in range(total.size):
        total[x] = rows[0, x] + rows[1, x] + rows[2, x] + rows[3, x] + rows[4, x] + rows[5, x] + rows[6, x]


@kernel
def _compare_row(total, number, science, below):
    found = 0
    limit = np.float32(PATCH_SIGNIFICANCE * PATCH_SIGNIFICANCE)
    for x in range(below.size):
        a = total[x] + total[x + 1] + total[x + 2] + total[x + 3] + total[x + 4] + total[x + 5] + total[x + 6]
        n = number[x] + number[x + 1] + number[x + 2] + number[x + 3] + number[x + 4] + number[x + 5] + number[x + 6]
        # The error of a sum of n values of unit scatter is sqrt(n).
        below[x] = science[x] & (a < 0) & (a * a > limit * n)
    for x in range(below.size):
        found += 1 if below[x] else 0
    return found


def glowing_pixels(
    trend: np.ndarray, science: np.ndarray, centres: np.ndarray, scales: np.ndarray, region: np.ndarray
) -> np.ndarray:
    """Return which pixels of a patch have eight neighbours that decay by half of what they do in its core.

    Parameters
    ----------
    trend, science, centres, scales
        As for :func:`decaying_squares`.
    region : numpy.ndarray, shape (n,), int
        Places of its pixels in the flattened frame.

    Returns
    -------
    numpy.ndarray, shape (m,), int
        Some of ``region``, at least one.
    """
    y, x = np.unravel_index(region, trend.shape)
    rows, columns = slice(max(y.min() - 1, 0), y.max() + 2), slice(max(x.min() - 1, 0), x.max() + 2)
    here = (trend[rows, columns].astype(np.float32) - centres[columns]) * scales[columns]
    mean = neighbours_mean(
        np.clip(here, -TREND_LIMIT, TREND_LIMIT), science[rows, columns], y - rows.start, x - columns.start
    )
    return region[mean <= np.percentile(mean, _CORE) / 2]


def neighbours_mean(values: np.ndarray, science: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the mean of the neighbours of some pixels, of eight but for reference pixels; shape (n,), float32.

    Parameters
    ----------
    values : numpy.ndarray, shape (y, x), float32
    science : numpy.ndarray, shape (y, x), bool
    y, x : numpy.ndarray, shape (n,), int
    """
    wide, seen = np.pad(np.where(science, values, 0), 1), np.pad(science, 1)
    total, number = np.zeros((2, y.size), np.float32)
    for dy, dx in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)):
        total += wide[y + dy, x + dx]
        number += seen[y + dy, x + dx]
    return total / np.fmax(number, 1)


def above_patches(above: np.ndarray, judged: np.ndarray, patch: np.ndarray, sigma: float) -> np.ndarray:
    """Return how far pixels of patches that decay lie above what their surroundings may vary to.

    Parameters
    ----------
    above : numpy.ndarray, shape (y, x), float32
        Rates above the usual one.
    judged, patch : numpy.ndarray, shape (y, x), bool
        The pixels that count as surroundings, and those that lie in a patch; others stay as they are.
    sigma : float
        Scatter of the rates of good pixels, in the unit of ``above``.

    Returns
    -------
    numpy.ndarray, shape (y, x), float32
    """
    from scipy.ndimage import uniform_filter

    # Clipped, so that a hot pixel does not raise the surroundings that it is compared with.
    clipped = np.where(judged, np.clip(np.nan_to_num(above), -5 * sigma, 25 * sigma), 0).astype(np.float32)
    share = uniform_filter(judged.astype(np.float32), PATCH_SIDE, mode="constant")
    around = uniform_filter(clipped, PATCH_SIDE, mode="constant") / np.maximum(share, np.float32(0.1))
    return above - np.where(patch, np.float32(1 + PATCH_VARIES) * around, 0)
