"""Two masks, or two folders of them, flag by flag."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from darkmask.core.detectors import DETECTORS
from darkmask.core.display import html_table, one_line
from darkmask.core.errors import MaskError
from darkmask.core.flags import pixel_flags
from darkmask.core.naming import ByName
from darkmask.masks.file import MaskFile, read_mask
from darkmask.masks.folder import MaskFolder, scan_masks

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

    @property
    def differs(self) -> bool:
        """Whether a pixel has a flag in one mask and not in the other."""
        return any(shared.only_a or shared.only_b for shared in self.values())

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
    first: str | os.PathLike[str] | MaskFile | HasDq | np.ndarray,
    second: str | os.PathLike[str] | MaskFile | HasDq | np.ndarray,
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
        When one cannot be read or is no mask, when their sizes differ, or when both are said to be of a detector and
        these are two: pixels of two detectors have nothing in common. Arrays are of no detector.
    """
    (a, name_a, of_a), (b, name_b, of_b) = _dq_of(first, "the first mask"), _dq_of(second, "the second mask")
    if of_a and of_b and of_a != of_b:
        raise MaskError(f"{name_a} is of {of_a} and {name_b} of {of_b}: give two masks of one detector.")
    if a.shape != b.shape:
        raise MaskError(f"{name_a} has the shape {a.shape} and {name_b} {b.shape}: give masks of one frame size.")
    flags = {}
    for name, value in pixel_flags().items():
        in_a, in_b = (a & np.uint32(value)) != 0, (b & np.uint32(value)) != 0
        if in_a.any() or in_b.any():
            flags[name] = Shared(*(int(part.sum()) for part in (in_a & in_b, in_a & ~in_b, in_b & ~in_a)))
    return MaskComparison(flags, (name_a, name_b))


@dataclass(frozen=True)
class FolderComparison:
    """The masks of two folders, detector by detector.

    Attributes
    ----------
    masks : dict of str to MaskComparison
        By detector, where both folders have a mask of it.
    only_a, only_b : tuple of str
        Detectors of which one folder has a mask.
    """

    masks: dict[str, MaskComparison]
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether a mask differs, or is in one folder alone."""
        return bool(self.only_a or self.only_b) or any(mask.differs for mask in self.masks.values())

    def __str__(self) -> str:
        parts = [f"{name}: {'different' if mask.differs else 'equal'}\n{mask}" for name, mask in self.masks.items()]
        parts += [f"{name}: only A has a mask." for name in self.only_a]
        parts += [f"{name}: only B has a mask." for name in self.only_b]
        return "\n\n".join(parts)


def compare_folders(first: str | os.PathLike[str], second: str | os.PathLike[str]) -> FolderComparison:
    """Compare the masks of two folders, detector by detector and flag by flag.

    Parameters
    ----------
    first, second : str or path
        Folders of MASK files, one for each detector.

    Returns
    -------
    FolderComparison

    Raises
    ------
    MaskError
        When a folder holds no mask, two of one detector, or a file that may be a mask and cannot be read, or when the
        sizes of two masks differ.
    """
    folders = [scan_masks(Path(folder)) for folder in (first, second)]
    masks = [_masks_of(folder) for folder in folders]
    both = [name for name in DETECTORS if name in masks[0] and name in masks[1]]
    return FolderComparison(
        {name: compare_masks(masks[0][name], masks[1][name]) for name in both},
        tuple(name for name in DETECTORS if name in masks[0] and name not in both),
        tuple(name for name in DETECTORS if name in masks[1] and name not in both),
    )


def _masks_of(folder: MaskFolder) -> dict[str, Path]:
    """Return the mask of each detector; a file that may be one and is not is an error, and never left out."""
    names = {*folder.by_detector, *(file.detector for file in folder.unusable if file.detector and not file.foreign)}
    found = {name: folder.path_of(name) for name in DETECTORS if name in names}
    if not found:
        whys = [folder.problem, *(file.why for file in folder.unusable)]
        raise MaskError(next(filter(None, whys), f"{folder.folder} holds no mask: give another folder."))
    return found


def _dq_of(mask: object, unnamed: str) -> tuple[np.ndarray, str, str | None]:
    """Return the DQ of a mask as the pipeline sees it, what to call the mask, and its detector where it has one."""
    if isinstance(mask, str | os.PathLike):
        file = read_mask(Path(mask))
        return file.decoded, str(mask), _detector_of(file)
    if isinstance(mask, MaskFile):
        return mask.decoded, str(mask.path), _detector_of(mask)
    if isinstance(mask, np.ndarray):
        if mask.ndim != 2 or mask.dtype.kind not in "iu":
            raise MaskError(f"{unnamed} is a {mask.ndim}-D {mask.dtype} array where a 2-D integer one was expected.")
        return mask.astype(np.uint32), unnamed, None
    if isinstance(dq := getattr(mask, "dq", None), np.ndarray):
        name = getattr(mask, "detector", None)
        return _dq_of(dq, unnamed)[0], f"what was found in {name or unnamed}", name
    raise MaskError(f"{unnamed} is a {type(mask).__name__}: give the path of a MASK file, or a 2-D integer array.")


def _detector_of(mask: MaskFile) -> str | None:
    return str(mask.header.get("DETECTOR", "")).strip().upper() or None
