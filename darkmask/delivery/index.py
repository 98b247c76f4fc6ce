"""What a scan finds in a folder: files, exposures, sets and problems, as plain values that travel as JSON."""

from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path

from darkmask.core.display import counted, html_table, one_line
from darkmask.core.errors import DeliveryError
from darkmask.core.remote import shown_place

from .records import ArrayPlace, Exposure, FileRecord, Kind, SetKey


class ProblemKind(StrEnum):
    """Which question of the DLV family a problem answers."""

    FOLDER = "folder"
    FILE = "file"
    TRIPLET = "triplet"
    GEOMETRY = "geometry"
    READOUT = "readout"


@dataclass(frozen=True)
class Problem:
    """Something wrong with a delivery, in one sentence.

    Attributes
    ----------
    detectors : tuple of str
        The detectors it concerns; empty when that cannot be told: then it concerns all.
    subarray : str or None
        None when it cannot be told.
    observation : str
        Empty when it cannot be told.
    because : str
        Another file of the delivery that cannot be used, and has a problem of its own that says why; empty when the
        problem has no such reason.
    unreached : bool
        Whether the file lies elsewhere and did not come, so that it may be as it should.
    """

    kind: ProblemKind
    sentence: str
    file: str = ""
    detectors: tuple[str, ...] = ()
    subarray: str | None = None
    observation: str = ""
    because: str = ""
    unreached: bool = False

    def concerns(self, detector: str, subarray: str | None = None) -> bool:
        """Return whether the problem is one of this detector (and of this subarray, when one is named)."""
        if self.detectors and detector not in self.detectors:
            return False
        return subarray is None or self.subarray is None or self.subarray == subarray


