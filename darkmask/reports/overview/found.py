"""What a folder of reports holds: each report with its verdict, who signed it, and what it can be compared with."""

import os
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from darkmask.core.atomic import sha256_file
from darkmask.core.detectors import DETECTORS
from darkmask.core.digests import SHA256, remembered_digest
from darkmask.core.errors import DarkmaskError
from darkmask.masks.file import read_header
from darkmask.reports.files import FILE, PAGE, RECORD
from darkmask.reports.how_run import HowRun, darks_in
from darkmask.reports.results import Results, read_json, read_results
from darkmask.reports.signoff import read_signoff, verify
from darkmask.reports.signoff_record import Signoff

# A folder that holds one of these was a report once, or is becoming one.
_PARTS = (FILE, PAGE, "manifest.json", RECORD, "masks", "catalogues")


class OverviewError(DarkmaskError):
    """A folder holds no reports."""


@dataclass(frozen=True)
class Kind:
    """What two reports must have in common to be compared.

    Attributes
    ----------
    simulated : bool
    frame : int or None
        Pixels along each side of a full frame; None where nothing tells.
    engine, search : str
    made_masks : bool
        Whether the run made its masks: categories of a search are counted then, and flags of a mask otherwise.
    """

    simulated: bool
    frame: int | None
    engine: str
    search: str
    made_masks: bool

    @property
    def words(self) -> str:
        """The kind in words."""
        what = f"{self.engine} {self.search} search" if self.made_masks else "masks that were given"
        size = f"frames of {self.frame} pixels" if self.frame else "frames of a size that nothing tells"
        return f"{'simulated' if self.simulated else 'real'} darks, {size}, {what}"


@dataclass(frozen=True)
class Report:
    """One folder of reports, as it was found.

    Attributes
    ----------
    folder : Path
    state : str
        ``pass``, ``fail``, ``incomplete``, ``changed`` (not what its run left) or ``unreadable``.
    notes : tuple of str
        What is wrong with it, or is to be known, a sentence each.
    results : Results or None
        None for an unreadable one.
    signed : Signoff or None
        The record of its sign-off, if there is one that can be read.
    broken : str
        Why the sign-off is void; empty when it holds, or there is none.
    observed : (datetime.date, datetime.date) or None
        Days of the first and of the last exposure.
    kind : Kind or None
    darks : frozenset of str
        Digests of its input files.
    made : dict of str to str
        SHA-256 of masks and catalogues by path in the folder, as its manifest lists them.
    """

    folder: Path
    state: str
    notes: tuple[str, ...] = ()
    results: Results | None = None
    signed: Signoff | None = None
    broken: str = ""
    observed: tuple[date, date] | None = None
    kind: Kind | None = None
    darks: frozenset[str] = frozenset()
    made: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.name

    @property
    def not_for_delivery(self) -> bool:
        """Whether it judged simulated darks, or by the bounds of the demo."""
        return self.results is not None and (self.results.delivery.simulated or self.results.criteria.name == "demo")

    @property
    def standing(self) -> str:
        """``accepted``, ``rejected``, ``void`` (a sign-off that does not hold) or ``unsigned``."""
        if self.broken:
            return "void"
        return "unsigned" if self.signed is None else f"{self.signed.decision}ed"

    @property
    def counts_as_pass(self) -> bool:
        """Whether it may be delivered: it passed, somebody accepted it, and it is what was signed."""
        return self.state == "pass" and self.standing == "accepted" and not self.not_for_delivery

    @property
    def is_measured(self) -> bool:
        """Whether its numbers can be used: it is whole and as its run left it, whatever the verdict."""
        return self.state in ("pass", "fail")

    def file(self, name: str) -> Path | None:
        """Return a mask or catalogue, by its path in the folder, if it is what the run left; None if it is not."""
        path = self.folder / name
        return path if name in self.made and _is(path, self.made[name]) else None


def find_reports(folder: Path) -> list[Report]:
    """Return the reports of a folder in the order of the last day of observation; those without a day come last.

    Parameters
    ----------
    folder : Path
        What ``--reports`` named.

    Raises
    ------
    OverviewError
        When it is no folder, or holds no report.
    """
    folder = Path(os.path.abspath(folder))
    if not folder.is_dir():
        raise OverviewError(f"There is no folder {folder}: give the folder that --reports named.")
    if (folder / FILE).exists():
        raise OverviewError(f"{folder} is one report: give the folder that holds it, {folder.parent}.")
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise OverviewError(f"{folder} cannot be read ({error.strerror}): make it readable.") from error
    found = [_read(path) for path in inside if _holds_part(path)]
    if not found:
        raise OverviewError(f"{folder} holds no report: give the folder that --reports named, or run the checks first.")
    return sorted(found, key=_in_time)


