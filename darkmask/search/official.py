"""The ``official`` search: ``bad_pixels()`` of jwst_reffiles 1.0.1, category map by category map.

It keeps what that release does, also where it is odd; docs/categories.md lists what ``flight`` does otherwise. Numbers
are compared with thresholds in the precision that the release uses, so that no pixel at a threshold falls elsewhere.
"""

from dataclasses import dataclass

import numpy as np
from astropy.stats import sigma_clip
from scipy.stats import sigmaclip

from ..errors import SearchError
from ..flags import Category
from .parameters import FIXED_IN_CODE, SearchParameters

PEDESTAL_CLIP = 3.0  # sigma, fixed in the release's code
MIN_CLEAN_SLOPES = 5  # likewise
# A late jump rate of 0 counts as this many jumps per group (likewise).
NO_LATE_JUMPS = 1e-6
# Slopes are taken this many at a time as float64: 64 MB of 8 MB, and three temporaries of the same size.
_BLOCK_VALUES = 8_000_000


@dataclass(frozen=True)
class OfficialInput:
    """Maps of every integration of a set, reference rows and columns stripped.

    The science area is the bounding box of the pixels that the DQ of the first integration's rate does not call
    REFERENCE_PIXEL, of the last exposure where they differ: that is the one that the release crops pedestals and
    jumps by, and puts the result back with.

    Attributes
    ----------
    rate : numpy.ndarray, shape (nint, y, x), float32, DN/s
    pedestal : numpy.ndarray, shape (nint, y, x), float32, DN
    saturated_first : numpy.ndarray, shape (nint, y, x), bool
        SATURATED in group 0.
    jumps, early_jumps, late_jumps : numpy.ndarray, shape (nint, y, x), int16
        Groups flagged JUMP_DET: all, those before ``early_stop`` and those from ``late_start`` on
        (:func:`early_late_cutoffs`).
    n_groups : int
        NGROUPS.
    """

    rate: np.ndarray
    pedestal: np.ndarray
    saturated_first: np.ndarray
    jumps: np.ndarray
    early_jumps: np.ndarray
    late_jumps: np.ndarray
    n_groups: int


def early_late_cutoffs(n_groups: int, fraction: float = FIXED_IN_CODE["early_cutoff_fraction"]) -> tuple[int, int]:
    """Which groups of a ramp are early and which are late.

    Parameters
    ----------
    n_groups : int
    fraction : float
        Of the ramp, at each end.

    Returns
    -------
    early_stop, late_start : int
        Groups ``[:early_stop]`` and ``[late_start:]``. Both cutoffs are rounded down, so that there is one late group
        more than early ones unless ``fraction * n_groups`` is whole.
    """
    return int(fraction * n_groups), int(n_groups - fraction * n_groups)


def search_official(maps: OfficialInput, parameters: SearchParameters) -> dict[Category, np.ndarray]:
    """Find the bad pixels that jwst_reffiles 1.0.1 finds.

    Parameters
    ----------
    maps : OfficialInput
    parameters : SearchParameters

    Returns
    -------
    dict of Category to numpy.ndarray, shape (y, x), bool
        Saturated, rc, low_pedestal, noisy, and telegraph (many jumps).

    Raises
    ------
    SearchError
        When the maps hold fewer than 5 integrations: the release calls every pixel of them noisy.

    Notes
    -----
    Source: ``jwst_reffiles.dark_current.badpix_from_darks.find_bad_pix``, release 1.0.1. ``max_jump_limit``,
    ``jump_ratio_threshold`` and ``early_cutoff_fraction`` are ignored there, and here.
    """
    total, rows, columns = maps.rate.shape
    if total < MIN_CLEAN_SLOPES:
        raise SearchError(
            f"The official search needs {MIN_CLEAN_SLOPES} jump-free slopes of a pixel and the set has {total} "
            "integrations: add exposures, or search with --search=flight."
        )
    counts = {
        name: np.zeros((rows, columns), dtype=np.int32)
        for name in ("saturated", "high_pedestal", "low_pedestal", "many_jumps", "early_jumps")
    }
    for i in range(total):
        saturated_first = maps.saturated_first[i]
        high, low = _pedestal_outliers(maps.pedestal[i], parameters.pedestal_sigma_threshold)
        many = maps.jumps[i] >= FIXED_IN_CODE["max_jump_limit"]
        counts["saturated"] += saturated_first & (maps.pedestal[i] == 0)
        counts["high_pedestal"] += high
        counts["low_pedestal"] += low & ~saturated_first
        counts["many_jumps"] += many
        counts["early_jumps"] += many & _mostly_early(maps.early_jumps[i], maps.late_jumps[i], maps.n_groups)
    # Divided before they are compared, as there: 8 of 10 is then just 0.8, which is not more than 0.8.
    fraction = {name: count / total for name, count in counts.items()}
    rc_threshold = parameters.rc_fraction_threshold
    return {
        Category.SATURATED: (fraction["saturated"] >= parameters.max_saturated_fraction) & (fraction["saturated"] > 0),
        Category.RC: (fraction["high_pedestal"] > rc_threshold) | (fraction["early_jumps"] > rc_threshold),
        Category.LOW_PEDESTAL: fraction["low_pedestal"] > parameters.low_pedestal_fraction,
        Category.TELEGRAPH: fraction["many_jumps"] > parameters.high_cr_fraction,
        Category.NOISY: _noisy(maps, parameters),
    }


