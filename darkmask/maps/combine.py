"""Combine the maps of all integrations of a set, block of rows by block of rows.

A block holds every integration of its rows at once, so that medians and clipped statistics are exact, while memory is
set by a budget and not by the number of exposures, integrations or groups. Everything computed here is symmetric in the
integrations, to the last bit: sums run over sorted values.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from ..delivery import Exposure, OpenExposure
from ..delivery.reading import read_rows
from ..detectors import Detector
from ..errors import SearchError
from ..kernels import kernel
from .integration import (
    CHANGE,
    DIFFERENCES,
    FALLS,
    FIRST,
    FIRST_SATURATED,
    HAS_RATE,
    JUMPS,
    MARKS,
    N_COUNTED,
    N_MEASURED,
    PEDESTAL,
    RATE,
    SCATTER,
    SHAPE,
    SQUARES,
    WEIGHT,
    measure_rows,
)
from .order import finite_first, middle, scatter_about, sort_columns, sort_columns_with, sorting_network

# Rows of the ramps that are read at once: in a full frame 16 kB of each group, longer than what a call costs, and in
# all no more than a processor's cache holds.
SCI_ROWS = 2
# What one thread's buffers and stacks may take: it should fit into a processor's cache, as far as that goes.
BLOCK_BYTES = 20_000_000
_BYTES_PER_PIXEL = 4 * N_MEASURED + 2 * N_COUNTED
_BYTES_PER_READ = 5
# An integration whose rate is so many of its own sigma from the median was hit by something. Wide, so that nearly no
# good one is lost.
CLIP_SIGMA = 5.0
# A pixel of which more is clipped is restless itself: then the median has to do.
LEAST_KEPT = 0.75
# Shot noise of the slope of a ramp over that of its end points (Robberto 2009).
SLOPE_SHOT = 1.2
# Of a mean over that of a median, of Gaussian values.
MEDIAN_EFFICIENCY = 2 / np.pi


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
        Medians; see :mod:`darkmask.maps.integration`.
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
    saturation_level: float,
    block_bytes: int = BLOCK_BYTES,
    threads: int | None = None,
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
    saturation_level : float
        DN, see :func:`darkmask.maps.integration.usable_groups`.
    block_bytes : int
        Memory that the stacks of each thread may take (one row of all integrations at least); it never changes the
        result.
    threads : int, optional
        By default one for each core that this process may use.

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
    opened = [OpenExposure(e, folder) for e in exposures]
    _, groups, height, width = opened[0].shape
    planes = [(exposure, i) for exposure in opened for i in range(exposure.shape[0])]
    whole = {name: np.empty((height, width), _TYPES.get(name, np.float32)) for name in _MAP_NAMES}
    tgroup = exposures[0].set_key.tgroup
    read_variance = detector.read_noise**2
    network = sorting_network(len(planes))
    bytes_per_row = width * (_BYTES_PER_PIXEL * len(planes) + _BYTES_PER_READ * groups)
    rows = min(height, max(1, block_bytes // bytes_per_row))
    threads = min(threads or usable_cores(), -(-height // rows))

    rooms: SimpleQueue[_Room] = SimpleQueue()
    for _ in range(threads):
        rooms.put(_Room(len(planes), rows, groups, width))

    def work(start: int) -> None:
        count = min(rows, height - start)
        room = rooms.get()
        try:
            failed = measure_block(
                places, start, count, height, room.sci, room.groupdq, room.words, room.rate, room.pedestal,
                tgroup, read_variance, detector.gain, saturation_level, room.measured, room.counted,
            )  # fmt: skip
            if failed >= 0:
                raise planes[failed][0].shortened()
            parts = [image[start : start + count] for image in whole.values()]
            _combine_rows(
                room.measured, room.counted, network, tgroup, read_variance, detector.gain, groups, *parts
            )  # fmt: skip
        finally:
            rooms.put(room)

    with ExitStack() as stack:
        for exposure in opened:
            stack.enter_context(exposure)
        places = np.array([exposure.places(i) for exposure, i in planes])
        pool = stack.enter_context(ThreadPoolExecutor(threads))
        for _ in pool.map(work, range(0, height, rows)):
            pass
    for exposure in opened:
        exposure.check_unchanged()
    return CombinedMaps(integrations=len(planes), groups=groups, **whole)


class _Room:
    """The buffers and stacks of one thread, used for one block after the other."""

    def __init__(self, integrations: int, rows: int, groups: int, width: int):
        self.measured = np.empty((integrations, rows, N_MEASURED, width), np.float32)
        self.counted = np.empty((integrations, rows, N_COUNTED, width), np.int16)
        self.sci = np.empty((groups, min(rows, SCI_ROWS), width), np.uint32)
        self.groupdq = np.empty((groups, rows, width), np.uint8)
        # Eight pixels at a time, where a row begins at such an address.
        self.words = self.groupdq.view(np.uint64) if width % 8 == 0 else np.empty((groups, rows, 0), np.uint64)
        self.rate, self.pedestal = np.empty((2, 1, rows, width), np.uint32)


def usable_cores() -> int:
    """Cores that this process may use, shared with the other workers of a test run where there are some."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return max(1, cores // max(1, workers))


