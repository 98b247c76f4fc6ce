"""Find the integrations of a set that are no measurement: constant ones, ones without rates, and copies.

An integration that lost some of its rows is left out as a whole. What most integrations have not measured is no fault
of one of them: they are searched, and those rows are undetermined.
"""

import numpy as np

from darkmask.core.display import counted
from darkmask.delivery import OpenExposure, OpenSet
from darkmask.delivery.quality import RAMP, altered_values, copied_rows, repeated_in_rows, unmeasured

from .copied_groups import copied_groups, repeated_noise
from .maps.layout import DO_NOT_USE, SATURATED
from .request import NotMeasured, SetRequest

# Noise makes two measurements of this many rows differ in thousands of pixels, and they cost no time to read.
_ROWS = 8
# One row in so many of these tells a group that is another one again.
_EVERY = 3
# So many pixels of a row and an amplifier tell a copy: noise makes none of them alike.
_PIXELS = 16
# A sentence names so many blocks of rows.
_BLOCKS_NAMED = 3


def look_through(request: SetRequest) -> NotMeasured:
    """Find what is no measurement in the integrations of a set.

    Raises
    ------
    DeliveryError
        When a file has changed since it was scanned or is stored in a way that cannot be mapped.
    """
    science = ~request.reference_pixels()
    inside = np.flatnonzero(science.any(axis=1))
    if not inside.size:
        return NotMeasured({})
    rows = np.unique(inside[np.linspace(0, inside.size - 1, _ROWS).round().astype(int)])
    with OpenSet(request.exposures, request.folder, request.integrations) as opened:
        samples = [
            {name: plane[science[rows]] for name, plane in _planes(exposure, i, rows).items()}
            for exposure, i in opened.planes
        ]
        names = [exposure.name_of(i) for exposure, i in opened.planes]
        why = unmeasured(samples, names)
        # What was altered everywhere can only be searched as it is.
        altered = {k: said for k, said in altered_values(samples, names).items() if k not in why}
        for k, said in _altered_groups(opened, rows[::_EVERY], science, names).items():
            if k not in why:
                altered.setdefault(k, said)
        found = _with_rows(request, opened, science, why)
        return found._replace(doubted=(*found.doubted, *(said for k, said in altered.items() if k not in found.why)))


def _altered_groups(opened: OpenSet, rows: np.ndarray, science: np.ndarray, names: list[str]) -> dict[int, str]:
    """Return the integrations with groups or noise of another, or that have reads without a value and a flag."""
    ramps = [np.stack([e.group(i, g, rows) for g in range(e.shape[1])]) for e, i in opened.planes]
    found = repeated_noise(ramps, names) | copied_groups(ramps, names)
    y, x = np.nonzero(science[rows])
    for k, ((exposure, i), ramp) in enumerate(zip(opened.planes, ramps, strict=True)):
        reads = ramp[:, y, x]
        if np.isfinite(reads).all():
            continue
        flags = exposure.groupdq(rows[y], x)[i]
        share = float(np.mean(~np.isfinite(reads) & ((flags & (DO_NOT_USE | SATURATED)) == 0)))
        if share > 0:
            said = f"{100 * share:.2g} % of the reads of its ramp have no value and no flag that says why"
            found.setdefault(k, f"{names[k]} was altered: {said}")
    return found


def _with_rows(request: SetRequest, opened: OpenSet, science: np.ndarray, why: dict[int, str]) -> NotMeasured:
    """Add the integrations of which some rows are no measurement."""
    amplifiers = request.amplifiers()
    lost = np.zeros((len(opened.planes), len(science), len(amplifiers)), dtype=bool)
    one_value: dict[int, list[str]] = {}
    some_columns = np.stack([_spread(columns, np.asarray(science.any(axis=0))) for columns in amplifiers])
    kept: dict[str, list[np.ndarray]] = {}
    numbers = [k for k in range(len(opened.planes)) if k not in why]
    for k in numbers:
        exposure, i = opened.planes[k]
        planes = _planes(exposure, i)
        # A pixel without a rate is saturated or not to be used, which DQ says: its other values are not its own.
        known = science & np.isfinite(planes["the rate"])
        for name, plane in planes.items():
            found = repeated_in_rows(plane, known, amplifiers)
            if found.any():
                one_value.setdefault(k, []).append(name)
                lost[k] |= found
            kept.setdefault(name, []).append(plane[:, some_columns])
    copied: dict[int, list[str]] = {}
    own = np.asarray(science.any(axis=1))[:, None] & ~lost[numbers]
    for name, samples in kept.items():
        found = copied_rows(np.array(samples)) & own
        for k in np.array(numbers)[found.any(axis=(1, 2))].tolist():
            copied.setdefault(k, []).append(name)
        lost[numbers] |= found
    said: dict[int, str] = {}
    for k in sorted(one_value.keys() | copied.keys()):
        exposure, i = opened.planes[k]
        told = [
            f"{' and '.join(arrays)} {'is' if len(arrays) == 1 else 'are'} {what}"
            for arrays, what in ((one_value.get(k), "one value"), (copied.get(k), "that of another row or integration"))
            if arrays
        ]
        where = _places(lost[k], amplifiers)
        said[k] = f"{exposure.name_of(i)} is no measurement in {where}: {' and '.join(told)} there"
    searched = len(opened.planes) - len(why)
    never = 2 * lost.sum(axis=0) > searched
    some = {k: sentence for k, sentence in said.items() if (lost[k] & ~never).any()}
    # When most integrations lost something, the rest is no delivery: DLV-DISTINCT names each of them.
    if 2 * len(some) > searched:
        some = {}
    doubted = tuple(sentence for k, sentence in said.items() if k not in some)
    return NotMeasured(
        dict(sorted((why | some).items())), doubted, tuple((int(y), int(k)) for y, k in np.argwhere(never))
    )


def _planes(exposure: OpenExposure, i: int, rows: slice | np.ndarray = slice(None)) -> dict[str, np.ndarray]:
    """Return what is looked at of an integration, float32 (rows, x), by its name in a sentence."""
    return {
        RAMP: exposure.group(i, exposure.shape[1] - 1, rows),
        "the rate": exposure.rate(rows, i),
        "PEDESTAL": exposure.pedestal(rows, i),
    }


def _spread(columns: slice, science: np.ndarray) -> np.ndarray:
    """Return the columns of some pixels of an amplifier, none of them of the border where it has others."""
    every = np.arange(columns.start, columns.stop)
    inside = every[science[columns]] if science[columns].any() else every
    return inside[np.linspace(0, inside.size - 1, _PIXELS).astype(int)]


def _places(lost: np.ndarray, amplifiers: tuple[slice, ...]) -> str:
    """Return rows and columns in words, of an array (y, amplifier)."""
    blocks: list[str] = []
    whole = lost.all(axis=1)
    for rows, columns in [(whole, None), *((lost[:, k] & ~whole, amplifiers[k]) for k in range(len(amplifiers)))]:
        edges = np.flatnonzero(np.diff(np.concatenate(([False], rows, [False]))))
        for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            block = f"row {start}" if stop - start == 1 else f"rows {start} to {stop - 1}"
            blocks.append(block if columns is None else f"{block} of columns {columns.start} to {columns.stop - 1}")
    more = len(blocks) - _BLOCKS_NAMED
    return ", ".join(blocks[:_BLOCKS_NAMED]) + (f" and {counted(more, 'more block')} of rows" if more > 0 else "")
