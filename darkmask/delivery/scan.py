"""Find the exposures of a delivery from headers alone."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from darkmask.core.detectors import DETECTORS, LONG_WAVE
from darkmask.core.errors import DeliveryError, UnreachedError
from darkmask.core.remote import is_copy, listed_files, ranged_files, shown_place
from darkmask.core.stages import stage

from .headers import (
    HeaderError,
    UnsupportedReadoutError,
    detector_in_name,
    is_compressed_product,
    read_record,
)
from .index import DeliveryIndex, Problem, ProblemKind
from .partners import HOW_TO_MAKE, file_problem, put_together, with_common_times
from .records import FileRecord, Kind


@stage("scan")
def scan(folder: Path) -> DeliveryIndex:
    """Describe a delivery.

    Parameters
    ----------
    folder : Path
        Searched with its subfolders; symbolic links to folders are not followed.

    Returns
    -------
    DeliveryIndex
        The description; no content of the folder raises an exception: whatever is wrong stands in ``problems``.
    """
    absolute = os.path.abspath(folder)
    folder = Path(absolute)
    if is_copy(folder):
        return _index(folder, listed_files(folder), [])
    trouble = _folder_problem(folder)
    if trouble:
        return DeliveryIndex(absolute, problems=(trouble,))
    problems: list[Problem] = []
    return _index(folder, _fits_files(folder, problems), problems)


def scan_files(paths: Iterable[Path]) -> DeliveryIndex:
    """Describe a delivery whose files are named one by one; they may lie in several folders.

    Parameters
    ----------
    paths : iterable of Path
        At least one. A file that is named twice counts once.

    Returns
    -------
    DeliveryIndex
        Of the folder that all of them have in common. As of :func:`scan`, whatever is wrong stands in ``problems``.
    """
    named = sorted({Path(os.path.abspath(path)) for path in paths})
    return _index(Path(os.path.commonpath([path.parent for path in named])), named, [])


def _index(folder: Path, paths: Iterable[Path], problems: list[Problem]) -> DeliveryIndex:
    """Read the headers of files below a folder and put them together; ``problems`` may grow as ``paths`` are walked."""
    records = _read_all(folder, paths, problems)
    products = with_common_times(record for record in records if record.kind is not Kind.UNCAL)
    raw = [record for record in records if record.kind is Kind.UNCAL]
    if not products and not problems:
        problems.append(_nothing_found(folder, records))
    unusable = [problem.file for problem in problems if problem.file]
    exposures, partner_problems = put_together(products, unusable)
    problems += partner_problems
    made = {record.key for record in products}
    problems += [_unprocessed(record) for record in raw if products and record.key not in made]
    return DeliveryIndex(str(folder), tuple(products), exposures, tuple(problems), tuple(raw))


def _read_all(folder: Path, paths: Iterable[Path], problems: list[Problem]) -> list[FileRecord]:
    """Return the products of a delivery; what is wrong with files that cannot count as such goes to ``problems``."""
    records: list[FileRecord] = []
    for path, opened in _opened(folder, paths):
        relative = path.relative_to(folder).as_posix()
        named = detector_in_name(path)
        try:
            if is_compressed_product(path):
                raise DeliveryError(f"{relative} is compressed: decompress it, ramps are read in place.")
            record = read_record(path, folder, opened)
        except HeaderError as error:
            kind = ProblemKind.READOUT if isinstance(error, UnsupportedReadoutError) else ProblemKind.FILE
            concerned = tuple(dict.fromkeys(d for d in (named, error.detector) if d in DETECTORS))
            problems.append(Problem(kind, str(error), relative, concerned, observation=error.observation))
            continue
        except (DeliveryError, OSError) as error:
            sentence = (
                str(error) if isinstance(error, DeliveryError) else f"{relative} cannot be read: {error.strerror}."
            )
            concerned, unreached = (named,) if named else (), isinstance(error, UnreachedError)
            problems.append(Problem(ProblemKind.FILE, sentence, relative, concerned, unreached=unreached))
            continue
        if record is None:
            continue
        identity = _identity_problem(record, named)
        if identity:
            problems.append(identity)
        else:
            records.append(record)
    return records


def _opened(folder: Path, paths: Iterable[Path]) -> Iterator[tuple[Path, BinaryIO | None]]:
    """Yield each path, and what to read its headers from where the folder lies elsewhere."""
    if is_copy(folder):
        yield from ranged_files(list(paths))
    else:
        yield from ((path, None) for path in paths)


def _unprocessed(record: FileRecord) -> Problem:
    return file_problem(
        ProblemKind.TRIPLET,
        [record],
        f"{record.path} has no _jump, _fitopt and _rate files beside it: {HOW_TO_MAKE}.",
    )


def _folder_problem(folder: Path) -> Problem | None:
    try:
        exists = folder.exists()
    except OSError as error:
        sentence = f"The delivery {folder} cannot be looked at ({error.strerror}): correct the path."
        return Problem(ProblemKind.FOLDER, sentence)
    if not exists:
        return Problem(
            ProblemKind.FOLDER, f"The delivery {folder} does not exist: give the folder that holds the darks."
        )
    if not folder.is_dir():
        return Problem(ProblemKind.FOLDER, f"The delivery {folder} is a file: give the folder that holds the darks.")
    if not os.access(folder, os.R_OK | os.X_OK):
        return Problem(ProblemKind.FOLDER, f"The delivery {folder} may not be read: ask for permission to read it.")
    return None


def _fits_files(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    """Yield the FITS files of a folder; add to ``problems`` what could not be looked into."""

    def unreadable(error: OSError) -> None:
        sentence = f"The folder {error.filename} cannot be read ({error.strerror}): ask for permission to read it."
        problems.append(Problem(ProblemKind.FOLDER, sentence))

    for parent, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if (Path(parent) / name).is_symlink():
                sentence = f"The folder {Path(parent) / name} is a link, which is not followed: copy its files."
                problems.append(Problem(ProblemKind.FOLDER, sentence))
        for name in sorted(names):
            path = Path(parent) / name
            if not name.startswith(".") and (name.lower().endswith(".fits") or is_compressed_product(path)):
                yield path


def _identity_problem(record: FileRecord, named: str | None) -> Problem | None:
    """Return the problem of a file that belongs to no NIRCam detector, or to another than its name says; else None."""
    concerned = tuple(d for d in (named, record.detector) if d in DETECTORS)
    if record.detector in LONG_WAVE:
        name = LONG_WAVE[record.detector]
        return Problem(
            ProblemKind.FILE,
            f"{record.path} has DETECTOR {record.detector!r}: the long-wave detector is called {name} in headers; "
            "correct DETECTOR.",
            record.path,
            (name,),
        )
    if record.detector not in DETECTORS:
        return Problem(
            ProblemKind.FILE,
            f"{record.path} has DETECTOR {record.detector or 'missing'!r}, which is no NIRCam detector: "
            "correct DETECTOR, or take the file out of the delivery.",
            record.path,
            concerned,
        )
    if named and named != record.detector:
        return Problem(
            ProblemKind.FILE,
            f"{record.path} is named for {named} and its header says DETECTOR {record.detector}: "
            "replace it by the right file.",
            record.path,
            concerned,
        )
    return None


def _nothing_found(folder: Path, records: list[FileRecord]) -> Problem:
    place = shown_place(folder)
    if records:
        return Problem(
            ProblemKind.FOLDER,
            f"The delivery {place} holds {len(records)} _uncal files and no _jump, _fitopt and _rate files: "
            f"make them with python -m darkmask prepare {place} OUT.",
        )
    return Problem(
        ProblemKind.FOLDER,
        f"The delivery {place} holds no _jump, _fitopt and _rate files: give the folder that holds the darks.",
    )
