"""Exposures of any arrays, as files of their bytes alone: what a search reads, without the headers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from darkmask.core.detectors import Geometry
from darkmask.delivery import Exposure, FileRecord
from darkmask.delivery.plain import Ramps, write_plain
from darkmask.delivery.records import Kind
from darkmask.search.engines import search_set
from darkmask.search.outcome import SearchOutcome
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest

TGROUP = 10.73677


def chosen(ramps: Ramps, integrations: Sequence[int]) -> Ramps:
    """Return some integrations, in this order."""
    return Ramps(*(values[list(integrations)] for values in vars(ramps).values()))


def write_exposures(
    folder: Path,
    ramps: Ramps,
    grouping: Sequence[Sequence[int]],
    detector: str = "NRCA1",
    readpatt: str = "RAPID",
    tgroup: float = TGROUP,
    times: Sequence[float] = (),
) -> tuple[Exposure, ...]:
    """Write the integrations, with their middles (MJD), as exposures; ``grouping`` names the integrations of each."""
    folder.mkdir(parents=True)
    like = FileRecord(
        path="", kind=Kind.JUMP, key="", detector=detector, subarray="FULL", shape=(), nints=0, ngroups=0,
        noutputs=4, readpatt=readpatt, tgroup=tgroup, exp_type="NRC_DARK", observation="001", date_obs="2022-01-01",
        steps={}, xstart=1, ystart=1, xsize=0, ysize=0, fastaxis=-1, slowaxis=2, segments=1, simulated=True, size=0,
        modified=0, arrays={},
    )  # fmt: skip
    return tuple(
        write_plain(
            folder, f"exposure{n}", chosen(ramps, which), replace(like, times=tuple(times[i] for i in which if times))
        )
        for n, which in enumerate(grouping)
    )


def good_ramps(integrations=6, groups=20, size=96, read_noise=5.0, seed=9) -> tuple[np.ndarray, np.ndarray]:
    """Return SCI and GROUPDQ of good pixels."""
    random = np.random.default_rng(seed)
    shape = (integrations, groups, size, size)
    sci = random.normal(0, read_noise, shape) + random.normal(0, 23, (integrations, 1, size, size))
    return sci, np.zeros(sci.shape, np.uint8)


def fitted(sci: np.ndarray, groupdq: np.ndarray, tgroup: float = TGROUP) -> Ramps:
    """Return ramps with the rates of straight lines; there is none where every group is saturated."""
    integrations, groups, *frame = sci.shape
    rate = np.polyfit(np.arange(groups), sci.swapaxes(0, 1).reshape(groups, -1), 1)[0].reshape(integrations, *frame)
    rate[(groupdq & 2).all(axis=1)] = np.nan
    kinds = ((sci, "f4"), (groupdq, "u1"), (rate / tgroup, "f4"), (sci[:, 0], "f4"))
    return Ramps(*(values.astype(kind) for values, kind in kinds))


def written(
    ramps: Ramps,
    folder: Path,
    grouping: Sequence[Sequence[int]],
    border: int = 4,
    readpatt: str = "RAPID",
    tgroup: float = TGROUP,
    times: Sequence[float] = (),
) -> SetRequest:
    """Write exposures in frames with so wide a border of reference pixels, and return the request to search them."""
    exposures = write_exposures(folder, ramps, grouping, readpatt=readpatt, tgroup=tgroup, times=times)
    return SetRequest(exposures, folder, "native", "flight", SearchParameters(), Geometry(ramps.sci.shape[2], border))


def search_ramps(
    ramps: Ramps,
    folder: Path,
    border: int = 4,
    readpatt: str = "RAPID",
    tgroup: float = TGROUP,
    times: Sequence[float] = (),
) -> SearchOutcome:
    """Return what the flight search finds in frames with so wide a border of reference pixels."""
    return search_set(written(ramps, folder, [range(len(ramps.sci))], border, readpatt, tgroup, times))


def searched(ramps: Ramps, folder: Path, border: int) -> np.ndarray:
    """Return the categories that the flight search finds."""
    return search_ramps(ramps, folder, border).categories
