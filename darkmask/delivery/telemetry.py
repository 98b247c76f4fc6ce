"""Read the temperature of the detectors from telemetry, and say what it was while darks were taken.

The table (ECSV) has the columns ``time`` (MJD, or UTC in ISO 8601) and ``value`` (K). A column ``detector`` tells which
detector a row is of; without it, or where it is empty, a row is of all.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from darkmask.core.atomic import sha256_file
from darkmask.core.detectors import DETECTORS
from darkmask.core.errors import ParameterError

from .tables import read_table
from .times import SECONDS_PER_DAY

COLUMNS = ("time", "value")
# A detector is colder than the room, and never as cold as nothing.
_COLDEST, _WARMEST = 1.0, 400.0
# Telemetry that pauses for longer says nothing of what lies between.
LONGEST_GAP = 3600.0 / SECONDS_PER_DAY
_FIRST_DAY, _LAST_DAY = 51544.0, 88069.0  # 2000-01-01 and 2100-01-01
# A day of one value a second, for each detector, is a hundredth of it.
_LARGEST = 500_000_000


@dataclass(frozen=True)
class Telemetry:
    """Temperatures by time.

    Attributes
    ----------
    name, sha256 : str
        Of the file.
    rows : tuple of (str, float, float)
        Detector (empty: all of them), MJD (UTC) and temperature in K, in the order of time.
    """

    name: str
    sha256: str
    rows: tuple[tuple[str, float, float], ...]

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> "Telemetry":
        return cls(data["name"], data["sha256"], tuple((name, time, value) for name, time, value in data["rows"]))

    def at(self, detector: str, times: np.ndarray) -> np.ndarray:
        """Return the temperatures of a detector at some times, between two values by a line.

        Parameters
        ----------
        detector : str
        times : numpy.ndarray, shape (n,), float64
            MJD (UTC).

        Returns
        -------
        numpy.ndarray, shape (n,), float64
            K; NaN before the first value, after the last, and in gaps of more than ``LONGEST_GAP``.
        """
        own = [(time, value) for name, time, value in self.rows if name in ("", detector)]
        if not own:
            return np.full(times.shape, np.nan)
        known, values = np.array(own).T
        found = np.interp(times, known, values, left=np.nan, right=np.nan)
        if len(known) > 1:
            after = np.clip(np.searchsorted(known, times), 1, len(known) - 1)
            found[known[after] - known[after - 1] > LONGEST_GAP] = np.nan
        return found


def temperature_of(primary: Any, detector: str) -> float | None:
    """Return the temperature of a detector that a header says.

    Parameters
    ----------
    primary : astropy.io.fits.Header
    detector : str

    Returns
    -------
    float or None
        K, of the first card whose keyword or comment is the mnemonic of the detector's focal plane in the observatory's
        engineering database and whose value is a temperature; None where there is none. The pipeline's products have
        no keyword of their own for it.

    Notes
    -----
    Source of the mnemonics, and of writing them as a comment: the NRC-09 notebook on the temperatures of focal plane
    and ASIC.
    """
    if detector not in DETECTORS:
        return None
    mnemonic = f"IGDP_NRC_F{detector[3]}_TMC2_{'LW' if detector.endswith('LONG') else 'SW'}MV_T"
    for card in primary.cards:
        # A card's image would mend what the standard does not allow, and warn of it.
        try:
            named = mnemonic in (card.keyword.upper(), card.comment.strip().upper())
            value = card.value
        except Exception:  # astropy parses a card when it is read, and raises several types
            continue
        known = isinstance(value, int | float) and not isinstance(value, bool)
        if named and known and _COLDEST <= value <= _WARMEST:
            return float(value)
    return None


def read_telemetry(path: Path) -> Telemetry:
    """Read a table of temperatures.

    Raises
    ------
    ParameterError
        When the file is not such a table, a row has no meaning, or contradicts another one; the message names the first
        such row, counted from 1.
    """
    table = _table(path)
    times, values, names = _times(table, path), _values(table, path), _names(table)
    for number, (name, time, value) in enumerate(zip(names, times, values, strict=True), start=1):
        if wrong := _problem(name, time, value):
            raise ParameterError(f"Row {number} of {path} {wrong}.")
    _require_one_value(list(zip(names, times, values, strict=True)), path)
    rows = sorted(zip(names, times, values, strict=True), key=lambda row: (row[1], row[0], row[2]))
    return Telemetry(path.name, sha256_file(path), tuple(rows))


def _table(path: Path) -> Any:
    table = read_table(
        path,
        COLUMNS,
        largest=_LARGEST,
        absent="give the temperatures as an ECSV table of time and value",
        too_large=": give the days of the darks alone",
        unreadable="write it with astropy.table",
    )
    if not len(table):
        raise ParameterError(f"{path} has no row: give the temperatures while the darks were taken.")
    return table


def _times(table: Any, path: Path) -> list[float]:
    from astropy.time import Time

    column = table["time"]
    try:
        if isinstance(column, Time):
            return np.atleast_1d(column.utc.mjd).astype(float).tolist()
        if np.ma.is_masked(column):
            raise ValueError("a row has none")
        if column.dtype.kind in "iuf":
            return np.asarray(column, dtype=float).tolist()
        return np.atleast_1d(Time([str(text) for text in column], scale="utc").mjd).astype(float).tolist()
    except (ValueError, TypeError, AttributeError) as error:
        raise ParameterError(
            f"{path} has a column time that is neither MJD nor ISO 8601 ({' '.join(str(error).split())[:100]}): write "
            "one of these."
        ) from error


def _values(table: Any, path: Path) -> list[float]:
    column = table["value"]
    if column.dtype.kind not in "iuf":
        raise ParameterError(f"{path} has a column value that is not of numbers: give temperatures in K.")
    if column.unit is not None and str(column.unit) != "K":
        raise ParameterError(f"{path} has values in {column.unit} where K was expected: convert them.")
    return np.ma.filled(np.ma.asarray(column, dtype=float), np.nan).tolist()


def _names(table: Any) -> list[str]:
    if "detector" not in table.colnames:
        return [""] * len(table)
    return [str(name).strip().upper() for name in np.ma.filled(np.ma.asarray(table["detector"], dtype="U16"), "")]


def _require_one_value(rows: list[tuple[str, float, float]], path: Path) -> None:
    """Refuse rows that give a detector two temperatures at one time: a copied row was changed, or two tables joined."""
    told: dict[tuple[str, float], tuple[int, float]] = {}
    for number, (name, time, value) in enumerate(rows, start=1):
        earlier, known = told.setdefault((name, time), (number, value))
        if known != value:
            raise ParameterError(
                f"Row {number} of {path} has {value:.6g} K at MJD {time:.8g} where row {earlier} has {known:.6g} K at "
                "the same time: leave the right one."
            )


def _problem(name: str, time: float, value: float) -> str:
    """Return what is wrong with a row, as a predicate; empty when nothing is."""
    if name and name not in DETECTORS:
        return f"has the detector {name!r}, which NIRCam has not: use one of {', '.join(DETECTORS)}"
    if not _FIRST_DAY <= time < _LAST_DAY:
        return f"has the time {time:.8g}, which is no MJD of this century: correct it"
    if not _COLDEST <= value <= _WARMEST:
        return f"has the value {value:.6g} where a temperature from {_COLDEST:g} to {_WARMEST:g} K was expected"
    return ""
