"""What a scan of a delivery finds: files, exposures, sets and problems, as plain values that travel as JSON."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from darkmask.core.display import counted, one_line
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

    def differences(self, other: "SetKey") -> str:
        """Return what two sets differ in, with as many digits as it takes: ``NGROUPS (8 and 10)``."""
        keywords = ("DETECTOR", "SUBARRAY", "NOUTPUTS", "READPATT", "NGROUPS", "TGROUP")
        pairs = zip(keywords, self, other, strict=True)
        return ", ".join(f"{keyword} ({one} and {two})" for keyword, one, two in pairs if one != two)


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
    segments, segment : int
        EXSEGTOT, the number of segments that a long exposure is split into, and EXSEGNUM, which of them this is; a
        segment holds fewer integrations than NINTS says.
    intstart, intend : int or None
        INTSTART and INTEND, the first and last integration that the file holds, counted from 1 over the exposure.
    tframe : float or None
        Time of a frame, s.
    size, modified : int
        Size in bytes, and time of the last change in nanoseconds.
    arrays : dict of str to ArrayPlace
        The image extensions that a search reads.
    began : float or None
        Beginning of the exposure, MJD (UTC), whatever INT_TIMES says; None when no keyword tells.
    times : tuple of float
        Middle of each integration, MJD (UTC); empty when the headers do not say it.
    lasting : float or None
        How long the integrations lasted by INT_TIMES, s; None when it does not say it.
    identity : tuple of str
        Program, observation, visit, group, sequence, activity and number of the exposure; empty when one is not said.
    program : str
        Empty when the headers do not say it.
    temperature : float or None
        Of the detector, K; None when the headers do not say it.
    made_by : dict
        The version of the pipeline, and the reference files (:data:`.made.KEYWORDS`); what the headers do not say is
        not there.
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
    segment: int = 1
    intstart: int | None = None
    intend: int | None = None
    tframe: float | None = None
    times: tuple[float, ...] = ()
    lasting: float | None = None
    began: float | None = None
    identity: tuple[str, ...] = ()
    program: str = ""
    temperature: float | None = None
    made_by: dict[str, str] = field(default_factory=dict)

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
    """One whole exposure: its triplet of files, or those of all its segments.

    Attributes
    ----------
    jump, fitopt : FileRecord
        Of the first segment, when there are several.
    rate : FileRecord
        The ``_rateints`` file if there is one, else the ``_rate`` file of a single integration.
    further : tuple of Exposure
        The triplets of the second and later segments, in order; none of them has further ones.
    """

    jump: FileRecord
    fitopt: FileRecord
    rate: FileRecord
    further: "tuple[Exposure, ...]" = ()

    @property
    def key(self) -> str:
        return self.jump.key

    @property
    def set_key(self) -> SetKey:
        return self.jump.set_key

    @property
    def segments(self) -> "tuple[Exposure, ...]":
        """The exposure's triplets, in the order of their integrations."""
        return (replace(self, further=()), *self.further) if self.further else (self,)

    @property
    def integrations(self) -> int:
        """The number of integrations in all segments."""
        return sum(segment.jump.shape[0] for segment in self.segments)

    @property
    def files(self) -> tuple[FileRecord, ...]:
        """Jump, fitopt and rate of each segment in turn."""
        return tuple(record for segment in self.segments for record in (segment.jump, segment.fitopt, segment.rate))

    @property
    def times(self) -> tuple[float, ...]:
        """The middle of each integration, MJD (UTC), as ramps or their rates say; empty when one of them says none."""
        each = [segment.jump.times or segment.rate.times for segment in self.segments]
        return tuple(time for times in each for time in times) if all(each) else ()

    def __repr__(self) -> str:
        what = f"{counted(self.integrations, 'integration')} of {counted(self.jump.ngroups, 'group')}"
        parts = counted(len(self.segments), "segment") if self.further else ""
        return one_line("Exposure", f"{self.jump.detector} {self.jump.subarray}", what, parts, self.jump.path)
