"""Read earlier results of the same detectors in order of time, and refuse what cannot be compared."""

import os
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np

from darkmask.build.told import Teller, categories_of, flags_of
from darkmask.core.atomic import sha256_file
from darkmask.core.errors import DarkmaskError, MaskError
from darkmask.masks.file import read_mask
from darkmask.masks.folder import scan_masks
from darkmask.masks.kinds import kinds_of_mask, read_categories, read_kinds

from .how_run import HowRun, darks_in
from .results import Results, read_json, read_results, require_as_written

DAYS_IN_A_YEAR = 365.25


class HistoryError(DarkmaskError):
    """An earlier result cannot be compared with this run."""


@dataclass(frozen=True)
class Earlier:
    """The results of a run that ended before this one began.

    Attributes
    ----------
    path : str
        Path of its ``results.json``.
    folder : str
        Folder of its masks.
    sha256 : str
        Digest of ``results.json``.
    name, verdict, criteria : str
        Name of the delivery, verdict of the run, and criteria that it was judged by.
    finished : str
        End of the run, ISO 8601, with a time zone.
    observed : str or None
        Day of its last exposure, ISO 8601.
    values : tuple of (str, str, str, float)
        Criterion, detector, subarray and measured value of every check that measured one.
    otherwise : tuple of str
        What differs in how the run was made from the one that it is compared with, a clause for each.
    another_base : bool
        Whether the mask in force was another one, or nothing tells.
    made_alike : bool
        Whether that run would have made the same of the same darks.
    """

    path: str
    folder: str
    sha256: str
    name: str
    verdict: str
    criteria: str
    finished: str
    observed: str | None
    values: tuple[tuple[str, str, str, float], ...]
    otherwise: tuple[str, ...] = ()
    another_base: bool = False
    made_alike: bool = False

    def value(self, criterion: str, detector: str, subarray: str = "FULL") -> float:
        """Return a measured value; raise :class:`HistoryError` when that run measured none."""
        for key in self.values:
            if key[:3] == (criterion, detector, subarray):
                return key[3]
        raise HistoryError(
            f"{self.path} has no measured {criterion} of {detector} {subarray}: compare with another run."
        )

    def years_until(self, observed: str | None, now: datetime) -> float:
        """Return the years from its last exposure to another's, at least 0.

        Parameters
        ----------
        observed : str or None
            Day of the other's last exposure, ISO 8601.
        now : datetime.datetime
            Time of the other run: where one of the two days is not known, the runs stand for them.
        """
        if self.observed and observed:
            days = (date.fromisoformat(observed) - date.fromisoformat(self.observed)).days
        else:
            days = (now - datetime.fromisoformat(self.finished)).days
        return max(days, 0) / DAYS_IN_A_YEAR

    def unusable(self, detector: str) -> tuple[float | None, float | None]:
        """Return the shares of science pixels that were DO_NOT_USE: by what the search found, and of all.

        Parameters
        ----------
        detector : str

        Returns
        -------
        (float or None, float or None)
            Before CNT-CARRIED was asked, CNT-DO_NOT_USE counted all, and nothing tells what was found; where it was
            asked and not measured, nothing tells how many there were of all.

        Raises
        ------
        HistoryError
            When that run did not measure CNT-DO_NOT_USE of this detector.
        """
        counted = self.value("CNT-DO_NOT_USE", detector)
        carried = [key for key in self.values if key[0] == "CNT-CARRIED"]
        if not carried:
            return None, counted
        of_this = [key[3] for key in carried if key[1:3] == (detector, "FULL")]
        return counted, counted + of_this[0] if of_this else None

    @classmethod
    def of(cls, path: Path, results: Results, now: HowRun | None = None) -> "Earlier":
        """Keep what is needed of a results file, and how its run differed from how this one is made."""
        observed = results.delivery.observed
        before = HowRun.of_report(path.parent, results)
        return cls(
            path=str(path),
            folder=str(path.parent),
            sha256=sha256_file(path),
            name=results.delivery.name,
            verdict=results.verdict,
            criteria=results.criteria.name,
            finished=results.finished.isoformat(),
            observed=observed.last.isoformat() if observed else None,
            values=tuple((c.id, c.detector, c.subarray, c.measured) for c in results.checks if c.measured is not None),
            otherwise=now.differences(before) if now else (),
            another_base=now is not None and now.another_base(before),
            made_alike=now is not None and now.makes_alike(before),
        )

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> "Earlier":
        values = tuple(tuple(value) for value in data["values"])
        return cls(**{**data, "values": values, "otherwise": tuple(data["otherwise"])})

    def file(self, name: str) -> Path:
        """Return a mask or category file that lies beside the results, if it is what their run wrote.

        Raises
        ------
        HistoryError
            When the file is gone or was changed, or nothing tells what it was.
        """
        path = Path(self.folder) / "masks" / name
        listed = self._listed().get(name)
        if listed is None or not path.is_file():
            raise HistoryError(
                f"{path}, of the earlier results {self.path}, is gone or in no manifest.json: bring the whole report "
                "folder back, or compare with another run."
            )
        if sha256_file(path) != listed:
            raise HistoryError(
                f"{path}, of the earlier results {self.path}, is not the file that its manifest.json lists: bring the "
                "right one back, or compare with another run."
            )
        return path

    def bad_pixels(self, detector: str, shape: tuple[int, int], *, categories: bool) -> dict[str, np.ndarray]:
        """Return the bad pixels of a detector by kind, as :func:`kinds_of_categories` or :func:`kinds_of_mask` does.

        Parameters
        ----------
        detector : str
        shape : (int, int)
            Shape of the full frame.
        categories : bool
            Whether categories are wanted; an earlier run that was given its masks has none.

        Raises
        ------
        DarkmaskError
            When the files are gone, changed, unreadable or of another frame.
        """
        name = f"{detector.lower()}_full_categories.fits"
        found = read_kinds(self.file(name)) if categories else kinds_of_mask(self.mask(detector))
        for there in found.values():
            if there.shape != shape:
                raise HistoryError(
                    f"{self.path} has masks of {there.shape[1]}x{there.shape[0]} pixels and this run "
                    f"{shape[1]}x{shape[0]}: compare with a run of the same frame."
                )
        return found

    def judged_darks(self, digests: Collection[str]) -> bool:
        """Return whether that run was given files of these SHA-256, all of them; False for none."""
        return bool(digests) and darks_in(self._manifest()).issuperset(digests)

    def judged_mask(self, digest: str) -> bool:
        """Return whether that run made, or was given, a mask of this SHA-256."""
        return digest in self._listed().values()

    def told(self, detector: str) -> Teller:
        """Return what that run's category image says of each pixel, or its mask; raises as :meth:`bad_pixels`."""
        if self.has_categories(detector):
            return categories_of(*read_categories(self.file(f"{detector.lower()}_full_categories.fits")))
        return flags_of(self.mask(detector))

    def mask(self, detector: str) -> np.ndarray:
        """Return the DQ of that run's mask of a detector, uint32 (y, x); raises as :meth:`bad_pixels`."""
        try:
            path = scan_masks(Path(self.folder) / "masks").path_of(detector)
        except MaskError as error:
            if "more than one mask" in str(error):
                raise HistoryError(str(error)) from error
            raise HistoryError(
                f"{self.path} has no mask of {detector} beside it: bring the whole report folder back, or compare with "
                "another run."
            ) from error
        return read_mask(self.file(path.name)).decoded

    def has_categories(self, detector: str) -> bool:
        """Return whether that run made category images of a detector."""
        return f"{detector.lower()}_full_categories.fits" in self._listed()

    def _listed(self) -> dict:
        listed = self._manifest().get("masks")
        return listed if isinstance(listed, dict) else {}

    def _manifest(self) -> dict:
        try:
            return read_json(Path(self.folder) / "manifest.json")
        except DarkmaskError:
            return {}


