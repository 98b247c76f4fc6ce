"""Find the exposures of a delivery from headers alone."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from darkmask.core.detectors import DETECTORS
from darkmask.core.errors import DeliveryError

from .headers import detector_in_name, read_record, suffix_of
from .records import DeliveryIndex, Exposure, FileRecord, Kind, Problem, ProblemKind

# How triplets come from raw exposures.
HOW_TO_MAKE = "make it from the _uncal file with python -m darkmask prepare"


def scan(folder: Path) -> DeliveryIndex:
    """Describe a delivery.

    Parameters
    ----------
    folder : Path
        Searched with its subfolders; symbolic links to folders are not followed.

    Returns
    -------
    DeliveryIndex
        Never an exception for what the folder holds: whatever is wrong stands in ``problems``.
    """
    absolute = os.path.abspath(folder)
    folder = Path(absolute)
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
    products = [record for record in records if record.kind is not Kind.UNCAL]
    raw = [record for record in records if record.kind is Kind.UNCAL]
    if not products and not problems:
        problems.append(_nothing_found(folder, records))
    exposures, partner_problems = _partners(products)
    problems += partner_problems
    made = {record.key for record in products}
    problems += [_unprocessed(record) for record in raw if products and record.key not in made]
    return DeliveryIndex(str(folder), tuple(products), exposures, tuple(problems), tuple(raw))


def _read_all(folder: Path, paths: Iterable[Path], problems: list[Problem]) -> list[FileRecord]:
    """Return the products of a delivery; what is wrong with files that cannot count as such goes to ``problems``."""
    records: list[FileRecord] = []
    for path in paths:
        relative = path.relative_to(folder).as_posix()
        named = detector_in_name(path)
        try:
            if path.suffix == ".gz":
                raise DeliveryError(f"{relative} is compressed: decompress it, ramps are read in place.")
            record = read_record(path, folder)
        except (DeliveryError, OSError) as error:
            sentence = (
                str(error) if isinstance(error, DeliveryError) else f"{relative} cannot be read: {error.strerror}."
            )
            problems.append(Problem(ProblemKind.FILE, sentence, relative, (named,) if named else ()))
            continue
        if record is None:
            continue
        identity = _identity_problem(record, named)
        if identity:
            problems.append(identity)
        else:
            records.append(record)
    return records


def _unprocessed(record: FileRecord) -> Problem:
    return _problem(
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
    """The FITS files of a folder; what could not be looked into is added to ``problems``."""

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
            compressed_product = name.endswith(".fits.gz") and suffix_of(path.with_suffix("")) is not None
            if not name.startswith(".") and (name.lower().endswith(".fits") or compressed_product):
                yield path


def _identity_problem(record: FileRecord, named: str | None) -> Problem | None:
    """A file that is of no NIRCam detector, or of another one than its name says, belongs to nobody."""
    concerned = tuple(d for d in (named, record.detector) if d in DETECTORS)
    if record.detector not in DETECTORS:
        return Problem(
            ProblemKind.FILE,
            f"{record.path} has DETECTOR {record.detector or 'missing'!r}, which is no NIRCam detector: "
            "remove it or replace it by the right file.",
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
    if records:
        return Problem(
            ProblemKind.FOLDER,
            f"The delivery {folder} holds {len(records)} _uncal files and no _jump, _fitopt and _rate files: "
            f"make them with python -m darkmask prepare {folder} OUT.",
        )
    return Problem(
        ProblemKind.FOLDER,
        f"The delivery {folder} holds no _jump, _fitopt and _rate files: give the folder that holds the darks.",
    )


def _partners(records: list[FileRecord]) -> tuple[tuple[Exposure, ...], list[Problem]]:
    by_key: dict[str, dict[Kind, FileRecord]] = defaultdict(dict)
    problems = []
    for record in records:
        other = by_key[record.key].setdefault(record.kind, record)
        if other is not record:
            problems.append(
                _problem(
                    ProblemKind.TRIPLET,
                    [record, other],
                    f"{record.path} and {other.path} are both the _{record.kind} file of one exposure: remove one.",
                )
            )
    exposures = []
    for _, files in sorted(by_key.items()):
        found = _exposure(files)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            exposures.append(found)
    return tuple(exposures), problems


def _exposure(files: dict[Kind, FileRecord]) -> Exposure | Problem:
    """Put a triplet together, or say what keeps it from being whole."""
    some = next(iter(files.values()))
    jump, fitopt = files.get(Kind.JUMP), files.get(Kind.FITOPT)
    rate = files.get(Kind.RATEINTS) or files.get(Kind.RATE)
    missing = [
        name for name, file in (("_jump", jump), ("_fitopt", fitopt), ("_rate or _rateints", rate)) if file is None
    ]
    if missing:
        return _problem(
            ProblemKind.TRIPLET,
            list(files.values()),
            f"{some.path} has no {' and no '.join(missing)} partner: deliver it, or {HOW_TO_MAKE}.",
        )
    triplet = [jump, fitopt, rate]
    wrong = _wrong_size(jump)
    if wrong:
        return _problem(ProblemKind.GEOMETRY, triplet, f"{jump.path} {wrong}: make the file again.")
    nints, _, *frame = jump.shape
    for partner in (fitopt, rate):
        if partner.set_key != jump.set_key:
            return _problem(
                ProblemKind.TRIPLET,
                triplet,
                f"{partner.path} is of the set {partner.set_key} and its partner {jump.path} of {jump.set_key}: "
                "deliver the files of one exposure together.",
            )
        if partner.date_obs != jump.date_obs:
            return _problem(
                ProblemKind.TRIPLET,
                triplet,
                f"{partner.path} has DATE-OBS {partner.date_obs} and its partner {jump.path} {jump.date_obs}: deliver "
                "the files of one exposure together.",
            )
        expected = (nints, *frame)
        found = partner.shape if len(partner.shape) == 3 else (1, *partner.shape)
        if found != expected:
            hint = "deliver the _rateints file" if partner.kind is Kind.RATE else "make the file again"
            return _problem(
                ProblemKind.TRIPLET,
                triplet,
                f"{partner.path} holds {found} (integrations, rows, columns) where its ramp {jump.path} has "
                f"{expected}: {hint}.",
            )
    if rate.arrays["DQ"].shape != rate.shape:
        return _problem(
            ProblemKind.GEOMETRY, triplet, f"{rate.path} has DQ of another shape than SCI: make the file again."
        )
    return Exposure(jump, fitopt, rate)


def _wrong_size(jump: FileRecord) -> str:
    """What the headers and the arrays of a ramp disagree in; empty when they agree."""
    nints, ngroups, *frame = jump.shape
    # A segment of a long exposure holds some of the integrations that its header counts.
    too_few = nints != jump.nints if jump.segments == 1 else nints > jump.nints
    if too_few or ngroups != jump.ngroups:
        return f"holds {nints} integrations of {ngroups} groups and its header says {jump.nints} of {jump.ngroups}"
    shapes = {name: jump.arrays[name].shape if name in jump.arrays else () for name in ("GROUPDQ", "PIXELDQ")}
    if shapes["GROUPDQ"] != jump.shape or shapes["PIXELDQ"] != tuple(frame):
        return f"has GROUPDQ {shapes['GROUPDQ']} and PIXELDQ {shapes['PIXELDQ']} beside SCI {jump.shape}"
    return ""


def _problem(kind: ProblemKind, records: list[FileRecord], sentence: str) -> Problem:
    """A problem of all detectors that its files are of; of every subarray when they do not agree on one."""
    subarrays = {record.subarray for record in records}
    observations = {record.observation for record in records}
    return Problem(
        kind,
        sentence,
        records[0].path,
        tuple(sorted({record.detector for record in records})),
        subarrays.pop() if len(subarrays) == 1 else None,
        observations.pop() if len(observations) == 1 else "",
    )
