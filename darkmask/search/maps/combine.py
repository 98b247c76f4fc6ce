"""Combine the maps of all integrations of a set, block of rows by block of rows.

A block holds every integration of its rows at once, so that medians and clipped statistics are exact, while memory is
set by a budget and not by the number of exposures, integrations or groups. Everything computed here is symmetric in the
integrations, to the last bit: sums run over sorted values.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.core.display import counted, one_line
from darkmask.core.errors import SearchError
from darkmask.core.kernels import kernel, work_in_blocks
from darkmask.delivery import Exposure, OpenSet
from darkmask.delivery.reading import read_rows

from .integration import SLAB_ROWS, Scratch, make_scratch, measure_rows
from .layout import N_COUNTED, N_MEASURED
from .order import sorting_network
from .stacks import combine_rows

# What one thread's buffers and stacks may take: it should fit into a processor's cache, as far as that goes.
BLOCK_BYTES = 7_000_000
_BYTES_PER_PIXEL = 4 * N_MEASURED + 2 * N_COUNTED


@dataclass(frozen=True)
class CombinedMaps:
    """What all integrations of a set say of each pixel; every attribute but the first two has shape (y, x).

    Attributes
    ----------
    integrations, groups : int
    rate : float32, DN/s
        Mean over integrations, weighted by ``weight``, of the pipeline's rates; where it gives none, of the mean
        difference over the group time. Integrations more than ``CLIP_SIGMA`` from the median are left out; where that
        is more than a quarter of them, the median.
    weight : float32
        Sum over those integrations of n (n**2 - 1) over the runs of n groups without a jump: the variance of ``rate``
        by read noise is 12 (read noise / group time)**2 / ``weight``.
    rate_scatter : float32, DN/s
        1.4826 times the median absolute deviation of those rates.
    finite : int16
        Integrations in which the pipeline's rate is finite.
    pedestal : float32, DN
        Median.
    saturated_first : int16
        Integrations with SATURATED in group 0. The saturation step grows it by a pixel, so that neighbours have it too.
    first, change, shape : float32
        Medians; see :mod:`darkmask.search.maps.integration`.
    shape_scatter : float32, DN/group
        1.4826 times the median absolute deviation of ``shape`` over integrations.
    noise : float32, DN
        Standard deviation of one group difference, pooled over the differences without jumps of all integrations.
    differences : int32
        How many those are.
    scatter : float32, DN
        Median over integrations of the scatter of all differences, jumps included.
    jumps : int32
        Groups flagged as jumps, of all integrations.
    falls : int16
        Group differences that fall by more than chance allows, which a cosmic ray cannot do.
    """

    integrations: int
    groups: int
    rate: np.ndarray
    weight: np.ndarray
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
    falls: np.ndarray

    def __repr__(self) -> str:
        what = f"{counted(self.integrations, 'integration')} of {counted(self.groups, 'group')}"
        return one_line("CombinedMaps", what, f"{self.rate.shape[1]}x{self.rate.shape[0]} pixels")

    def of_columns(self, columns: slice) -> "CombinedMaps":
        """Views of some columns."""
        views = {name: getattr(self, name)[:, columns] for name in _MAP_NAMES}
        return CombinedMaps(self.integrations, self.groups, **views)


_TYPES = dict.fromkeys(("finite", "saturated_first", "falls"), np.int16) | dict.fromkeys(
    ("differences", "jumps"), np.int32
)
_MAP_NAMES = tuple(f.name for f in fields(CombinedMaps) if f.name not in ("integrations", "groups"))


def combine_set(
    exposures: Sequence[Exposure],
    folder: Path,
    detector: Detector,
    own_saturation_level: float,
    block_bytes: int = BLOCK_BYTES,
    threads: int | None = None,
    integrations: Sequence[int] | None = None,
) -> CombinedMaps:
    """Measure a set.

    Parameters
    ----------
    exposures : sequence of Exposure
        All of one set.
    folder : Path
        The delivery's folder.
    detector : Detector
        Its read noise and gain say how far an integration may lie from the others.
    own_saturation_level : float
        DN, see :func:`darkmask.search.maps.pixel.usable_groups`.
    block_bytes : int
        Memory that the stacks of each thread may take (one row of all integrations at least); it never changes the
        result.
    threads : int, optional
        By default one for each core that this process may use.
    integrations : sequence of int, optional
        Which of all integrations, counted over the exposures; all by default.

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
    opened = OpenSet(exposures, folder, integrations)
    _, groups, height, width = opened.exposures[0].shape
    number = len(opened.planes)
    whole = {name: np.empty((height, width), _TYPES.get(name, np.float32)) for name in _MAP_NAMES}
    tgroup = exposures[0].set_key.tgroup
    read_variance = detector.read_noise**2
    network = sorting_network(number)
    rows = min(height, max(1, block_bytes // (width * _BYTES_PER_PIXEL * number)))

    def work(room: _Room, start: int, count: int) -> None:
        failed = measure_block(
            opened.places, start, count, height, room.rate, room.pedestal, tgroup, read_variance,
            detector.gain, own_saturation_level, room.scratch, room.measured, room.counted,
        )  # fmt: skip
        opened.require_read(failed)
        parts = [image[start : start + count] for image in whole.values()]
        combine_rows(room.measured, room.counted, network, tgroup, read_variance, detector.gain, groups, *parts)

    with opened:
        work_in_blocks(work, height, rows, lambda: _Room(number, rows, groups, width), threads)
    return CombinedMaps(integrations=number, groups=groups, **whole)


class _Room:
    """The buffers and stacks of one thread, used for one block after the other."""

    def __init__(self, integrations: int, rows: int, groups: int, width: int):
        self.measured = np.empty((integrations, rows, N_MEASURED, width), np.float32)
        self.counted = np.empty((integrations, rows, N_COUNTED, width), np.int16)
        self.scratch: Scratch = make_scratch(min(rows, SLAB_ROWS), groups, width)
        self.rate, self.pedestal = np.empty((2, 1, rows, width), np.uint32)


@kernel
def measure_block(
    places, start, count, height, rate, pedestal, tgroup, read_variance, gain, level, scratch, measured, counted,
):  # fmt: skip
    """Read and measure a block of rows of all integrations.

    Parameters
    ----------
    places : array, shape (integration, 4, 2), int64
        File descriptor of SCI, GROUPDQ, the rate and the pedestal of each integration, and where it begins there.
    start, count : int
        First row, and how many.
    height : int
        Rows of the frame.
    rate, pedestal, tgroup, read_variance, gain, level, scratch
        Buffers and numbers, see :func:`darkmask.search.maps.integration.measure_rows`.
    measured : array, shape (integration, rows, N_MEASURED, x), float32
        Set.
    counted : array, shape (integration, rows, N_COUNTED, x), int16
        Set.

    Returns
    -------
    int
        -1, or the integration of which a file could not be read.
    """
    pixels = height * rate.shape[2]
    slab = scratch.reads.shape[0]
    for i in range(places.shape[0]):
        if not (
            read_rows(places[i, 2, 0], places[i, 2, 1], pixels, start, count, rate)
            and read_rows(places[i, 3, 0], places[i, 3, 1], pixels, start, count, pedestal)
        ):
            return i
        for first in range(0, count, slab):
            rows = min(slab, count - first)
            if not measure_rows(
                places[i], pixels, start + first, rows, first, rate[0], pedestal[0], tgroup, read_variance,
                gain, level, scratch, measured[i], counted[i],
            ):  # fmt: skip
                return i
    return -1