def _pedestal_outliers(pedestal: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Where one integration's pedestal lies above and below what its clipped population allows, bool (y, x)."""
    # One value that is not finite makes mean and standard deviation so, and nothing compares with them.
    if not np.isfinite(pedestal).all():
        nowhere = np.zeros(pedestal.shape, dtype=bool)
        return nowhere, nowhere
    # Big-endian as in the file: numpy sums it in chunks of its buffer, native values pairwise over the whole array,
    # and in float32 over a full frame the two differ by some 1e-7 of the mean.
    clipped = sigmaclip(pedestal.astype(">f4"), low=PEDESTAL_CLIP, high=PEDESTAL_CLIP).clipped
    mean, sigma = np.mean(clipped), np.std(clipped)
    return pedestal > mean + sigma * threshold, pedestal < mean - sigma * threshold


def _mostly_early(early_jumps: np.ndarray, late_jumps: np.ndarray, n_groups: int) -> np.ndarray:
    """Where the jump rate early in the ramp is at least five times the late one, bool (y, x)."""
    early_stop, late_start = early_late_cutoffs(n_groups)
    if early_stop == 0:
        return np.zeros(early_jumps.shape, dtype=bool)
    late_rate = late_jumps / (n_groups - late_start)
    late_rate[late_rate == 0] = NO_LATE_JUMPS
    return (early_jumps / early_stop) / late_rate >= FIXED_IN_CODE["jump_ratio_threshold"]


def _noisy(maps: OfficialInput, parameters: SearchParameters) -> np.ndarray:
    """Where the slopes of integrations without jumps scatter too much, or are too few, bool (y, x)."""
    scatter = _clean_scatter(maps.rate, maps.jumps)
    known = scatter[np.isfinite(scatter)]
    if known.size == 0:
        raise SearchError(
            f"No pixel has {MIN_CLEAN_SLOPES} jump-free slopes in {maps.rate.shape[0]} integrations, so the official "
            "search cannot judge noise: add exposures, or search with --search=flight."
        )
    survivors = sigma_clip(
        known,
        sigma=parameters.dark_stdev_clipping_sigma,
        maxiters=parameters.dark_max_clipping_iters,
        masked=False,
    )
    mean, sigma = np.mean(survivors), np.std(survivors)
    # A pixel without a scatter is not noisy by definition there: it is given 50 sigma, which a higher
    # threshold (or no scatter among the survivors) lets pass.
    scatter[np.isnan(scatter)] = mean + sigma * 50
    return scatter > mean + sigma * parameters.dark_noisy_threshold


def _clean_scatter(rate: np.ndarray, jumps: np.ndarray) -> np.ndarray:
    """Standard deviation over integrations without jumps; NaN where fewer than 5 of them, or all NaN; float64 (y, x).

    A NaN rate without jumps counts among the 5, though not in the standard deviation.
    """
    integrations, rows, columns = rate.shape
    scatter = np.empty((rows, columns), dtype=np.float64)
    height = max(_BLOCK_VALUES // (integrations * columns), 1)
    for first in range(0, rows, height):
        block = slice(first, first + height)
        clean = jumps[:, block] == 0
        slopes = np.where(clean, rate[:, block].astype(np.float64), np.nan)
        unknown = (clean.sum(axis=0) < MIN_CLEAN_SLOPES) | np.isnan(slopes).all(axis=0)
        # Any number, so that nanstd has nothing to warn of; the result is thrown away.
        slopes[:, unknown] = 0
        with np.errstate(invalid="ignore"):
            scatter[block] = np.nanstd(slopes, axis=0)
        scatter[block][unknown] = np.nan
    return scatter
