"""The size of a full frame: files may say so themselves, but only those that call themselves simulated."""

from collections import Counter
from collections.abc import Iterable

from darkmask.core.detectors import FRAME_SIZE

from .records import FileRecord


def frame_of(records: Iterable[FileRecord], given: int | None = None) -> int:
    """Return the pixels along each side of the full frames of a delivery.

    Parameters
    ----------
    records : iterable of FileRecord
    given : int, optional
        What was typed, which is believed.

    Returns
    -------
    int
        Without ``given`` what simulated files say (:func:`simulated_frame`), and 2048 where they say nothing.
    """
    return (simulated_frame(records) or FRAME_SIZE) if given is None else given


def simulated_frame(records: Iterable[FileRecord]) -> int | None:
    """Return the pixels along each side of the full frames of a simulated delivery.

    Parameters
    ----------
    records : iterable of FileRecord

    Returns
    -------
    int or None
        The size of most full frames, so that one of another size is what is wrong. None where a file does not call
        itself simulated: a real frame has 2048 pixels, and a smaller one was cut off. None, too, where no full frame is
        square.
    """
    records = tuple(records)
    if not records or not all(record.simulated for record in records):
        return None
    sizes = Counter(
        record.shape[-1] for record in records if record.subarray == "FULL" and record.shape[-1] == record.shape[-2]
    )
    return max(sizes, key=lambda size: (sizes[size], size), default=None)