@dataclass(frozen=True)
class DeliveryIndex:
    """All that the headers of a delivery say; enough to decide which checks to expect.

    Attributes
    ----------
    folder : str
        Absolute path; of a folder that lies elsewhere, the one by which it is known here.
    files : tuple of FileRecord
        The readable files, ordered by path.
    exposures : tuple of Exposure
        Whole triplets, ordered by key.
    problems : tuple of Problem
    raw : tuple of FileRecord
        The readable ``_uncal`` files, ordered by path; no search reads them.
    """

    folder: str
    files: tuple[FileRecord, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    problems: tuple[Problem, ...] = ()
    raw: tuple[FileRecord, ...] = ()

    @property
    def detectors(self) -> tuple[str, ...]:
        return tuple(sorted({file.detector for file in self.files}))

    @property
    def place(self) -> str:
        """Where the delivery lies, for people: its folder, or its address."""
        return shown_place(self.folder)

    @property
    def simulated(self) -> bool:
        return any(file.simulated for file in self.files)

    @property
    def days(self) -> tuple[str, str] | None:
        """The days of the first and the last exposure, ISO 8601; None where no header says a day."""
        found = set()
        for file in self.files:
            with suppress(ValueError):
                found.add(date.fromisoformat(file.date_obs or "").isoformat())
        return (min(found), max(found)) if found else None

    def sets(self, detector: str, subarray: str) -> dict[SetKey, tuple[Exposure, ...]]:
        """Return the sets of one detector and subarray, the one with most integrations first."""
        groups: dict[SetKey, list[Exposure]] = {}
        for exposure in self.exposures:
            key = exposure.set_key
            if (key.detector, key.subarray) == (detector, subarray):
                groups.setdefault(key, []).append(exposure)
        order = sorted(groups, key=lambda key: (-sum(e.integrations for e in groups[key]), key))
        return {key: tuple(groups[key]) for key in order}

    def main_set(self, detector: str, subarray: str) -> tuple[Exposure, ...]:
        """Return the exposures of the largest set, which is the one searched; empty when there is none."""
        return next(iter(self.sets(detector, subarray).values()), ())

    def problems_of(self, detector: str, subarray: str | None, *kinds: ProblemKind) -> list[Problem]:
        """Return the problems of these kinds that concern a detector (and subarray)."""
        return [p for p in self.problems if p.kind in kinds and p.concerns(detector, subarray)]

    def require_reached(self, detector: str) -> None:
        """Refuse to search a detector without files that lie elsewhere and did not come: the network would decide.

        Raises
        ------
        DeliveryError
        """
        for problem in self.problems_of(detector, None, *ProblemKind):
            if problem.unreached:
                raise DeliveryError(problem.sentence)

    def without_observations(self, observations) -> "DeliveryIndex":
        """Return the same delivery without some observations (a cool-down set is never merged).

        Observations are compared as the three digits of OBSERVTN: 3 and 003 are the same.
        """
        excluded = {observation.zfill(3) for observation in observations}
        return replace(
            self,
            files=tuple(f for f in self.files if f.observation.zfill(3) not in excluded),
            exposures=tuple(e for e in self.exposures if e.jump.observation.zfill(3) not in excluded),
            problems=tuple(p for p in self.problems if not p.observation or p.observation.zfill(3) not in excluded),
            raw=tuple(f for f in self.raw if f.observation.zfill(3) not in excluded),
        )

    def path(self, record: FileRecord) -> Path:
        return Path(self.folder) / record.path

    def __repr__(self) -> str:
        found = f"{counted(len(self.exposures), 'exposure')} of {counted(len(self.detectors), 'detector')}"
        problems = counted(len(self.problems), "problem") if self.problems else ""
        raw = counted(len(self.raw), "raw file") if self.raw else ""
        return one_line("DeliveryIndex", found, problems, raw, self.place)

    def _repr_html_(self) -> str:
        rows = [
            (key.detector, key.subarray, len(exposures), sum(e.integrations for e in exposures), key.ngroups)
            for detector in self.detectors
            for subarray in sorted({file.subarray for file in self.files if file.detector == detector})
            for key, exposures in self.sets(detector, subarray).items()
        ]
        header = ("detector", "subarray", "exposures", "integrations", "groups")
        shown = html_table(f"Delivery {self.place}", header, rows)
        if self.problems:
            shown += html_table("Left out", ("why",), [(problem.sentence,) for problem in self.problems])
        return shown

    def to_json(self) -> dict:
        """Return plain values; :meth:`from_json` is the inverse."""
        return {
            "folder": self.folder,
            "files": [asdict(file) for file in self.files],
            "exposures": [[self.files.index(file) for file in exposure.files] for exposure in self.exposures],
            "problems": [asdict(problem) for problem in self.problems],
            "raw": [asdict(file) for file in self.raw],
        }

    @classmethod
    def from_json(cls, data: dict) -> "DeliveryIndex":
        files = tuple(record_from_json(record) for record in data["files"])
        problems = tuple(
            Problem(
                **{**item, "kind": ProblemKind(item["kind"]), "detectors": tuple(item["detectors"])},
            )
            for item in data["problems"]
        )
        exposures = tuple(_of_files([files[i] for i in indices]) for indices in data["exposures"])
        raw = tuple(record_from_json(record) for record in data["raw"])
        return cls(data["folder"], files, exposures, problems, raw)


def _of_files(files: list[FileRecord]) -> Exposure:
    """Return the exposure whose files these are, as :attr:`Exposure.files` lists them."""
    first, *further = (Exposure(files[i], files[i + 1], files[i + 2]) for i in range(0, len(files), 3))
    return replace(first, further=tuple(further))


def record_from_json(record: dict) -> FileRecord:
    """Return a record of which :func:`dataclasses.asdict` gave the plain values."""
    arrays = {
        name: ArrayPlace(offset, tuple(shape), *stored) for name, (offset, shape, *stored) in record["arrays"].items()
    }
    lists = {name: tuple(record[name]) for name in ("shape", "times", "identity")}
    plain = {"kind": Kind(record["kind"]), **lists}
    return FileRecord(**{**record, **plain, "arrays": arrays})
