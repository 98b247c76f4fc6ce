"""Exposures of any arrays, as files of their bytes alone: what a search reads, without the headers."""

from collections.abc import Sequence
from pathlib import Path

from darkmask.delivery import Exposure, FileRecord
from darkmask.delivery.plain import Ramps, write_plain
from darkmask.delivery.records import Kind

TGROUP = 10.73677


def chosen(ramps: Ramps, integrations: Sequence[int]) -> Ramps:
    """Return some integrations, in this order."""
    return Ramps(*(values[list(integrations)] for values in vars(ramps).values()))


def write_exposures(
    folder: Path, ramps: Ramps, grouping: Sequence[Sequence[int]], detector: str = "NRCA1"
) -> tuple[Exposure, ...]:
    """Write the integrations as exposures; ``grouping`` names the integrations of each."""
    folder.mkdir(parents=True)
    like = FileRecord(
        path="", kind=Kind.JUMP, key="", detector=detector, subarray="FULL", shape=(), nints=0, ngroups=0,
        noutputs=4, readpatt="RAPID", tgroup=TGROUP, exp_type="NRC_DARK", observation="001", date_obs="2022-01-01",
        steps={}, xstart=1, ystart=1, xsize=0, ysize=0, fastaxis=-1, slowaxis=2, segments=1, simulated=True, size=0,
        modified=0, arrays={},
    )  # fmt: skip
    return tuple(write_plain(folder, f"exposure{n}", chosen(ramps, which), like) for n, which in enumerate(grouping))
