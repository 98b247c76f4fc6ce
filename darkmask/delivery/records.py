"""What a scan of a delivery finds: files, exposures, sets and problems, as plain values that travel as JSON."""

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from darkmask.core.display import counted, html_table, one_line
from darkmask.core.window import Window


class Kind(StrEnum):
    """A product of the pipeline that a delivery is made of."""

    JUMP = "jump"
    FITOPT = "fitopt"
    RATE = "rate"
    RATEINTS = "rateints"
    UNCAL = "uncal"


class SetKey(NamedTuple):
    """Exposures with equal keys form a set; sets are never mixed."""

    detector: str
    subarray: str
    noutputs: int
    readpatt: str
    ngroups: int
    tgroup: float

    def __str__(self) -> str:
        return (
            f"{self.detector} {self.subarray} {self.readpatt} {self.ngroups} groups of {self.tgroup:g} s, "
            f"{self.noutputs} outputs"
        )


class ArrayPlace(NamedTuple):
    """Where an image extension's array lies in its file, and how it is stored."""

    offset: int
    shape: tuple[int, ...]
    bitpix: int
    bzero: float
    bscale: float


@dataclass(frozen=True)
class FileRecord:
    """One FITS file of a delivery, as its headers describe it.

    Attributes
    ----------
    path : str
        Relative to the delivery's folder.
    kind : Kind
    key : str
        The exposure that the file belongs to, the same for its partners.
    shape : tuple of int
        Shape of the science array: (nint, ngroup, y, x) for jump, (nint, y, x) or (y, x) for the others.
    steps : dict
        The S_* keywords.
    xstart, ystart : int
        SUBSTRT1 and SUBSTRT2, counted from 1.
    segments : int
        EXSEGTOT, the number of files that a long exposure is split into; a segment holds fewer integrations than NINTS
        says.
    size, modified : int
        Size in bytes, and time of the last change in nanoseconds.
    arrays : dict of str to ArrayPlace
        The image extensions that a search reads.
    times : tuple of float
        Middle of each integration, MJD (UTC); empty when the headers do not say it.
    """

    path: str
    kind: Kind
    key: str
    detector: str
    subarray: str
    shape: tuple[int, ...]
    nints: int
    ngroups: int
    noutputs: int
    readpatt: str
    tgroup: float
    exp_type: str
    observation: str
    date_obs: str
    steps: dict[str, str]
    xstart: int
    ystart: int
    xsize: int
    ysize: int
    fastaxis: int
    slowaxis: int
    segments: int
    simulated: bool
    size: int
    modified: int
    arrays: dict[str, ArrayPlace]
    times: tuple[float, ...] = ()

    @property
    def window(self) -> Window:
        """The part of the full frame that the file holds, by its headers."""
        return Window(self.xstart, self.ystart, self.xsize, self.ysize)

    @property
    def set_key(self) -> SetKey:
        return SetKey(self.detector, self.subarray, self.noutputs, self.readpatt, self.ngroups, self.tgroup)

    def __repr__(self) -> str:
        return one_line("FileRecord", self.kind, f"{self.detector} {self.subarray}", self.shape, self.path)


@dataclass(frozen=True)
class Exposure:
    """One whole triplet.

    Attributes
    ----------
    rate : FileRecord
        The ``_rateints`` file if there is one, else the ``_rate`` file of a single integration.
    """

    jump: FileRecord
    fitopt: FileRecord
    rate: FileRecord

    @property
    def key(self) -> str:
        return self.jump.key

    @property
    def set_key(self) -> SetKey:
        return self.jump.set_key

    @property
    def integrations(self) -> int:
        return self.jump.shape[0]

    @property
    def times(self) -> tuple[float, ...]:
        """The middle of each integration, MJD (UTC), as the ramp or its rates say; empty when neither does."""
        return self.jump.times or self.rate.times

    @property
    def files(self) -> tuple[FileRecord, FileRecord, FileRecord]:
        return self.jump, self.fitopt, self.rate

    def __repr__(self) -> str:
        what = f"{counted(self.integrations, 'integration')} of {counted(self.jump.ngroups, 'group')}"
        return one_line("Exposure", f"{self.jump.detector} {self.jump.subarray}", what, self.jump.path)


class ProblemKind(StrEnum):
    """Which question of the DLV family a problem answers."""

    FOLDER = "folder"
    FILE = "file"
    TRIPLET = "triplet"
    GEOMETRY = "geometry"


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
    """

    kind: ProblemKind
    sentence: str
    file: str = ""
    detectors: tuple[str, ...] = ()
    subarray: str | None = None
    observation: str = ""

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
        Absolute path.
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
    def simulated(self) -> bool:
        return any(file.simulated for file in self.files)

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
        return one_line("DeliveryIndex", found, problems, raw, self.folder)

    def _repr_html_(self) -> str:
        rows = [
            (key.detector, key.subarray, len(exposures), sum(e.integrations for e in exposures), key.ngroups)
            for detector in self.detectors
            for subarray in sorted({file.subarray for file in self.files if file.detector == detector})
            for key, exposures in self.sets(detector, subarray).items()
        ]
        header = ("detector", "subarray", "exposures", "integrations", "groups")
        shown = html_table(f"Delivery {self.folder}", header, rows)
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
        files = tuple(_record_from_json(record) for record in data["files"])
        problems = tuple(
            Problem(
                **{**item, "kind": ProblemKind(item["kind"]), "detectors": tuple(item["detectors"])},
            )
            for item in data["problems"]
        )
        exposures = tuple(Exposure(*(files[i] for i in triple)) for triple in data["exposures"])
        raw = tuple(_record_from_json(record) for record in data["raw"])
        return cls(data["folder"], files, exposures, problems, raw)


def _record_from_json(record: dict) -> FileRecord:
    arrays = {
        name: ArrayPlace(offset, tuple(shape), *stored) for name, (offset, shape, *stored) in record["arrays"].items()
    }
    plain = {"kind": Kind(record["kind"]), "shape": tuple(record["shape"]), "times": tuple(record["times"])}
    return FileRecord(**{**record, **plain, "arrays": arrays})
