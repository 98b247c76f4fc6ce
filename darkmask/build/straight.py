"""Put a straight line through the ramps of some good pixels, and what the pipeline made of them beside it.

Of a faint pixel without a flag in any group, the pipeline's rate is the slope of that line, to the last digits of
float32. No noise has to be averaged to tell whether a rate is that of its ramp: each pixel tells.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darkmask.core.statistics import MAD_TO_SIGMA_ROUNDED, level_and_scatter, median_of_finite
from darkmask.delivery import OpenExposure
from darkmask.search.maps.layout import DO_NOT_USE, JUMP_DET, SATURATED

# The fit gives other weights to ramps that rise by five times the noise of a read, or 3.5 times that of a difference.
_FAINT = 2.0
# Of so many hits a half is without a flag by chance in none of a million integrations, if a tenth usually is.
_ENOUGH_HITS = 20
# A difference of so many sigma of a good one is a hit: the jump step flags those of 4 or 5.
_CERTAINLY_A_HIT, _FALLS = 10.0, 5.0
_MOST_OF_THEM = 0.5
# A share of fewer pixels is known to 0.05 and worse. Where the fit weighs groups a little, rates lie off by less.
_FEWEST, _OFF = 100, 0.25


class Straight(NamedTuple):
    """What some pixels of one integration say.

    Attributes
    ----------
    slopes, rates : numpy.ndarray, shape (row, x), float32, DN/s
        Of the line, and the pipeline's; NaN where a pixel is not good or faint, or a group of it has a flag.
    first, pedestals : numpy.ndarray, shape (row, x), float32, DN
        The first group, and PEDESTAL; NaN in the same places.
    """

    slopes: np.ndarray
    rates: np.ndarray
    first: np.ndarray
    pedestals: np.ndarray


class Hits(NamedTuple):
    """How many group differences of good pixels are hits, and how many of these have the flag of a jump."""

    seen: int
    flagged: int


def straight_of(
    exposure: OpenExposure, i: int, rows: np.ndarray, reads: np.ndarray, good: np.ndarray, noise: float
) -> Straight:
    """Put lines through the ramps of some rows of an integration.

    Parameters
    ----------
    exposure : OpenExposure
    i : int
        Number of the integration.
    rows : numpy.ndarray, shape (row,), int
    reads : numpy.ndarray, shape (group, row, x), float64, DN
        The ramps of these rows.
    good : numpy.ndarray, shape (row, x), bool
        Pixels that tell: no group of them has a flag.
    noise : float
        Sigma of a difference, DN.
    """
    group = np.arange(len(reads)) - (len(reads) - 1) / 2
    tgroup = exposure.exposure.jump.tgroup
    with np.errstate(invalid="ignore", over="ignore"):
        slopes = np.tensordot(group, reads, 1) / max(group @ group, 1) / tgroup
    rates, pedestals = exposure.rate(rows, i), exposure.pedestal(rows, i)
    known = good & np.isfinite(slopes) & np.isfinite(rates) & np.isfinite(pedestals)
    # By the pipeline's word, and not by the ramp's: that is what is looked for.
    above = rates - median_of_finite(rates[known])
    known &= above * np.float32(max(len(reads) - 1, 1) * tgroup) <= _FAINT * noise
    each = (slopes, rates, reads[0], pedestals)
    return Straight(*(np.where(known, values, np.nan).astype(np.float32) for values in each))


def hits_of(flags: np.ndarray, differences: np.ndarray, good: np.ndarray, noise: float) -> Hits:
    """Count the group differences of an integration that are hits, and those of them that are flagged.

    Parameters
    ----------
    flags : numpy.ndarray, shape (group, row, x), uint8
        GROUPDQ.
    differences : numpy.ndarray, shape (group - 1, row, x), float64, DN
    good : numpy.ndarray, shape (row, x), bool
    noise : float
        Sigma of a difference, DN.
    """
    seen = flagged = 0
    # Row by row: of long ramps, all at once would take 100 MB.
    for row in range(good.shape[0] if noise > 0 else 0):
        steps, marks = differences[:, row], flags[:, row]
        # Beside a pixel that fills its well, charge couples in until the flags of that are grown, which ends the ramp.
        whole = good[row] & ((marks & (DO_NOT_USE | SATURATED)) == 0).all(axis=0)
        # A hot pixel rises by as much in each group.
        with np.errstate(invalid="ignore"):
            above = steps - steps.mean(axis=0)
            # A hit only adds; what falls as well is noise, or switches.
            hit = (above > _CERTAINLY_A_HIT * noise) & whole & (above >= -_FALLS * noise).all(axis=0)
        seen += int(np.count_nonzero(hit))
        flagged += int(np.count_nonzero(hit & ((marks[1:] & JUMP_DET) != 0)))
    return Hits(seen, flagged)


def most_flagged(flags: np.ndarray, good: np.ndarray) -> tuple[float, int, int]:
    """Return the group of an integration in which the largest share of good pixels has a flag.

    Parameters
    ----------
    flags : numpy.ndarray, shape (group, row, x), uint8
        GROUPDQ.
    good : numpy.ndarray, shape (row, x), bool

    Returns
    -------
    share : float
    group : int
        Counted from 1; of several, the first.
    most : int
        The flags that more than half of these have there.
    """
    of_groups = [marks[good] for marks in flags]
    shares = [float((marks != 0).mean()) if marks.size else 0.0 for marks in of_groups]
    group = int(np.argmax(shares))
    marked = of_groups[group][of_groups[group] != 0]
    most = sum(1 << bit for bit in range(8) if marked.size and (marked & (1 << bit) != 0).mean() > _MOST_OF_THEM)
    return shares[group], group + 1, most


def least_flagged(hits: Sequence[Hits], names: Sequence[str]) -> tuple[int, int, str] | None:
    """Return how many hits are flagged, of how many, and where: where the smallest share is.

    Parameters
    ----------
    hits : sequence of Hits
        Of each integration.
    names : sequence of str
        What each integration is called in a sentence.

    Returns
    -------
    (int, int, str) or None
        None where even all integrations together have too few hits.
    """
    every = Hits(sum(one.seen for one in hits), sum(one.flagged for one in hits))
    told = [(one, name) for one, name in zip((*hits, every), (*names, "all integrations"), strict=True)]
    told = [(one, name) for one, name in told if one.seen >= _ENOUGH_HITS]
    if not told:
        return None
    least, name = min(told, key=lambda one: (one[0].flagged / one[0].seen, one[1]))
    return least.flagged, least.seen, name


def most_off_lines(some: Sequence[Straight], names: Sequence[str]) -> tuple[float, str] | None:
    """Return the largest share of rates that lie off the line through their ramp, and of which integration.

    Parameters
    ----------
    some : sequence of Straight
        Pixels of each integration.
    names : sequence of str
        What each integration is called in a sentence.

    Returns
    -------
    (float, str) or None
        Off are rates that differ by more than a quarter of what lines scatter by; None for too few pixels.
    """
    found = []
    for one, name in zip(some, names, strict=True):
        known = np.isfinite(one.slopes)
        if np.count_nonzero(known) < _FEWEST:
            continue
        slopes, rates = one.slopes[known].astype(np.float64), one.rates[known]
        _, scatter = level_and_scatter(slopes)
        found.append((float((np.abs(rates - slopes) > _OFF * scatter).mean()), name))
    return max(found, default=None)


def predicted_pedestals(some: Sequence[Straight]) -> list[np.ndarray]:
    """Return what PEDESTAL would be by the first group and the rate, float64 (row, x) of each integration, DN.

    Notes
    -----
    The pipeline takes a part of the rate off the first group. Which part depends on how a group was read and on the
    version; the one that fits the pixels of most integrations best is taken.
    """
    parts = []
    for one in some:
        apart, rates = (values.astype(np.float64) for values in (one.first - one.pedestals, one.rates))
        known = np.isfinite(apart)
        # In the order of their values, so that no other order changes a bit.
        both, squares = (np.sort(products).sum() for products in ((apart * rates)[known], (rates**2)[known]))
        parts.append(both / max(squares, np.finfo(float).tiny))
    part = float(np.median(parts)) if parts else 0.0
    return [one.first.astype(np.float64) - part * one.rates for one in some]


def scatter_beside(image: np.ndarray) -> float:
    """Return how neighbours in a row scatter, in the unit of one of them: what is smooth counts for nothing."""
    apart = np.abs(np.diff(image.astype(np.float64), axis=-1))
    return float(MAD_TO_SIGMA_ROUNDED * median_of_finite(apart) / np.sqrt(2))
