"""Ramps of numpy alone that change between integrations, as deliveries whose integrations have times."""

from dataclasses import replace

import numpy as np
from scipy.ndimage import binary_dilation

from darkmask.core.detectors import Geometry
from darkmask.core.detectors import detector as look_up
from darkmask.delivery import scan
from darkmask.delivery.plain import Ramps, write_plain
from darkmask.search.engines import search_set
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest

SIZE, INTEGRATIONS, GROUPS = 128, 8, 20
TGROUP = 10.73677
DETECTOR = look_up("NRCA1")
SECONDS = TGROUP * np.arange(1, GROUPS + 1)[:, None, None]
HOURS = tuple(59_000 + 0.01 * i for i in range(INTEGRATIONS))


def drawn(seed: int = 1) -> np.ndarray:
    """Return the reads of good pixels, shape (integration, group, y, x), DN: read noise, and that of the reset."""
    random = np.random.default_rng(seed)
    reads = DETECTOR.read_noise * random.standard_normal((INTEGRATIONS, GROUPS, SIZE, SIZE))
    return reads + 14 * random.standard_normal((INTEGRATIONS, 1, SIZE, SIZE))


def add_rate(reads: np.ndarray, where: np.ndarray, electrons: float, *integrations: int) -> None:
    for i in integrations:
        reads[i][:, where] += (electrons / DETECTOR.gain) * SECONDS[:, :, 0]


def searched(small, folder, reads, times=HOURS, order=None, jumps=None, saturated=None):
    """Search ramps, each integration in files of its own, whose names are in the order of ``order``."""
    return search_set(written(small, folder, reads, times, order, jumps, saturated))


def written(small, folder, reads, times=HOURS, order=None, jumps=None, saturated=None) -> SetRequest:
    """Write ramps; where ``jumps``, bool of their shape, is true, one of 60 DN is flagged, which no rate holds.

    Pixels that are ``saturated``, bool (y, x), or beside one, have that flag in all groups, and no rate.
    """
    like = scan(small.delivery).main_set("NRCA1", "FULL")[0].jump
    like = replace(like, ngroups=GROUPS, tgroup=TGROUP)
    t = np.arange(GROUPS) - (GROUPS - 1) / 2
    exposures = []
    for key, i in enumerate(range(INTEGRATIONS) if order is None else order):
        rate = np.tensordot(t, reads[i], (0, 0)) / (t @ t) / TGROUP
        pedestal = reads[i].mean(axis=0) - rate * SECONDS.mean()
        jump = np.zeros(reads[i].shape, bool) if jumps is None else jumps[i]
        sci, groupdq = reads[i] + 60 * jump.cumsum(axis=0), 4 * jump
        if saturated is not None:
            grown = binary_dilation(saturated, np.ones((3, 3)))
            sci = np.where(saturated, 60_000, sci)
            groupdq = np.where(grown, 2, groupdq)
            rate, pedestal = np.where(grown, np.nan, rate), np.where(grown, 0, pedestal)
        ramps = Ramps(sci[None].astype(np.float32), groupdq[None].astype(np.uint8),
                      rate[None].astype(np.float32), pedestal[None].astype(np.float32))  # fmt: skip
        one = replace(like, times=(times[i],) if times else ())
        exposures.append(write_plain(folder, f"{key:02d}", ramps, one))
    return SetRequest(tuple(exposures), folder, "native", "flight", SearchParameters(), Geometry(SIZE))
