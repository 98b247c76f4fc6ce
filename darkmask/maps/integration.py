"""Maps of one integration, made from a block of rows of its ramp.

All are pure functions of arrays. Nothing here knows a threshold: a map says what was measured, a search judges it.
"""

from dataclasses import dataclass, fields

import numpy as np

# GROUPDQ bits, as in stdatamodels.jwst.datamodels.dqflags.group.
DO_NOT_USE, SATURATED, JUMP_DET = 1, 2, 4

# Share of the ramp that counts as early and as late, for the shape of a ramp.
SHAPE_FRACTION = 0.25


@dataclass(frozen=True)
class RowBlock:
    """What a block of rows of one integration holds.

    Attributes
    ----------
    ramp : numpy.ndarray, shape (ngroup, y, x), float32, DN
    groupdq : numpy.ndarray, shape (ngroup, y, x), uint8
    rate : numpy.ndarray, shape (y, x), float32, DN/s
    pedestal : numpy.ndarray, shape (y, x), float32, DN
    """

    ramp: np.ndarray
    groupdq: np.ndarray
    rate: np.ndarray
    pedestal: np.ndarray


@dataclass(frozen=True)
class IntegrationMaps:
    """What one integration says of each pixel; every attribute has shape (y, x).

    Attributes
    ----------
    rate, pedestal : float32, DN/s and DN
        The pipeline's own.
    saturated_first : bool
        SATURATED in group 0. The saturation step grows it by a pixel, so that neighbours have it too.
    jumps : int16
        Groups flagged JUMP_DET.
    first : float32, DN
        Signal of the first group.
    change : float32, DN
        Last unsaturated group minus the first; 0 where fewer than two are unsaturated.
    slope : float32, DN/group
        Mean of the group differences without saturation and jumps; NaN where there is none.
    differences : int16
        How many those are.
    squares : float32, DN**2
        Sum of their squared deviations from ``slope``.
    scatter : float32, DN
        Standard deviation of all unsaturated differences, jumps included; NaN with fewer than two.
    shape : float32, DN/group
        Mean early minus mean late difference of the unsaturated ramp, jumps included; NaN with fewer than two.
    """

    rate: np.ndarray
    pedestal: np.ndarray
    saturated_first: np.ndarray
    jumps: np.ndarray
    first: np.ndarray
    change: np.ndarray
    slope: np.ndarray
    differences: np.ndarray
    squares: np.ndarray
    scatter: np.ndarray
    shape: np.ndarray


MAP_NAMES = tuple(field.name for field in fields(IntegrationMaps))


def integration_maps(block: RowBlock, saturation_level: float) -> IntegrationMaps:
    """Measure the maps of one integration on a block of rows.

    Parameters
    ----------
    block : RowBlock
    saturation_level : float
        DN below which a SATURATED flag in group 0 is taken for one that the saturation step grew from a neighbour:
        such a ramp is measured like any other.

    Returns
    -------
    IntegrationMaps
    """
    ramp, groupdq = block.ramp, block.groupdq
    usable = usable_groups(ramp, groupdq, saturation_level)
    jump = (groupdq & JUMP_DET) != 0

    step = np.diff(ramp, axis=0)
    alive = usable[1:] & usable[:-1]
    quiet = alive & ~jump[1:]
    slope, differences, squares = _moments(step, quiet)
    _, count_alive, squares_alive = _moments(step, alive)
    with np.errstate(divide="ignore", invalid="ignore"):
        scatter = np.sqrt(squares_alive / (count_alive - 1))
    scatter[count_alive < 2] = np.nan

    return IntegrationMaps(
        rate=block.rate,
        pedestal=block.pedestal,
        saturated_first=(groupdq[0] & SATURATED) != 0,
        jumps=jump.sum(axis=0, dtype=np.int16),
        first=ramp[0],
        change=np.where(alive, step, 0).sum(axis=0, dtype=np.float32),
        slope=slope,
        differences=differences,
        squares=squares,
        scatter=scatter.astype(np.float32),
        shape=_early_minus_late(step, alive),
    )


def usable_groups(ramp: np.ndarray, groupdq: np.ndarray, saturation_level: float) -> np.ndarray:
    """Groups that tell something of their own pixel.

    Parameters
    ----------
    ramp : numpy.ndarray, shape (ngroup, ...), float32, DN
    groupdq : numpy.ndarray, same shape, uint8
    saturation_level : float
        DN.

    Returns
    -------
    numpy.ndarray, same shape, bool
    """
    flagged = (groupdq & SATURATED) != 0
    # A pixel flagged from the start at a low level stands beside one that is saturated all along: its ramp is its
    # own. Beside one that saturates part-way, what the neighbour couples in ends there, and so does what we measure.
    grown = flagged[0] & (ramp[0] < saturation_level)
    return ~(flagged & ~grown) & ((groupdq & DO_NOT_USE) == 0) & np.isfinite(ramp)


def _moments(values: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, count and sum of squared deviations along axis 0 of the values chosen by ``where``."""
    count = where.sum(axis=0, dtype=np.int16)
    chosen = np.where(where, values, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = chosen.sum(axis=0, dtype=np.float64) / count
    deviation = np.where(where, values - mean, 0)
    squares = (deviation * deviation).sum(axis=0)
    mean[count == 0] = np.nan
    return mean.astype(np.float32), count, squares.astype(np.float32)


def _early_minus_late(step: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """Mean of the first quarter of a pixel's unsaturated differences minus the mean of the last quarter.

    The quarter is taken of what each pixel has, since a bright one saturates part-way.
    """
    total = alive.sum(axis=0)
    share = np.maximum((total * SHAPE_FRACTION).astype(int), 1)
    rank = np.cumsum(alive, axis=0)
    early = alive & (rank <= share)
    late = alive & (rank > total - share)
    with np.errstate(invalid="ignore"):
        shape = (np.where(early, step, 0).sum(axis=0) - np.where(late, step, 0).sum(axis=0)) / share
    return np.where(total >= 2, shape, np.nan).astype(np.float32)
