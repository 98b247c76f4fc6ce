"""Two reports side by side, as values."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from darkmask.core.detectors import DETECTORS

from .opened import OpenedReport
from .outcome import Asked, Cause, Count, cause_differences, check_differences, count_differences
from .pixels import PixelDifference, pixel_differences
from .running import Otherwise, run_differences


@dataclass(frozen=True)
class ReportDifference:
    """What differs between two reports.

    Attributes
    ----------
    a, b : str
        Their folders.
    verdicts : (str, str)
    run : tuple of Otherwise
        How they were made.
    causes : tuple of Cause
        Why they failed, what both say included.
    checks : tuple of Asked
    counts : tuple of Count
    pixels : tuple of PixelDifference
        Of each detector that was judged in both, and what could not be compared.
    altered : (tuple of str, tuple of str)
        Catalogues and other files of each report that are not what its run left.
    """

    a: str
    b: str
    verdicts: tuple[str, str]
    run: tuple[Otherwise, ...]
    causes: tuple[Cause, ...]
    checks: tuple[Asked, ...]
    counts: tuple[Count, ...]
    pixels: tuple[PixelDifference, ...]
    altered: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def differs(self) -> bool:
        """Whether anything differs, or could not be compared."""
        causes = any(cause.where != "both" for cause in self.causes)
        pixels = any(part.differs for part in self.pixels)
        verdict = self.verdicts[0] != self.verdicts[1]
        return bool(verdict or self.run or causes or self.checks or self.counts or pixels or any(self.altered))

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "a": self.a,
            "b": self.b,
            "differs": self.differs,
            "verdicts": list(self.verdicts),
            "run": [row._asdict() for row in self.run],
            "causes": [{**cause._asdict(), "where": cause.where} for cause in self.causes],
            "checks": [check._asdict() for check in self.checks],
            "counts": [count._asdict() for count in self.counts],
            "pixels": [asdict(part) for part in self.pixels],
            "altered": [list(names) for names in self.altered],
        }


def compare_reports(a: Path, b: Path) -> ReportDifference:
    """Compare two report folders.

    Parameters
    ----------
    a, b : Path

    Returns
    -------
    ReportDifference

    Raises
    ------
    DarkmaskError
        When one is no report, or its results are not what its run wrote.
    """
    reports = OpenedReport.of(a), OpenedReport.of(b)
    judged = [set(report.results.judged) for report in reports]
    return ReportDifference(
        str(a),
        str(b),
        (reports[0].results.verdict, reports[1].results.verdict),
        run_differences(*reports),
        cause_differences(*reports),
        check_differences(*reports),
        count_differences(*reports),
        tuple(
            part
            for detector in DETECTORS
            if detector in judged[0] & judged[1]
            for part in pixel_differences(*reports, detector)
        ),
        (reports[0].altered(), reports[1].altered()),
    )
