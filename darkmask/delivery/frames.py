"""The size of a full frame, where the files themselves may say so: only those that call themselves simulated."""

from collections import Counter
from collections.abc import Iterable

from .records import FileRecord


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