def once(reports: list[Report]) -> tuple[list[Report], dict[str, str]]:
    """Return the reports to compare, and of the others what has the same darks and is compared in their place.

    Darks that were judged twice are one epoch and not two: the report that was finished last stands for them.

    Parameters
    ----------
    reports : list of Report
        Of one kind.

    Returns
    -------
    list of Report
    dict of str to str
        Name of the folder that stands for another, by the other's name.
    """
    kept: list[Report] = []
    instead: dict[str, str] = {}
    for report in sorted(reports, key=lambda one: (-len(one.darks), *_latest_first(one))):
        same = next((other for other in kept if report.darks and report.darks <= other.darks), None)
        if same is None:
            kept.append(report)
        else:
            instead[report.name] = same.name
    return sorted(kept, key=_in_time), instead


def _latest_first(report: Report) -> tuple[float, str]:
    return (-report.results.finished.timestamp() if report.results else 0.0, report.name)


def _in_time(report: Report) -> tuple:
    day = report.observed[1] if report.observed else date.max
    return (day, report.results.finished.timestamp() if report.results else 0.0, report.name)


def _holds_part(path: Path) -> bool:
    try:
        return not set(_PARTS).isdisjoint(os.listdir(path))
    except OSError:  # of which nobody can say that it is none
        return True


def _read(folder: Path) -> Report:
    signed, broken = _signoff(folder)
    try:
        results = read_results(folder / FILE)
    except DarkmaskError as error:
        return Report(folder, "unreadable", (_here(folder, error),), signed=signed, broken=broken)
    manifest = _manifest(folder)
    made = _listed(manifest)
    state, notes = _state(folder, results, manifest)
    how = HowRun.of_report(folder, results)
    kind = Kind(results.delivery.simulated, results.frame, how.engine, how.search, how.made_masks)
    observed = results.delivery.observed
    days = (observed.first, observed.last) if observed else None
    report = Report(folder, state, notes, results, signed, broken, days, kind, darks_in(manifest), made)
    if days is None and report.is_measured:
        days = _days_of_masks(report)
        said = "Days of observation are from the headers of its masks" if days else "No day of observation is known"
        return Report(folder, state, (*notes, f"{said}."), results, signed, broken, days, kind, report.darks, made)
    return report


def _state(folder: Path, results: Results, manifest: dict) -> tuple[str, tuple[str, ...]]:
    if not results.complete or results.verdict == "incomplete":
        return "incomplete", ("Not every check has run: it was selected or broken off, or is still running.",)
    listed = manifest.get("report")
    if not isinstance(listed, dict):
        return "changed", (f"No manifest.json tells that {FILE} is what its run left: run the checks again.",)
    if listed.get(FILE) != sha256_file(folder / FILE):
        return "changed", (f"{FILE} is not the file that its manifest.json lists: run the checks again.",)
    # What is gone says nothing wrong: some keep verdicts and numbers of old reports alone.
    there = {name: digest for name, digest in sorted(_listed(manifest).items()) if os.path.lexists(folder / name)}
    altered = [name for name, digest in there.items() if not _is(folder / name, digest)]
    if altered:
        more = f", nor are {len(altered) - 1} more files," if len(altered) > 1 else ""
        return "changed", (f"{altered[0]} is not the file that its manifest.json lists{more}: run the checks again.",)
    return results.verdict, ()


def _is(path: Path, digest: str) -> bool:
    """Return whether a file is there and has this SHA-256."""
    try:
        return path.is_file() and remembered_digest(path, SHA256) == digest
    except OSError:
        return False


def _signoff(folder: Path) -> tuple[Signoff | None, str]:
    if not os.path.lexists(folder / RECORD):
        return None, ""
    try:
        record = read_signoff(folder)
        problems = verify(folder)
    except DarkmaskError as error:
        return None, _here(folder, error)
    except OSError as error:
        return None, f"What was signed cannot be read ({error.strerror})."
    return record, problems[0] if problems else ""


def _manifest(folder: Path) -> dict:
    try:
        return read_json(folder / "manifest.json")
    except DarkmaskError:
        return {}


def _listed(manifest: dict) -> dict[str, str]:
    parts = ((part, manifest.get(part)) for part in ("masks", "catalogues"))
    return {f"{part}/{name}": str(d) for part, sums in parts if isinstance(sums, dict) for name, d in sums.items()}


def _days_of_masks(report: Report) -> tuple[date, date] | None:
    days = []
    for name in sorted(report.made):
        # Only a file of a plain name: a manifest may have been written by anybody.
        if Path(name).name == name.removeprefix("masks/") and (path := report.file(name)):
            try:
                words = str(read_header(path).get("PEDIGREE", "")).split()
                days += [date.fromisoformat(word) for word in words[1:3]] if words[:1] == ["INFLIGHT"] else []
            except (DarkmaskError, ValueError):
                continue
    return (min(days), max(days)) if days else None


def _here(folder: Path, error: Exception) -> str:
    """Return a sentence without the path of the folder, which differs from machine to machine."""
    return str(error).replace(f"{folder}{os.sep}", "").replace(str(folder), "the folder")


def detectors_of(reports: list[Report]) -> list[str]:
    """Return NIRCam's detectors that these reports judged, in the order in which they are listed everywhere."""
    judged = {name for report in reports if report.results for name in report.results.judged}
    return [name for name in DETECTORS if name in judged]