def read_history(
    paths: Sequence[Path],
    *,
    now: datetime,
    detectors: Sequence[str],
    frame: int,
    simulated: bool,
    engine: tuple[str, str],
    how: HowRun | None = None,
) -> tuple[Earlier, ...]:
    """Read earlier results and put them in the order of time.

    Parameters
    ----------
    paths : sequence of Path
        ``results.json`` files.
    now : datetime.datetime
        Start of this run; every earlier one must have finished before.
    detectors : sequence of str
        Detectors that this run judges.
    frame : int
        Pixels along each side of a full frame.
    simulated : bool
        Whether this run judges simulated darks.
    engine : (str, str)
        Engine and search of this run.
    how : HowRun, optional
        How this run is made: what differs is named, and compared all the same.

    Returns
    -------
    tuple of Earlier
        Earlier results, the latest last.

    Raises
    ------
    DarkmaskError
        When a file is not a results file, or its run did not end, or had other detectors, another frame or another
        search, or when its time is impossible: not before this run, or equal to that of another run.
    """
    found: dict[datetime, Earlier] = {}
    for path in paths:
        path = Path(os.path.abspath(path))
        results = read_results(path)
        require_as_written(path)
        _check_when(path, results, now, found)
        if difference := _difference(results, set(detectors), frame, simulated, engine):
            raise HistoryError(f"{path} is of {difference}.")
        found[results.finished] = Earlier.of(path, results, how)
    return tuple(found[time] for time in sorted(found))


def _check_when(path: Path, results: Results, now: datetime, found: dict[datetime, Earlier]) -> None:
    """Refuse a run unless it ended, before this one, and at another time than those that were found already."""
    if not results.complete or results.verdict == "incomplete":
        raise HistoryError(f"{path} is of a run in which not every check has run: give results of a whole run.")
    if results.finished >= now:
        raise HistoryError(
            f"{path} was finished at {results.finished.isoformat()}, which is not before this run "
            f"({now.isoformat(timespec='seconds')}): a clock is wrong; correct it, or leave the file out."
        )
    if results.finished in found:
        raise HistoryError(
            f"{path} and {found[results.finished].path} were both finished at {results.finished.isoformat()}: a "
            "clock stood still, or one run is given twice; leave one out."
        )


def _difference(results: Results, detectors: set[str], frame: int, simulated: bool, engine: tuple[str, str]) -> str:
    """Return the differences in kind between an earlier run and this one, as a clause; empty when there are none."""
    if set(results.judged) != detectors:
        theirs, ours = (", ".join(sorted(names)) or "none" for names in (set(results.judged), detectors))
        return f"other detectors ({theirs}) than this run ({ours}): compare with the same detectors"
    if results.frame not in (None, frame):
        return f"frames of {results.frame} pixels and this run of {frame}: compare with the same frame"
    if results.delivery.simulated != simulated:
        kinds = ("simulated", "real") if results.delivery.simulated else ("real", "simulated")
        return f"{kinds[0]} darks and this run of {kinds[1]} ones: compare like with like"
    before = (results.engine.name, results.engine.search)
    if before != engine:
        return f"the search {' '.join(before)} and this run of {' '.join(engine)}: search as before"
    return ""
