"""Read from a set what the official search judges."""

import numpy as np

from darkmask.core.categories import pack_categories
from darkmask.core.errors import SearchError
from darkmask.core.flags import dq_bits
from darkmask.core.kernels import kernel, work_in_blocks
from darkmask.core.stages import stage
from darkmask.core.threads import in_threads
from darkmask.delivery import OpenExposure, OpenSet
from darkmask.delivery.reading import native_float32, read_rows
from darkmask.search.keywords import FIXED_IN_CODE
from darkmask.search.maps.jumps import (
    N_COUNTS,
    Counted,
    CountRoom,
    CountRules,
    bytes_per_row,
    count_block,
    make_count_room,
)
from darkmask.search.request import SetRequest

from .categories import OfficialMaps, early_late_cutoffs, pedestal_limits, require_integrations, search_official

# One thread's buffers may take this much: they should fit into a processor's cache as far as possible.
BLOCK_BYTES = 4_000_000
# This many rows are read at once when only their box or their pedestals are kept.
_ROWS = 64


Area = tuple[slice, slice]


def official_maps(
    request: SetRequest, block_bytes: int = BLOCK_BYTES, threads: int | None = None
) -> tuple[Area, OfficialMaps]:
    """Measure what jwst_reffiles judges, on the science area that it finds by the reference pixels' DQ.

    Parameters
    ----------
    request : SetRequest
    block_bytes : int
        Memory that the buffers of each thread may take (one row of all integrations at least); it never changes the
        result.
    threads : int, optional
        Number of threads; by default one for each core that this process may use.

    Returns
    -------
    area : tuple of two slice
        Rows and columns of the science area.
    maps : OfficialMaps

    Raises
    ------
    SearchError
        When the set has too few integrations, too few slopes without jumps, or no science pixel.
    DeliveryError
        When a file can no longer be read as it was scanned.

    Notes
    -----
    Source: ``bad_pixels()`` of jwst_reffiles 1.0.1; see :mod:`darkmask.search.official.categories`.
    """
    opened = OpenSet(request.exposures, request.folder, request.integrations)
    require_integrations(len(opened.planes))
    with opened:
        last = opened.planes[-1][0]
        first = min(i for exposure, i in opened.planes if exposure is last)
        rows, columns = _science_area(last, first, request.shape, threads)
        threshold = request.parameters.pedestal_sigma_threshold
        limits = _pedestal_limits(opened, request.shape, (rows, columns), threshold, threads)
        maps = _measure(opened, request.shape, (rows, columns), limits, block_bytes, threads)
    return (rows, columns), maps


@stage("official search")
def official_categories(request: SetRequest, block_bytes: int = BLOCK_BYTES, threads: int | None = None) -> np.ndarray:
    """Search as jwst_reffiles does; parameters and errors are those of :func:`official_maps`.

    Returns
    -------
    numpy.ndarray, shape (y, x), uint16
    """
    area, maps = official_maps(request, block_bytes, threads)
    categories = np.zeros(request.shape, dtype=np.uint16)
    categories[area] = pack_categories(search_official(maps, request.parameters))
    return categories


def _science_area(exposure: OpenExposure, integration: int, shape: tuple[int, int], threads: int | None) -> Area:
    """Return the smallest box around the pixels that an integration does not call reference pixels."""
    reference = dq_bits("REFERENCE_PIXEL")

    def science_of(start: int) -> tuple[np.ndarray, np.ndarray]:
        science = (exposure.rate_dq(slice(start, start + _ROWS))[integration] & reference) == 0
        return science.any(axis=1), science.any(axis=0)

    found = in_threads(science_of, range(0, shape[0], _ROWS), threads)
    y = np.flatnonzero(np.concatenate([in_rows for in_rows, _ in found]))
    x = np.flatnonzero(np.any([in_columns for _, in_columns in found], axis=0))
    if y.size == 0:
        raise SearchError(
            f"All pixels of {exposure.exposure.rate.path} are reference pixels in its DQ, so there is nothing to "
            "search: make the file again, or search with --search=flight."
        )
    return slice(int(y[0]), int(y[-1]) + 1), slice(int(x[0]), int(x[-1]) + 1)


def _pedestal_limits(
    opened: OpenSet, shape: tuple[int, int], area: Area, threshold: float, threads: int | None
) -> np.ndarray:
    """Return the limits of each integration's pedestals, above and below, float32 (integration, 2), DN."""
    rows, columns = area

    def limits_of(integration: int) -> tuple[np.float32, np.float32]:
        descriptor, offset = opened.places[integration, 3]
        pedestal = np.empty((rows.stop - rows.start, columns.stop - columns.start), np.float32)
        if not _read_box(descriptor, offset, shape[0] * shape[1], shape[1], rows.start, columns.start, pedestal):
            opened.require_read(integration)
        return pedestal_limits(pedestal.ravel(), threshold)

    return np.array(in_threads(limits_of, range(len(opened.planes)), threads), dtype=np.float32)


@kernel
def _read_box(descriptor, offset, pixels, width, first_row, first_column, box):
    """Read a part of a plane as native values, and return whether it could be read."""
    buffer = np.empty((1, _ROWS, width), np.uint32)
    for start in range(0, box.shape[0], _ROWS):
        count = min(_ROWS, box.shape[0] - start)
        if not read_rows(descriptor, offset, pixels, first_row + start, count, buffer):
            return False
        for r in range(count):
            values, out = buffer[0, r, first_column : first_column + box.shape[1]], box[start + r]
            for x in range(out.size):
                out[x] = native_float32(values[x])
    return True


def _measure(
    opened: OpenSet,
    shape: tuple[int, int],
    area: Area,
    limits: np.ndarray,
    block_bytes: int,
    threads: int | None,
) -> OfficialMaps:
    """Count and measure what the search judges, in the science area, block of rows by block of rows."""
    height, width = shape
    first, stop = area[0].start, area[0].stop
    integrations, groups = len(opened.planes), opened.exposures[0].shape[1]
    rules = CountRules(
        groups=groups,
        cutoffs=early_late_cutoffs(groups),
        many=FIXED_IN_CODE["max_jump_limit"],
        ratio=FIXED_IN_CODE["jump_ratio_threshold"],
        limits=limits,
    )
    at_once = min(stop - first, max(1, block_bytes // bytes_per_row(integrations, width)))
    out = Counted(np.zeros((N_COUNTS, stop - first, width), np.int16), np.empty((stop - first, width), np.float64))

    def work(room: CountRoom, start: int, count: int) -> None:
        failed = count_block(opened.places, first + start, count, height, rules, room, start, out)
        opened.require_read(failed)

    work_in_blocks(work, stop - first, at_once, lambda: make_count_room(integrations, at_once, width), threads)
    saturated, high, low, many, early = out.counts[:, :, area[1]]
    return OfficialMaps(integrations, saturated, high, low, many, early, out.scatter[:, area[1]])
