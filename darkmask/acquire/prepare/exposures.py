"""Find the raw exposures among the files of a folder, and what keeps them from being processed."""

from collections.abc import Sequence
from pathlib import Path

from darkmask.core.errors import DeliveryError
from darkmask.delivery.index import DeliveryIndex, ProblemKind
from darkmask.delivery.inspection import DARK
from darkmask.delivery.records import FileRecord

_SUFFIX = "_uncal.fits"


def root_of(path: Path | str) -> str:
    """Return the name of an ``_uncal`` file without its suffix, which the products share."""
    name = Path(path).name
    return name[: -len(_SUFFIX)]


def find_exposures(index: DeliveryIndex) -> tuple[FileRecord, ...]:
    """Return the ``_uncal`` files of a folder.

    Parameters
    ----------
    index : DeliveryIndex
        What lies in the folder and its subfolders.

    Returns
    -------
    tuple of FileRecord
        Ordered by path.

    Raises
    ------
    DeliveryError
        When there is none, or one is damaged, is not a dark, lacks what the steps need, or shares its name with
        another.
    """
    unusable = (ProblemKind.FILE, ProblemKind.READOUT)
    damaged = [p for p in index.problems if p.kind in unusable and "_uncal." in p.file.lower()]
    if damaged:
        raise DeliveryError(damaged[0].sentence)
    if not index.raw:
        missing = [p for p in index.problems if p.kind is ProblemKind.FOLDER and not index.files]
        there = missing[0].sentence if missing and not Path(index.folder).is_dir() else ""
        raise DeliveryError(
            there or f"{index.place} holds no {_SUFFIX} files: give the folder that holds the raw darks."
        )
    for record in index.raw:
        wrong = _what_is_wrong(record)
        if wrong:
            raise DeliveryError(f"{record.path} {wrong}.")
    _check_names(index.raw)
    return index.raw


def _what_is_wrong(record: FileRecord) -> str:
    if record.exp_type != DARK:
        return f"has EXP_TYPE {record.exp_type or 'missing'} where {DARK} was expected: take it out of the folder"
    _, groups, rows, columns = record.shape
    if (rows, columns) != (record.ysize, record.xsize):
        return (
            f"holds frames of {columns} x {rows} pixels and its header says {record.xsize} x {record.ysize}: transfer "
            "it again"
        )
    if groups != record.ngroups or not record.tgroup or not record.date_obs:
        return (
            f"holds {groups} groups and its header has NGROUPS {record.ngroups}, TGROUP {record.tgroup:g} and DATE-OBS "
            f"{record.date_obs or 'missing'}: transfer it again"
        )
    if groups < 2:
        return "has one group, and a slope needs two: take it out of the folder"
    return ""


def _check_names(records: Sequence[FileRecord]) -> None:
    seen: dict[str, str] = {}
    for record in records:
        other = seen.setdefault(root_of(record.path).lower(), record.path)
        if other != record.path:
            raise DeliveryError(
                f"{other} and {record.path} have one name and their products would be one: take one of them out."
            )
