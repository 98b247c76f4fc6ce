"""Write exposures as plain arrays: what a search reads, without FITS around it."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .records import ArrayPlace, Exposure, FileRecord, Kind


@dataclass(frozen=True)
class Ramps:
    """Integrations of one exposure.

    Attributes
    ----------
    sci : numpy.ndarray, shape (nint, ngroup, y, x), float32, DN
    groupdq : numpy.ndarray, shape (nint, ngroup, y, x), uint8
    rate : numpy.ndarray, shape (nint, y, x), float32, DN/s
    pedestal : numpy.ndarray, shape (nint, y, x), float32, DN
    """

    sci: np.ndarray
    groupdq: np.ndarray
    rate: np.ndarray
    pedestal: np.ndarray


def write_plain(folder: Path, key: str, ramps: Ramps, like: FileRecord) -> Exposure:
    """Write an exposure of no delivery, so that it can be searched like a delivered one.

    Parameters
    ----------
    folder : Path
    key : str
        Key of the exposure, which also stands in the names of its files.
    ramps : Ramps
    like : FileRecord
        What its headers would say; shape and place in the frame are those of the arrays, from its first column on.
    """
    nint, ngroup, rows, columns = ramps.sci.shape
    products = {
        Kind.JUMP: {"SCI": ramps.sci, "GROUPDQ": ramps.groupdq, "PIXELDQ": np.zeros((rows, columns), np.uint32)},
        Kind.FITOPT: {"PEDESTAL": ramps.pedestal},
        Kind.RATEINTS: {"SCI": ramps.rate, "DQ": np.zeros((nint, rows, columns), np.uint32)},
    }
    records = {}
    for kind, arrays in products.items():
        path = folder / f"{key}_{kind}.bin"
        places = {}
        with path.open("wb") as file:
            for name, values in arrays.items():
                stored, layout = _stored(values)
                places[name] = ArrayPlace(file.tell(), values.shape, *layout, 1.0)
                file.write(stored.tobytes())
        status = path.stat()
        records[kind] = replace(
            like, path=path.name, kind=kind, key=key, shape=next(iter(arrays.values())).shape, nints=nint,
            ngroups=ngroup, xsize=columns, ysize=rows, size=status.st_size, modified=status.st_mtime_ns, arrays=places,
        )  # fmt: skip
    return Exposure(records[Kind.JUMP], records[Kind.FITOPT], records[Kind.RATEINTS])


def _stored(values: np.ndarray) -> tuple[np.ndarray, tuple[int, float]]:
    if values.dtype == np.uint8:
        return values, (8, 0.0)
    if values.dtype == np.uint32:
        return (values ^ np.uint32(2**31)).astype(">u4"), (32, 2.0**31)
    return values.astype(">f4"), (-32, 0.0)
