"""Make findings of what the amplifiers have in common, and of what their columns and rows do as one."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from darkmask.search.structures import Structure

from .lines import Lines

# An amplifier has another noise than the others from this ratio on: those of one detector agree within 10 %.
OTHER_NOISE = 1.3


def column_findings(lines: Lines, columns: slice, height: int, noise_of_good: float) -> Iterator[Structure]:
    """Give a finding for each column of an amplifier that does something as one.

    Parameters
    ----------
    lines : Lines
        Of the columns of the amplifier.
    columns : slice
    height : int
        Rows of the frame.
    noise_of_good : float
        Of a group difference of good pixels, DN.
    """
    for number, kind, amount, unit in _of_lines(lines, noise_of_good):
        x = columns.start + number
        yield Structure(f"{kind} column", x, x, 0, height - 1, amount, unit)


def row_findings(lines: Lines, columns: slice, noise_of_good: float) -> Iterator[Structure]:
    """Give a finding for each row of an amplifier that does something as one."""
    for number, kind, amount, unit in _of_lines(lines, noise_of_good):
        yield Structure(f"{kind} row", columns.start, columns.stop - 1, number, number, amount, unit)


def join_rows(rows: Sequence[Structure]) -> Iterator[Structure]:
    """Join what a row does in amplifiers that lie side by side into one finding, with the largest amount."""
    ordered = sorted(rows, key=lambda row: (row.kind, row.y_first, row.x_first))
    for _, same in groupby(ordered, key=lambda row: (row.kind, row.y_first)):
        parts = list(same)
        most = max(parts, key=lambda row: abs(row.amount))
        y = most.y_first
        yield Structure(most.kind, parts[0].x_first, parts[-1].x_last, y, y, most.amount, most.unit)


def amplifier_findings(amplifiers: Sequence[slice], noises: Sequence[float], height: int) -> Iterator[Structure]:
    """Give a finding for each amplifier whose good pixels have another noise than those of the others."""
    for number, columns in enumerate(amplifiers):
        others = [noise for other, noise in enumerate(noises) if other != number and np.isfinite(noise)]
        if not others or not np.isfinite(noises[number]):
            continue
        ratio = float(noises[number] / np.median(others))
        if not 1 / OTHER_NOISE <= ratio <= OTHER_NOISE:
            kind = "noisy amplifier" if ratio > 1 else "quiet amplifier"
            yield Structure(kind, columns.start, columns.stop - 1, 0, height - 1, ratio, "times the others' noise")


def _of_lines(lines: Lines, noise_of_good: float) -> Iterator[tuple[int, str, float, str]]:
    for number in np.flatnonzero((lines.noise > 0) | (lines.wander > 0)):
        yield int(number), "wandering", float(lines.wander[number]), "DN"
    for number in np.flatnonzero(lines.own):
        ratio = float(np.sqrt(1 + lines.own[number] / noise_of_good**2))
        yield int(number), "noisy", ratio, "times the others' noise"
    for number in np.flatnonzero(lines.pedestal):
        yield int(number), "offset", float(lines.pedestal[number]), "DN"
