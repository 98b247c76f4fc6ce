"""Exposures of any arrays, as files of nothing but their bytes: what a search reads, without the headers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from darkmask.delivery import Exposure, FileRecord
from darkmask.delivery.records import ArrayPlace, Kind

TGROUP = 10.73677


@dataclass(frozen=True)
class Ramps:
    """Integrations of one set; arrays of shape (nint, ngroup, y, x) and (nint, y, x)."""

    sci: np.ndarray
    groupdq: np.ndarray
    rate: np.ndarray
    pedestal: np.ndarray

    def of(self, chosen: Sequence[int]) -> "Ramps":
        """Some integrations, in this order."""
        return Ramps(*(values[list(chosen)] for values in vars(self).values()))


def write_exposures(
    folder: Path, ramps: Ramps, grouping: Sequence[Sequence[int]], detector: str = "NRCA1"
) -> tuple[Exposure, ...]:
    """Write the integrations as exposures, of which ``grouping`` names those of each."""
    folder.mkdir(parents=True)
    return tuple(_write_one(folder, f"exposure{n}", ramps.of(chosen), detector) for n, chosen in enumerate(grouping))


def _write_one(folder: Path, key: str, ramps: Ramps, detector: str) -> Exposure:
    nint, ngroup, rows, columns = ramps.sci.shape
    nothing = np.zeros((rows, columns), np.uint32)
    products = {
        Kind.JUMP: {"SCI": ramps.sci, "GROUPDQ": ramps.groupdq, "PIXELDQ": nothing},
        Kind.FITOPT: {"PEDESTAL": ramps.pedestal},
        Kind.RATEINTS: {"SCI": ramps.rate, "DQ": np.zeros((nint, rows, columns), np.uint32)},
    }
    records = {}
    for kind, arrays in products.items():
        path = folder / f"{key}_{kind}.bin"
        places = {}
        with path.open("wb") as file:
            file.write(b" " * 2880)
            for name, values in arrays.items():
                stored, layout = _stored(values)
                places[name] = ArrayPlace(file.tell(), values.shape, *layout, 1.0)
                file.write(stored.tobytes())
        status = path.stat()
        shape = ramps.sci.shape if kind == Kind.JUMP else ramps.rate.shape
        records[kind] = FileRecord(
            path=path.name, kind=kind, key=key, detector=detector, subarray="FULL", shape=shape, nints=nint,
            ngroups=ngroup, noutputs=4, readpatt="RAPID", tgroup=TGROUP, exp_type="NRC_DARK", observation="001",
            date_obs="2022-01-01", steps={}, xstart=1, ystart=1, xsize=columns, ysize=rows, fastaxis=-1, slowaxis=2,
            segments=1, simulated=True, size=status.st_size, modified=status.st_mtime_ns, arrays=places,
        )  # fmt: skip
    return Exposure(records[Kind.JUMP], records[Kind.FITOPT], records[Kind.RATEINTS])


def _stored(values: np.ndarray) -> tuple[np.ndarray, tuple[int, float]]:
    if values.dtype == np.uint8:
        return values, (8, 0.0)
    if values.dtype == np.uint32:
        return (values ^ np.uint32(2**31)).astype(">u4"), (32, 2.0**31)
    return values.astype(">f4"), (-32, 0.0)
