"""Read a ``results.json`` that an earlier run left, as data that somebody may have changed since."""

import json
from datetime import UTC, date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from darkmask.core.atomic import sha256_file
from darkmask.core.errors import DarkmaskError
from darkmask.core.first_fault import first_fault

from .files import FILE

# Ten detectors with a hundred checks each have half a megabyte.
_LARGEST = 50_000_000

Number = Annotated[float, Field(allow_inf_nan=False)]


class ResultsError(DarkmaskError):
    """A results file cannot be used."""


class _Part(BaseModel):
    # Fields that a later version adds do no harm; a number or a truth value in another's place does.
    model_config = ConfigDict(extra="ignore", frozen=True)


class RecordedWaiver(_Part):
    """Who accepted a failure, from when until when, and up to which value."""

    approver: str
    since: Annotated[date, Field(alias="date")]
    expires: date
    limit: Number


class RecordedCheck(_Part):
    """One line of a results file; see ``docs/results.schema.json``.

    Attributes
    ----------
    blocking : bool or None
        Whether it keeps the verdict from being a pass; None in files of versions that did not write the field.
    waiver : RecordedWaiver or None
        Also one that does not cover the failure.
    """

    id: str
    detector: str
    subarray: str
    required: bool
    outcome: Literal["pass", "fail", "waived", "not_evaluated", "error"]
    blocking: bool | None = None
    measured: Number | None
    unit: str
    low: Number | None
    high: Number | None
    message: str
    waiver: RecordedWaiver | None = None

    @property
    def contradiction(self) -> str:
        """What is said of it that cannot be, as a clause; empty for a result that a run can have."""
        low, high, measured = self.low, self.high, self.measured
        below = low is not None and measured is not None and measured < low
        if self.outcome == "pass" and measured is not None and (below or (high is not None and measured > high)):
            return "passed with a value outside its bounds"
        if self.outcome != "waived":
            return ""
        if self.waiver is None or measured is None:
            return "was waived by nobody, or without a value"
        beyond = measured < self.waiver.limit if below else measured > self.waiver.limit
        return "was waived with a value beyond the limit of its waiver" if beyond else ""

    def waived_on(self, first: date, last: date) -> bool:
        """Return whether its waiver holds on one of the days, both included."""
        return self.waiver is not None and self.waiver.since <= last and first <= self.waiver.expires

    @property
    def failed(self) -> bool:
        """Whether this check keeps a verdict from being a pass."""
        if self.outcome in ("fail", "error"):
            return True
        if self.blocking is not None:
            return self.blocking
        # Before the field existed, the message alone told whether the input had been given.
        return self.outcome == "not_evaluated" and self.required and not self.message.startswith("not asked")


class Observed(_Part):
    """Days of the first and of the last exposure."""

    first: date
    last: date


class Delivery(_Part):
    """The delivery of a run.

    Attributes
    ----------
    observed : Observed or None
        None where headers gave no day, in a run on masks alone, and in files of versions that did not write the field.
    """

    name: str
    sha256: str
    detectors: tuple[str, ...]
    simulated: bool
    observed: Observed | None = None


class Named(_Part):
    """The criteria by which the run was judged."""

    name: str
    sha256: str


class Engine(_Part):
    name: str
    search: str
    version: str


class Results(_Part):
    """The part of a results file that this project reads.

    Attributes
    ----------
    started, finished : datetime.datetime
        Times with a time zone.
    frame : int or None
        Pixels along each side of a full frame; None in files of versions that did not write the field.
    """

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    verdict: Literal["pass", "fail", "incomplete"]
    complete: bool
    scope: str
    started: AwareDatetime
    finished: AwareDatetime
    frame: int | None = None
    delivery: Delivery
    criteria: Named
    engine: Engine
    checks: tuple[RecordedCheck, ...]

    @model_validator(mode="after")
    def _consistent(self) -> "Results":
        if self.finished < self.started:
            raise ValueError("it was finished before it was started")
        if self.verdict == "pass" and (not self.complete or any(check.failed for check in self.checks)):
            raise ValueError("its verdict is a pass and its checks are none")
        if wrong := next((check for check in self.checks if check.contradiction), None):
            raise ValueError(f"{wrong.id} of {wrong.detector} {wrong.contradiction}")
        days = [time.astimezone(UTC).date() for time in (self.started, self.finished)]
        if wrong := next((check for check in self.waived if not check.waived_on(*days)), None):
            raise ValueError(f"{wrong.id} of {wrong.detector} was waived on a day on which its waiver does not hold")
        if len({(c.id, c.detector, c.subarray) for c in self.checks}) != len(self.checks):
            raise ValueError("one of its checks stands there twice")
        return self

    @property
    def waived(self) -> tuple[RecordedCheck, ...]:
        """The failures that somebody accepted."""
        return tuple(check for check in self.checks if check.outcome == "waived")

    @property
    def judged(self) -> tuple[str, ...]:
        """The detectors that were asked about, in the order of the file."""
        return tuple(dict.fromkeys(check.detector for check in self.checks))


def read_results(path: Path) -> Results:
    """Read and validate a results file.

    Raises
    ------
    ResultsError
        When there is no such file, or it is not JSON, has another schema, or contradicts itself.
    """
    data = read_json(path)
    if "schema" in data and data["schema"] != 1:
        raise ResultsError(
            f"{path} is of the schema {str(data['schema'])[:20]!r} and this version reads schema 1: use the version of "
            "darkmask that wrote it, or run the checks again."
        )
    try:
        return Results.model_validate(data)
    except ValidationError as error:
        where, message = first_fault(error)
        raise ResultsError(
            f"{path} is no results.json of these checks, or was changed ({where}: {message}): give the file that a run "
            "wrote."
        ) from error


def read_json(path: Path) -> dict:
    """Read a JSON object from a file; raise :class:`ResultsError` when there is none."""
    path = Path(path)
    try:
        if not path.exists():
            raise ResultsError(f"{path} does not exist: give the folder of a report, or a file in it.")
        # Opening a pipe would wait for ever.
        if not path.is_file() or path.stat().st_size > _LARGEST:
            raise ResultsError(
                f"{path} is no regular file of less than {_LARGEST} bytes: give the file that a run wrote."
            )
        data = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_each_once)
    except OSError as error:
        raise ResultsError(f"{path} cannot be read ({error.strerror}): make it readable.") from error
    except (ValueError, RecursionError) as error:
        raise ResultsError(
            f"{path} is no JSON ({' '.join(str(error).split())[:100]}): give the file that a run wrote."
        ) from error
    if not isinstance(data, dict):
        raise ResultsError(f"{path} holds no JSON object: give the file that a run wrote.")
    return data


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object; of a key that stands there twice, programs read the first value or the last."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, _ in pairs if [name for name, _ in pairs].count(key) > 1)
        raise ValueError(f"{twice!r} stands twice in an object")
    return found


def require_as_written(path: Path) -> None:
    """Refuse results that a manifest beside them does not list.

    Raises
    ------
    ResultsError
        When ``results.json`` is another file than the run wrote.
    """
    manifest = path.parent / "manifest.json"
    listed = read_json(manifest).get("report") if manifest.exists() else None
    if isinstance(listed, dict) and path.name == FILE and listed.get(FILE) != sha256_file(path):
        raise ResultsError(f"{path} is not the file that the manifest.json beside it lists: give what the run wrote.")
