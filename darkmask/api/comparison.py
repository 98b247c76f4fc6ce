"""Two masks, flag by flag."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from darkmask.core.display import html_table, one_line
from darkmask.core.errors import MaskError
from darkmask.core.flags import pixel_flags
from darkmask.core.naming import ByName
from darkmask.masks.file import MaskFile, read_mask

if TYPE_CHECKING:
    from astropy.table import QTable


class HasDq(Protocol):
    """What a search found, for instance: it has the DQ of a mask."""

    @property
    def dq(self) -> np.ndarray: ...


class Shared(NamedTuple):
    """Pixels that have a flag."""

    both: int
    only_a: int
    only_b: int


class MaskComparison(ByName[Shared]):
    """Pixels with each flag in both masks, only in the first (A), only in the second (B).

    A dictionary of the flags that at least one mask has, in the pipeline's order: ``comparison["HOT"].only_b``. Its
    text is the table that ``python -m darkmask compare`` prints.
    """

    def __init__(self, flags: dict[str, Shared], names: Sequence[str] = ("A", "B")):
        super().__init__("flag in either mask", flags)
        self._names = tuple(names)

    def table(self) -> "QTable":
        """Return the same as a table with the columns flag, both, only_a and only_b."""
        from astropy.table import QTable

        rows = [(name, *shared) for name, shared in self.items()]
        return QTable(rows=rows or None, names=("flag", *Shared._fields), dtype=("U40", "i8", "i8", "i8"))

    def __str__(self) -> str:
        lines = [f"{'flag':<18}{'both':>10}{'only A':>10}{'only B':>10}"]
        lines += [f"{name:<18}{s.both:>10}{s.only_a:>10}{s.only_b:>10}" for name, s in self.items()]
        return "\n".join(lines)

    def __repr__(self) -> str:
        different = [name for name, shared in self.items() if shared.only_a or shared.only_b]
        told = f"different in {', '.join(different)}" if different else "equal in every flag"
        return one_line("MaskComparison", told)

    def _repr_html_(self) -> str:
        caption = f"A: {self._names[0]}, B: {self._names[1]}"
        rows = [(name, *shared) for name, shared in self.items()]
        return html_table(caption, ("flag", "both", "only A", "only B"), rows)


def compare_masks(
    first: str | os.PathLike | MaskFile | HasDq | np.ndarray, second: str | os.PathLike | MaskFile | HasDq | np.ndarray
) -> MaskComparison:
    """Compare two masks, flag by flag.

    Parameters
    ----------
    first, second : str, path, MaskFile, BadPixels, or numpy.ndarray of shape (y, x), any integer
        MASK files, what :func:`darkmask.read_mask` or :func:`darkmask.bad_pixels` gave, or DQ arrays with the
        pipeline's bits; of one frame size.

    Returns
    -------
    MaskComparison

    Raises
    ------
    MaskError
        When one cannot be read or is no mask, or their sizes differ.
    """
    (a, name_a), (b, name_b) = _dq_of(first, "the first mask"), _dq_of(second, "the second mask")
    if a.shape != b.shape:
        raise MaskError(f"{name_a} has the shape {a.shape} and {name_b} {b.shape}: give masks of one frame size.")
    flags = {}
    for name, value in pixel_flags().items():
        in_a, in_b = (a & np.uint32(value)) != 0, (b & np.uint32(value)) != 0
        if in_a.any() or in_b.any():
            flags[name] = Shared(*(int(part.sum()) for part in (in_a & in_b, in_a & ~in_b, in_b & ~in_a)))
    return MaskComparison(flags, (name_a, name_b))


def _dq_of(mask, unnamed: str) -> tuple[np.ndarray, str]:
    """Return the DQ of a mask as the pipeline sees it, and what to call the mask."""
    if isinstance(mask, str | os.PathLike):
        return read_mask(Path(mask)).decoded, str(mask)
    if isinstance(mask, MaskFile):
        return mask.decoded, str(mask.path)
    if isinstance(mask, np.ndarray):
        if mask.ndim != 2 or mask.dtype.kind not in "iu":
            raise MaskError(f"{unnamed} is a {mask.ndim}-D {mask.dtype} array where a 2-D integer one was expected.")
        return mask.astype(np.uint32), unnamed
    if isinstance(dq := getattr(mask, "dq", None), np.ndarray):
        return _dq_of(dq, unnamed)[0], f"what was found in {getattr(mask, 'detector', unnamed)}"
    raise MaskError(f"{unnamed} is a {type(mask).__name__}: give the path of a MASK file, or a 2-D integer array.")
