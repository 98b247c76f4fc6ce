"""Compare two searches of one detector: which pixels became bad, and which are bad no more."""

from dataclasses import dataclass

import numpy as np

from darkmask.core.flags import has_flag

from .compare import Agreement

Kinds = dict[str, np.ndarray]

# Of fewer hot pixels, the one that chance takes is more than a twentieth.
ENOUGH_HOT = 20


@dataclass(frozen=True)
class Changes:
    """Bad pixels before and now.

    Attributes
    ----------
    before, now : dict of str to numpy.ndarray, shape (y, x), bool
        Maps by kind (the categories of a search, or the flags of a mask); the same kinds in both.
    all : Agreement
        Agreement on pixels that are bad in any kind.
    by_kind : dict of str to Agreement
    """

    before: Kinds
    now: Kinds
    all: Agreement
    by_kind: dict[str, Agreement]

    @property
    def appeared(self) -> float:
        """The number of pixels that became bad, as a share of those that were bad; infinite when none was."""
        return _share(self.all.new, self.all.reference)

    @property
    def disappeared(self) -> float:
        """The number of pixels that are bad no more, as a share of those that were bad; 0 when none was."""
        return _share(self.all.gone, self.all.reference)

    def told(self) -> str:
        """Each kind with what came and went, for a sentence; empty when nothing did."""
        parts = [f"{kind} +{a.new} -{a.gone}" for kind, a in self.by_kind.items() if a.new or a.gone]
        return ", ".join(parts)


def changes(before: Kinds, now: Kinds, where: np.ndarray) -> Changes:
    """Compare the bad pixels of two searches.

    Parameters
    ----------
    before, now : dict of str to numpy.ndarray, shape (y, x), bool
        The same kinds in both.
    where : numpy.ndarray, shape (y, x), bool
        The pixels to compare.

    Raises
    ------
    ValueError
        When the kinds differ.
    """
    if set(before) != set(now):
        raise ValueError(f"kinds of bad pixels differ: {sorted(before)} and {sorted(now)}")
    before = {kind: before[kind] & where for kind in now}
    now = {kind: there & where for kind, there in now.items()}
    by_kind = {kind: Agreement.of(before[kind], now[kind], where) for kind in now}
    return Changes(before, now, Agreement.of(_any(before), _any(now), where), by_kind)


def gone_dark(before: np.ndarray, now: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels that were hot all the time in an earlier mask, and those of them that are simply good now.

    What switched, or was hot in some integrations alone, may rest as well; and a pixel near the limit of hot ones is
    warm now and not good.

    Parameters
    ----------
    before, now : numpy.ndarray, shape (y, x), uint32
        DQ of the two masks.
    where : numpy.ndarray, shape (y, x), bool
        The pixels to compare.

    Returns
    -------
    hot, dark : numpy.ndarray, shape (y, x), bool
    """
    hot = has_flag(before, "HOT") & ~has_flag(before, "TELEGRAPH", "UNRELIABLE_DARK") & where
    return hot, hot & (now == 0)


def changed_pixels(found: Changes):
    """Return a table of the pixels whose kinds have changed, ordered by row and then by column.

    Returns
    -------
    astropy.table.Table
        ``x``, ``y`` (counted from 0 in the full frame), ``x_fits``, ``y_fits`` (from 1), ``change`` (appeared,
        disappeared, or other kind), ``before`` and ``now`` (kinds, separated by commas).
    """
    from astropy.table import Table

    differs = np.zeros(next(iter(found.now.values())).shape, dtype=bool)
    for kind, there in found.now.items():
        differs |= there != found.before[kind]
    rows, columns = np.nonzero(differs)
    were = [_kinds_at(found.before, y, x) for y, x in zip(rows, columns, strict=True)]
    are = [_kinds_at(found.now, y, x) for y, x in zip(rows, columns, strict=True)]
    pairs = zip(were, are, strict=True)
    change = ["appeared" if not was else "other kind" if now else "disappeared" for was, now in pairs]
    return Table(
        {
            "x": columns.astype(np.int32),
            "y": rows.astype(np.int32),
            "x_fits": (columns + 1).astype(np.int32),
            "y_fits": (rows + 1).astype(np.int32),
            "change": np.array(change, dtype="U11"),
            "before": np.array(were, dtype=str),
            "now": np.array(are, dtype=str),
        }
    )


def relative_change(before: float, now: float) -> float:
    """Return by what share a number changed; 0 when both are 0, infinite when only the first is."""
    return _share(now - before, before)


def _share(part: float, whole: float) -> float:
    if whole:
        return part / whole
    return float("inf") if part else 0.0


def _any(kinds: Kinds) -> np.ndarray:
    return np.logical_or.reduce(list(kinds.values()))


def _kinds_at(kinds: Kinds, y: np.integer, x: np.integer) -> str:
    return ",".join(kind for kind, there in kinds.items() if there[y, x])
