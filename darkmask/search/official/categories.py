"""The ``official`` search: ``bad_pixels()`` of jwst_reffiles 1.0.1, category map by category map.

It keeps what that release does, even what is odd; docs/categories.md lists what ``flight`` does otherwise. Numbers are
compared with thresholds in the precision that the release uses, so that no pixel at a threshold changes sides.
Therefore sums are those of numpy to the last bit, in its order, though without its temporary arrays.
"""

import operator
from dataclasses import dataclass

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.errors import TooLittleError
from darkmask.core.kernels import kernel
from darkmask.search.flight.evidence import Compared, Evidence, is_true
from darkmask.search.keywords import FIXED_IN_CODE
from darkmask.search.maps.jumps import MIN_CLEAN_SLOPES
from darkmask.search.parameters import SearchParameters

PEDESTAL_CLIP = 3.0  # sigma, fixed in the release's code
# numpy sums values of the other byte order, such as pedestals of a file, in parts of its buffer's size.
_BUFFER = 8192
# numpy sums native values in halves of halves, down to at most this many (numpy/_core/src/umath/loops_utils.h.src).
_LEAF = 128
# This depth halves an array of 2**64 values down to one.
_DEPTH = 64
# This many values are clipped at once; most often none of them is clipped.
_RUN = 64


@dataclass(frozen=True)
class OfficialMaps:
    """What a set says of each pixel of its science area.

    The science area is the bounding box of the pixels that the DQ of the first integration's rate does not call
    REFERENCE_PIXEL. If exposures differ, the last one counts: the release crops pedestals and jumps by it, and puts the
    result back with it.

    Attributes
    ----------
    integrations : int
    saturated, high_pedestal, low_pedestal, many_jumps, early_jumps : numpy.ndarray, shape (y, x), int16
        Integrations in which the pixel is so; see :mod:`darkmask.search.maps.jumps`.
    scatter : numpy.ndarray, shape (y, x), float64, DN/s
        Standard deviation of the slopes without jumps; NaN when they are fewer than 5, or all NaN.
    """

    integrations: int
    saturated: np.ndarray
    high_pedestal: np.ndarray
    low_pedestal: np.ndarray
    many_jumps: np.ndarray
    early_jumps: np.ndarray
    scatter: np.ndarray


def early_late_cutoffs(n_groups: int, fraction: float = FIXED_IN_CODE["early_cutoff_fraction"]) -> tuple[int, int]:
    """Return which groups of a ramp are early and which are late.

    Parameters
    ----------
    n_groups : int
    fraction : float
        Share of the ramp at each end.

    Returns
    -------
    early_stop, late_start : int
        Groups ``[:early_stop]`` and ``[late_start:]``. Both cutoffs are rounded down, so that there is one late group
        more than early ones unless ``fraction * n_groups`` is whole.
    """
    return int(fraction * n_groups), int(n_groups - fraction * n_groups)


def require_integrations(integrations: int) -> None:
    """Make sure that there are enough integrations to judge noise.

    Raises
    ------
    SearchError
        With fewer than 5: the release calls every pixel of them noisy.
    """
    if integrations < MIN_CLEAN_SLOPES:
        raise TooLittleError(
            f"The official search needs {MIN_CLEAN_SLOPES} jump-free slopes of a pixel and the set has {integrations} "
            "integrations: add exposures, or search with --search=flight."
        )


def pedestal_limits(pedestal: np.ndarray, threshold: float) -> tuple[np.float32, np.float32]:
    """Return the limits that the clipped population of one integration's pedestals gives.

    Parameters
    ----------
    pedestal : numpy.ndarray, shape (pixels,), float32, DN
        Pedestals of the science area, row by row. Overwritten.
    threshold : float
        Distance of the limits from the mean, in sigma.

    Returns
    -------
    high, low : numpy.float32, DN
        Mean plus and minus ``threshold`` standard deviations, as float32 throughout. They are NaN when a pedestal is
        not finite, since mean and standard deviation then are not finite either.

    Notes
    -----
    Source: ``scipy.stats.sigmaclip`` of big-endian values, as the release reads them.
    """
    mean, sigma = (np.float32(value) for value in _clip_about_mean(pedestal))
    return mean + sigma * threshold, mean - sigma * threshold


