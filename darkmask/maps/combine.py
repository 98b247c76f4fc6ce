"""Combine the maps of all integrations of a set, block of rows by block of rows.

A block holds every integration of its rows at once, so that medians and clipped statistics are exact, while memory is
set by the size of the block and not by the number of exposures, integrations or groups. Integrations enter in the
order of their exposure's key; everything computed here is symmetric in them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ..delivery import Exposure, OpenExposure
from ..errors import SearchError
from .integration import MAP_NAMES, IntegrationMaps, RowBlock, integration_maps

# What a block of ramps may take: one exposure's integration in float32 with its differences and masks is about
# 24 bytes per pixel and group.
BLOCK_BYTES = 200_000_000
_BYTES_PER_PIXEL_GROUP = 24


@dataclass(frozen=True)
class CombinedMaps:
    """What all integrations of a set say of each pixel; every attribute but the first two has shape (y, x).

    Attributes
    ----------
    integrations, groups : int
    rate : float32, DN/s
        Median over integrations of the pipeline's rates; where it gives none, of the mean difference over the
        group time.
    rate_scatter : float32, DN/s
        1.4826 times the median absolute deviation of those rates.
    finite : int16
        Integrations in which the pipeline's rate is finite.
    pedestal : float32, DN
        Median.
    saturated_first : float32
        Fraction of integrations with SATURATED in group 0.
    first, change, shape : float32
        Medians of the maps of the same name.
    shape_scatter : float32, DN/group
        1.4826 times the median absolute deviation of ``shape`` over integrations.
    noise : float32, DN
        Standard deviation of one group difference, pooled over the differences without jumps of all integrations.
    differences : int32
        How many those are.
    scatter : float32, DN
        Median over integrations of the scatter of all differences, jumps included.
    jumps : float32
        Median number of jumps in an integration.
    jumps_total : int32
    """

    integrations: int
    groups: int
    rate: np.ndarray
    rate_scatter: np.ndarray
    finite: np.ndarray
    pedestal: np.ndarray
    saturated_first: np.ndarray
    first: np.ndarray
    change: np.ndarray
    shape: np.ndarray
    shape_scatter: np.ndarray
    noise: np.ndarray
    differences: np.ndarray
    scatter: np.ndarray
    jumps: np.ndarray
    jumps_total: np.ndarray


_COMBINED_NAMES = tuple(f.name for f in fields(CombinedMaps) if f.name not in ("integrations", "groups"))


def combine_set(
    exposures: Sequence[Exposure], folder: Path, saturation_level: float, block_bytes: int = BLOCK_BYTES
) -> CombinedMaps:
    """Measure a set.

    Parameters
    ----------
    exposures : sequence of Exposure
        All of one set.
    folder : Path
        The delivery's folder.
    saturation_level : float
        DN, see :func:`darkmask.maps.integration.integration_maps`.
    block_bytes : int
        Memory that a block of ramps may take; it never changes the result.

    Returns
    -------
    CombinedMaps

    Raises
    ------
    SearchError
        When there is no exposure.
    DeliveryError
        When a file can no longer be read as it was scanned.
    """
    if not exposures:
        raise SearchError("There is no whole exposure to search: deliver at least one triplet.")
    opened = [OpenExposure(e, folder) for e in sorted(exposures, key=lambda e: e.key)]
    _, groups, height, width = opened[0].shape
    rows = max(1, block_bytes // (_BYTES_PER_PIXEL_GROUP * groups * width))
    parts = []
    for start in range(0, height, rows):
        block = slice(start, min(start + rows, height))
        stack = _stack(list(_block_maps(opened, block, saturation_level)))
        parts.append(_combine(stack, exposures[0].set_key.tgroup))
    whole = {name: np.concatenate([part[name] for part in parts]) for name in _COMBINED_NAMES}
    return CombinedMaps(integrations=sum(o.shape[0] for o in opened), groups=groups, **whole)


def _block_maps(opened: Sequence[OpenExposure], rows: slice, saturation_level: float) -> Iterator[IntegrationMaps]:
    for exposure in opened:
        rate, pedestal = exposure.rate(rows), exposure.pedestal(rows)
        for i in range(exposure.shape[0]):
            block = RowBlock(exposure.ramps(i, rows), exposure.groupdq(i, rows), rate[i], pedestal[i])
            yield integration_maps(block, saturation_level)


def _stack(maps: Sequence[IntegrationMaps]) -> dict[str, np.ndarray]:
    return {name: np.stack([getattr(m, name) for m in maps]) for name in MAP_NAMES}


def _combine(stack: dict[str, np.ndarray], tgroup: float) -> dict[str, np.ndarray]:
    finite = np.isfinite(stack["rate"])
    # The pipeline gives no rate where every group carries a saturation flag, also one grown from a neighbour; the
    # ramp of such a neighbour is alive and says what its rate is.
    rate = np.where(finite, stack["rate"], stack["slope"] / np.float32(tgroup))
    centre, rate_scatter = _median_and_scatter(rate)
    shape, shape_scatter = _median_and_scatter(stack["shape"])
    differences = stack["differences"].sum(axis=0, dtype=np.int32)
    # Each integration's mean was taken out, which costs it one degree of freedom.
    freedom = differences - (stack["differences"] > 0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = np.sqrt(stack["squares"].sum(axis=0, dtype=np.float64) / freedom)
    noise[freedom < 1] = np.nan
    return {
        "rate": centre,
        "rate_scatter": rate_scatter,
        "finite": finite.sum(axis=0, dtype=np.int16),
        "pedestal": nan_median(stack["pedestal"]),
        "saturated_first": stack["saturated_first"].mean(axis=0, dtype=np.float32),
        "first": nan_median(stack["first"]),
        "change": nan_median(stack["change"]),
        "shape": shape,
        "shape_scatter": shape_scatter,
        "noise": noise.astype(np.float32),
        "differences": differences,
        "scatter": nan_median(stack["scatter"]),
        "jumps": np.median(stack["jumps"], axis=0).astype(np.float32),
        "jumps_total": stack["jumps"].sum(axis=0, dtype=np.int32),
    }


def _median_and_scatter(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre = nan_median(values)
    return centre, np.float32(1.4826) * nan_median(np.abs(values - centre))


def nan_median(values: np.ndarray) -> np.ndarray:
    """Median along axis 0 of the finite values, NaN where there is none (numpy warns of that, which is no news here).

    Parameters
    ----------
    values : numpy.ndarray, shape (n, ...), float

    Returns
    -------
    numpy.ndarray, shape (...), float32
    """
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), axis=0)  # NaNs go last
    count = np.isfinite(ordered).sum(axis=0)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(ordered, (count // 2).clip(0, len(ordered) - 1)[None], axis=0)[0]
    return np.where(count > 0, (low + high) / 2, np.nan).astype(np.float32)
