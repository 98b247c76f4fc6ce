"""Find the groups of ramps that are another group again: noise makes no two rows of reads alike, nor proportional."""

from collections.abc import Iterable, Sequence

import numpy as np

from darkmask.core.statistics import level_and_scatter

# Two measurements of n reads are correlated by 1 / sqrt(n) at random, 0.04 for the smallest frames; what is another
# integration times a factor, plus a pedestal, by 1, and the mean of two by 0.7 with each.
_SAME_NOISE = 0.5
# So many triples of groups of a ramp tell; beyond so many sigma a value is a hit or a bad pixel.
_TRIPLES, _CLIPPED = 4, 5.0


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


def repeated_noise(ramps: Sequence[np.ndarray], names: Sequence[str]) -> dict[int, str]:
    """Return the integrations whose noise is that of an earlier one, whatever scale or pedestal they were given.

    The second differences of groups hold neither pedestal nor rate, nor anything else that two integrations have in
    common, but noise.

    Parameters
    ----------
    ramps : sequence of numpy.ndarray, shape (group, row, x)
        The same rows of each integration.
    names : sequence of str
        What each integration is called in a sentence.

    Returns
    -------
    dict of int to str
        By position. Ramps of fewer than three groups tell nothing.
    """
    if len(ramps) < 2 or len(ramps[0]) < 3:
        return {}
    noise = np.stack([_noise(ramp) for ramp in ramps])
    length = np.sqrt((noise * noise).sum(axis=1, keepdims=True))
    noise = np.divide(noise, length, out=np.zeros_like(noise), where=length > 0)
    alike = np.tril(noise @ noise.T, -1)
    found = {}
    for k in np.flatnonzero((alike > _SAME_NOISE).any(axis=1)).tolist():
        same = int(alike[k].argmax())
        found[k] = (
            f"{names[k]} was altered: the noise of its ramp is that of {names[same]} (correlation {alike[k, same]:.2f})"
        )
    return found


def _noise(ramp: np.ndarray) -> np.ndarray:
    """Return second differences of groups about their median, clipped, float64; 0 where a read has no value."""
    middles = np.unique(np.linspace(1, len(ramp) - 2, _TRIPLES).astype(int))
    before, here, after = (ramp[middles + step].astype(np.float64) for step in (-1, 0, 1))
    bends = before - 2 * here + after
    level, scatter = level_and_scatter(bends)
    clipped: np.ndarray = np.nan_to_num((bends - level).clip(-_CLIPPED * scatter, _CLIPPED * scatter)).ravel()
    return clipped


def _tells(row: np.ndarray) -> bool:
    _, counts = np.unique(row, return_counts=True)
    return 2 * int(counts.max()) <= row.size