def noise_statistics(scatter: np.ndarray, clip_sigma: float, clip_iterations: int) -> tuple[np.float64, np.float64]:
    """Return mean and standard deviation of the scatters that remain when they are clipped about their median.

    Parameters
    ----------
    scatter : numpy.ndarray, shape (pixels,), float64, DN/s
        Finite scatters, row by row, at least one. Overwritten.
    clip_sigma : float
    clip_iterations : int
        Largest number of iterations.

    Returns
    -------
    mean, sigma : numpy.float64, DN/s

    Notes
    -----
    Source: ``astropy.stats.sigma_clip``, whose survivors these are. They are a range of the sorted values, and what is
    clipped moves their median by little: sorting the values about the median gives that of every iteration, in a fifth
    of the time that sorting all of them takes.
    """
    size, first, begin, ordered = scatter.size, 0, 0, scatter[:0]
    for _ in range(clip_iterations):
        middle = first + size // 2 - begin
        if not 0 < middle < ordered.size:
            ordered, begin = _about_median(scatter[:size])
            first, middle = 0, size // 2 - begin
        median = ordered[middle] if size % 2 else (ordered[middle - 1] + ordered[middle]) / 2
        _, sigma = _mean_and_sigma(scatter[:size])
        low, high = median - sigma * clip_sigma, median + sigma * clip_sigma
        first += int(np.count_nonzero(scatter[:size] < low))
        kept = _keep(scatter, size, low, high)
        if kept == size:
            break
        size = kept
    mean, sigma = _mean_and_sigma(scatter[:size])
    return np.float64(mean), np.float64(sigma)


