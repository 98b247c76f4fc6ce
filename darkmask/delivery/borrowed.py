"""Find the exposures of a delivery whose ramps are those of another detector or subarray: copies with other headers.

Within a set copies are found before it is searched. What belongs to two detectors is in no set, and no two detectors
measure the same: noise never makes a row of one that of another.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np

from darkmask.core.errors import DarkmaskError
from darkmask.core.remote import is_copy, ranged_file

from .index import DeliveryIndex
from .records import Exposure, FileRecord

# Rows are lost now and then, and are one value then: the other two tell.
_ROWS = (0.25, 0.5, 0.75)
# Files are small to read, and far away where they lie elsewhere.
_AT_ONCE = 8


def borrowed_ramps(index: DeliveryIndex, detector: str, subarray: str) -> list[str]:
    """Return in sentences which exposures of a detector and subarray have ramps of another one.

    Parameters
    ----------
    index : DeliveryIndex
    detector, subarray : str

    Returns
    -------
    list of str
        One for each pair of ramp files, without a full stop. Of a file that cannot be read nothing is said here.
    """
    return list(_borrowed(_Asked(index.folder, _files(index), index)).get((detector, subarray), ()))


@dataclass(frozen=True)
class _Asked:
    """A delivery, the same as another one when it is of the same unchanged files."""

    folder: str
    files: tuple[tuple[str, int, int], ...]
    index: DeliveryIndex = field(compare=False)


def _files(index: DeliveryIndex) -> tuple[tuple[str, int, int], ...]:
    return tuple((file.path, file.size, file.modified) for file in index.files)


# A worker asks it for each of its detectors and subarrays.
@lru_cache(maxsize=4)
def _borrowed(asked: _Asked) -> dict[tuple[str, str], tuple[str, ...]]:
    index = asked.index
    segments = [segment for exposure in index.exposures for segment in exposure.segments]
    found: dict[tuple[str, str], dict[str, None]] = {}
    first: dict[bytes, list[Exposure]] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        rows_of = pool.map(lambda segment: _rows(Path(index.folder), segment.jump), segments)
        for segment, rows in zip(segments, rows_of, strict=True):
            for row in rows:
                for other in first.get(row, ()):
                    if _whose(other) != _whose(segment):
                        for one, two in ((segment, other), (other, segment)):
                            found.setdefault(_whose(one), {})[_sentence(one, two)] = None
                first.setdefault(row, []).append(segment)
    return {whose: tuple(sentences) for whose, sentences in found.items()}


def _whose(exposure: Exposure) -> tuple[str, str]:
    return exposure.set_key.detector, exposure.set_key.subarray


def _sentence(one: Exposure, other: Exposure) -> str:
    return (
        f"{one.jump.path} has ramps of {other.jump.path}, which is of {' '.join(_whose(other))}: one of them is a copy "
        "with another header"
    )


def _rows(folder: Path, record: FileRecord) -> list[bytes]:
    """Return the bytes of some rows of the last group of each integration; none that tell nothing."""
    path = folder / record.path
    try:
        with ranged_file(path) if is_copy(path) else path.open("rb") as file:
            return [row for row in _read_rows(file, record) if _tells(row)]
    except (OSError, DarkmaskError):
        # The checks of its own detector say what is wrong with it.
        return []


def _read_rows(file: BinaryIO, record: FileRecord) -> Iterator[bytes]:
    place = record.arrays["SCI"]
    groups, height, width = place.shape[-3:]
    length = abs(place.bitpix) // 8 * width
    for integration in range(record.shape[0]):
        for share in _ROWS:
            file.seek(place.offset + ((integration * groups + groups - 1) * height + int(share * height)) * length)
            yield file.read(length)


def _tells(row: bytes) -> bool:
    """Return whether no value makes up half of a row: what was filled in is alike by chance, and no noise is."""
    _, counts = np.unique(np.frombuffer(row, np.uint32), return_counts=True)
    return bool(counts.size) and 2 * int(counts.max()) <= int(counts.sum())
