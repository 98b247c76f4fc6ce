"""Find the groups of ramps that are another group again: noise makes no two rows of reads alike."""

from collections.abc import Iterable, Sequence

import numpy as np


def copied_groups(ramps: Iterable[np.ndarray], names: Sequence[str]) -> dict[int, str]:
    """Return the integrations of which a group is one of before, of the same integration or of another.

    Parameters
    ----------
    ramps : iterable of numpy.ndarray, shape (group, row, x)
        The same rows of each integration.
    names : sequence of str
        What each integration is called in a sentence.

    Returns
    -------
    dict of int to str
        By position: the first such group. A row of which half is one value tells nothing: it was filled in, or is full.
    """
    first: dict[tuple[int, bytes], tuple[int, int]] = {}
    found: dict[int, str] = {}
    for k, ramp in enumerate(ramps):
        for g, group in enumerate(ramp):
            for r, row in enumerate(group):
                there, before = first.setdefault((r, row.tobytes()), (k, g))
                if (there, before) != (k, g) and k not in found and _tells(row):
                    whose = "its ramp" if there == k else f"the ramp of {names[there]}"
                    copy = f"group {g + 1} of its ramp is group {before + 1} of {whose} again"
                    found[k] = f"{names[k]} was altered: {copy}"
    return found


def _tells(row: np.ndarray) -> bool:
    _, counts = np.unique(row, return_counts=True)
    return 2 * int(counts.max()) <= row.size