def _about_median(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Return a tenth of the values, those about the median, in order, and how many lie below all of these."""
    half = values.size // 20 + 1
    begin, end = max(values.size // 2 - half, 0), min(values.size // 2 + half, values.size)
    return np.sort(np.partition(values, [begin, end - 1])[begin:end]), begin


def search_official(maps: OfficialMaps, parameters: SearchParameters) -> dict[Category, np.ndarray]:
    """Find the bad pixels that jwst_reffiles 1.0.1 finds.

    Returns
    -------
    dict of Category to numpy.ndarray, shape (y, x), bool
        Saturated, rc, low_pedestal, noisy, and telegraph (many jumps).

    Raises
    ------
    SearchError
        When there are fewer than 5 integrations, or no pixel has 5 slopes without jumps.

    Notes
    -----
    Source: ``jwst_reffiles.dark_current.badpix_from_darks.find_bad_pix``, release 1.0.1. ``max_jump_limit``,
    ``jump_ratio_threshold`` and ``early_cutoff_fraction`` are ignored there, and here.
    """
    return categories_of(compare_official(maps, parameters))


def categories_of(compared: Evidence) -> dict[Category, np.ndarray]:
    """Return the categories that follow from what was compared; see :func:`search_official`."""
    found = {name: test.everywhere() for name, test in compared.items()}
    return {
        Category.SATURATED: found["saturated"],
        Category.RC: found["high_pedestal"] | found["early_jumps"],
        Category.LOW_PEDESTAL: found["low_pedestal"],
        Category.TELEGRAPH: found["many_jumps"],
        Category.NOISY: found["scatter"] | found["few_slopes"],
    }


def compare_official(maps: OfficialMaps, parameters: SearchParameters) -> Evidence:
    """Return what the search compares with what; its errors are those of :func:`search_official`."""
    require_integrations(maps.integrations)
    # The counts are divided before they are compared, as there: 8 of 10 is then just 0.8, which is not more than 0.8.
    fractions = np.arange(maps.integrations + 1) / maps.integrations
    asked = np.broadcast_to(True, maps.scatter.shape)

    def count(value: np.ndarray, enough: np.ndarray) -> Compared:
        """Compare with the smallest count whose fraction is enough."""
        limit = int(np.argmax(enough)) if enough.any() else maps.integrations + 1
        return Compared(value, operator.ge, limit, asked)

    many = fractions > parameters.rc_fraction_threshold
    limit, of_unknown = _noise_limits(maps, parameters)
    unknown = np.isnan(maps.scatter)
    return {
        "saturated": count(maps.saturated, (fractions >= parameters.max_saturated_fraction) & (fractions > 0)),
        "high_pedestal": count(maps.high_pedestal, many),
        "early_jumps": count(maps.early_jumps, many),
        "low_pedestal": count(maps.low_pedestal, fractions > parameters.low_pedestal_fraction),
        "many_jumps": count(maps.many_jumps, fractions > parameters.high_cr_fraction),
        "scatter": Compared(maps.scatter, operator.gt, limit, ~unknown),
        # The release does not call a pixel without a scatter noisy by definition: it gives it 50 sigma, which a higher
        # threshold (or no scatter among the survivors) lets pass.
        "few_slopes": Compared(unknown & (of_unknown > limit), is_true, None, unknown),
    }


def _noise_limits(maps: OfficialMaps, parameters: SearchParameters) -> tuple[np.float64, np.float64]:
    """Return above which scatter a pixel is noisy, and the scatter that a pixel without one is given, DN/s."""
    known = maps.scatter[np.isfinite(maps.scatter)]
    if known.size == 0:
        raise TooLittleError(
            f"No pixel has {MIN_CLEAN_SLOPES} jump-free slopes in {maps.integrations} integrations, so the official "
            "search cannot judge noise: add exposures, or search with --search=flight."
        )
    mean, sigma = noise_statistics(known, parameters.dark_stdev_clipping_sigma, parameters.dark_max_clipping_iters)
    return mean + sigma * parameters.dark_noisy_threshold, mean + sigma * 50


@kernel
def _clip_about_mean(values):
    """Return mean and standard deviation, float32, of what ``scipy.stats.sigmaclip`` leaves of big-endian values."""
    clip = np.float32(PEDESTAL_CLIP)
    size = values.size
    while True:
        total = np.float32(0)
        for first in range(0, size, _BUFFER):
            total += _sum(values, first, min(_BUFFER, size - first), np.float32(0), False)
        mean = np.float32(np.float64(total) / size)
        sigma = np.sqrt(np.float32(np.float64(_sum(values, 0, size, mean, True)) / size))
        # This also ends the loop when they are NaN, or when nothing is left.
        if not (abs(mean) < np.inf and abs(sigma) < np.inf):
            return np.float32(np.nan), np.float32(np.nan)
        kept = _keep(values, size, mean - sigma * clip, mean + sigma * clip)
        if kept == size:
            return mean, sigma
        size = kept


@kernel
def _mean_and_sigma(values):
    """Return ``numpy.mean`` and ``numpy.std`` of native float64, without temporary arrays."""
    mean = _sum(values, 0, values.size, 0.0, False) / values.size
    return mean, np.sqrt(_sum(values, 0, values.size, mean, True) / values.size)


@kernel
def _keep(values, size, low, high):
    """Move those of the first ``size`` values that lie within bounds to the front, in order; return their number."""
    kept = 0
    for first in range(0, size, _RUN):
        last = min(first + _RUN, size)
        run = values[first:last]
        inside = 0
        for k in range(run.size):
            inside += 1 if (run[k] >= low) & (run[k] <= high) else 0
        if inside < run.size:
            for k in range(run.size):
                value = run[k]
                values[kept] = value
                kept += 1 if (value >= low) & (value <= high) else 0
        else:
            if kept < first:
                moved = values[kept : kept + run.size]
                for k in range(run.size):
                    moved[k] = run[k]
            kept += run.size
    return kept


@kernel
def _sum(values, first, count, centre, squared):
    """Sum some values, or their squared deviations from a centre, in the order in which numpy does: pairwise."""
    counts, done = np.empty(_DEPTH, np.int64), np.zeros(_DEPTH, np.bool_)
    halves, squares = np.empty(_DEPTH, values.dtype), np.empty(_LEAF, values.dtype)
    depth = 0
    counts[0] = count
    while True:
        n = counts[depth]
        if n > _LEAF:
            half = n // 2
            depth += 1
            counts[depth], done[depth] = half - half % 8, False
            continue
        leaf = values[first : first + n]
        if squared:
            for k in range(n):
                deviation = leaf[k] - centre
                squares[k] = deviation * deviation
            leaf = squares[:n]
        result = _leaf(leaf)
        first += n
        # Go up from each half that was the second one, as ``done`` tells.
        while depth > 0 and done[depth]:
            depth -= 1
            result = halves[depth] + result
        if depth == 0:
            return result
        halves[depth - 1] = result
        half = counts[depth - 1] // 2
        counts[depth], done[depth] = counts[depth - 1] - (half - half % 8), True


@kernel
def _leaf(values):
    """Sum values in eight sums side by side, and add these up."""
    n = values.size
    if n < 8:
        result = values.dtype.type(0)
        for k in range(n):
            result += values[k]
        return result
    a, b, c, d, e, f, g, h = (
        values[0], values[1], values[2], values[3], values[4], values[5], values[6], values[7],
    )  # fmt: skip
    whole = n - n % 8
    for k in range(8, whole, 8):
        a += values[k]
        b += values[k + 1]
        c += values[k + 2]
        d += values[k + 3]
        e += values[k + 4]
        f += values[k + 5]
        g += values[k + 6]
        h += values[k + 7]
    result = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for k in range(whole, n):
        result += values[k]
    return result