@kernel
def measure_block(
    places, start, count, height, sci, groupdq, words, rate, pedestal, tgroup, read_variance, gain, level,
    measured, counted,
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
    sci, groupdq, words, rate, pedestal, tgroup, read_variance, gain, level
        Buffers and numbers, see :func:`darkmask.maps.integration.measure_rows`.
    measured : array, shape (integration, rows, N_MEASURED, x), float32
        Set.
    counted : array, shape (integration, rows, N_COUNTED, x), int16
        Set.

    Returns
    -------
    int
        -1, or the integration of which a file could not be read.
    """
    width = sci.shape[2]
    pixels = height * width
    for i in range(places.shape[0]):
        if not (
            read_rows(places[i, 1, 0], places[i, 1, 1], pixels, start, count, groupdq)
            and read_rows(places[i, 2, 0], places[i, 2, 1], pixels, start, count, rate)
            and read_rows(places[i, 3, 0], places[i, 3, 1], pixels, start, count, pedestal)
        ):
            return i
        for first in range(0, count, sci.shape[1]):
            rows = min(sci.shape[1], count - first)
            if not read_rows(places[i, 0, 0], places[i, 0, 1], pixels, start + first, rows, sci):
                return i
            measure_rows(
                sci, rows, groupdq, words, first, rate[0], pedestal[0], tgroup, read_variance, gain, level,
                measured[i], counted[i],
            )  # fmt: skip
    return -1


@kernel
def _combine_rows(
    measured, counted, network, tgroup, read_variance, gain, groups,
    rate, weight, rate_scatter, finite, pedestal, saturated_first, first, change, shape, shape_scatter, noise,
    differences, scatter, jumps, falls,
):  # fmt: skip
    """Combine stacks of shape (integration, row, map, x) into the rows of each combined map, in its order."""
    integrations, _, _, width = measured.shape
    ordered = np.empty((integrations + 2, width), np.float32)
    loads = np.empty((integrations + 2, width), np.float32)
    ranks = np.empty(integrations + 2, np.int64)
    sums = np.empty((5, width), np.float64)
    count = np.empty(width, np.int32)
    centre = np.empty(width, np.float32)
    for r in range(rate.shape[0]):
        _count(counted, r, finite[r], saturated_first[r], differences[r], jumps[r], falls[r])

        finite_first(measured, r, RATE, ordered, count)
        for i in range(integrations):
            weights = measured[i, r, WEIGHT]
            for x in range(width):
                loads[i, x] = weights[x]
        sort_columns_with(ordered, loads, network, ranks)
        middle(ordered, ranks, count, centre)
        _clipped_mean(
            ordered, loads, ranks, count, centre, tgroup, read_variance, gain, groups, sums, rate[r], weight[r]
        )
        scatter_about(ordered, ranks, centre, count, network, rate_scatter[r])

        finite_first(measured, r, SHAPE, ordered, count)
        sort_columns(ordered, network, ranks)
        middle(ordered, ranks, count, shape[r])
        scatter_about(ordered, ranks, shape[r], count, network, shape_scatter[r])

        for place, out in ((PEDESTAL, pedestal), (FIRST, first), (CHANGE, change), (SCATTER, scatter)):
            finite_first(measured, r, place, ordered, count)
            sort_columns(ordered, network, ranks)
            middle(ordered, ranks, count, out[r])

        finite_first(measured, r, SQUARES, ordered, count)
        sort_columns(ordered, network, ranks)
        _pool(ordered, ranks, count, counted, r, sums, noise[r])


@kernel
def _count(counted, row, finite, saturated_first, differences, jumps, falls):
    for x in range(finite.size):
        finite[x], saturated_first[x], differences[x], jumps[x], falls[x] = 0, 0, 0, 0, 0
    for i in range(counted.shape[0]):
        one = counted[i, row]
        for x in range(finite.size):
            finite[x] += 1 if one[MARKS, x] & HAS_RATE else 0
            saturated_first[x] += 1 if one[MARKS, x] & FIRST_SATURATED else 0
            differences[x] += one[DIFFERENCES, x]
            jumps[x] += one[JUMPS, x]
            falls[x] += one[FALLS, x]


@kernel
def _clipped_mean(
    ordered, weights, ranks, count, centre, tgroup, read_variance, gain, groups, sums, mean, weight
):  # fmt: skip
    """Weighted mean of each sorted column without what lies too far from its ``centre``."""
    total, products, everything, kept, shot = sums[0], sums[1], sums[2], sums[3], sums[4]
    # An integration's variance in units of tgroup**2 * weight, so that nothing is divided.
    reading = 12.0 * read_variance * CLIP_SIGMA**2
    shot_scale = CLIP_SIGMA**2 * SLOPE_SHOT * tgroup / (gain * max(groups - 1, 1))
    for x in range(mean.size):
        total[x], products[x], everything[x], kept[x] = 0.0, 0.0, 0.0, 0.0
        shot[x] = shot_scale * max(np.float64(centre[x]), 0.0)
    for k in range(ranks.size - 2):
        value, load = ordered[ranks[k]], weights[ranks[k]]
        for x in range(mean.size):
            here = k < count[x]
            w = np.float64(load[x]) if here else 0.0
            v = np.float64(value[x]) if here else 0.0
            deviation = (v - centre[x]) * tgroup
            keep = here & (w > 0) & (deviation * deviation * w <= reading + shot[x] * w)
            everything[x] += w
            total[x] += w if keep else 0.0
            products[x] += w * v if keep else 0.0
            kept[x] += 1.0 if keep else 0.0
    for x in range(mean.size):
        steady = (kept[x] > 0) & (kept[x] >= LEAST_KEPT * count[x])
        mean[x] = products[x] / total[x] if steady else centre[x]
        weight[x] = total[x] if steady else MEDIAN_EFFICIENCY * everything[x]


@kernel
def _pool(squares, ranks, count, counted, row, sums, noise):
    """Standard deviation of a difference over all integrations; each one's mean costs a degree of freedom."""
    total, freedom = sums[0], sums[1]
    for x in range(noise.size):
        total[x], freedom[x] = 0.0, 0.0
    for k in range(ranks.size - 2):
        value = squares[ranks[k]]
        for x in range(noise.size):
            total[x] += np.float64(value[x]) if k < count[x] else 0.0
        differences = counted[k, row, DIFFERENCES]
        for x in range(noise.size):
            freedom[x] += differences[x] - 1 if differences[x] > 1 else 0
    for x in range(noise.size):
        noise[x] = np.sqrt(total[x] / freedom[x]) if freedom[x] > 0 else np.nan
