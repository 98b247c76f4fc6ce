"""A reviewer's sign-off: a record beside the report, bound by SHA-256 to every file that was signed.

A hash shows what was signed and not who signed: the name is whatever was typed. The page shows the record in a block
between two markers. The page's own digest is that of the page without the block, and the block must be exactly what the
record says, so that nothing can be hidden in it.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import ValidationError

from darkmask.core.atomic import replacing, write_text
from darkmask.core.errors import DarkmaskError
from darkmask.core.first_fault import first_fault

from .files import FILE, MADE, PAGE, RECORD, digests
from .page_blocks import PageBlock, body_of
from .remarks import without_remarks
from .results import Results, read_json, read_results
from .signoff_record import Decision, Signoff, block_html
from .typed import typed_name, typed_text, writing

_BLOCK = PageBlock("sign-off")
_NEEDED = (PAGE, FILE, "manifest.json", "junit.xml")
_LONGEST = 2000


class SignoffError(DarkmaskError):
    """A report cannot be signed, or its sign-off cannot be read."""


def sign(folder: Path, *, reviewer: str, decision: Decision, comment: str) -> Signoff:
    """Record a reviewer's decision on a report, in ``signoff.json`` and on the page.

    Parameters
    ----------
    folder : Path
        Folder ``reports/<delivery>``.
    reviewer, comment : str
    decision : str
        ``accept`` or ``reject``.

    Raises
    ------
    CommandError
        When the reviewer or the comment is empty, too long, or cannot be printed.
    SignoffError
        When the report is signed already, was changed since its run ended, or may not be accepted: a simulated,
        incomplete or failing one may only be rejected.
    ResultsError
        When the folder holds no report of this schema.
    """
    folder = Path(folder).absolute()
    reviewer = typed_name("reviewer", reviewer)
    comment = typed_text("comment", comment, _LONGEST)
    with writing(folder, "signed", SignoffError):
        return _sign(folder, reviewer, decision, comment)


def _sign(folder: Path, reviewer: str, decision: Decision, comment: str) -> Signoff:
    if (folder / RECORD).exists():
        raise SignoffError(f"The report in {folder} is signed already, and a signed one is kept: run the checks again.")
    results = read_results(folder / FILE)
    now = datetime.now(UTC)
    refusal = _not_acceptable(results, now.date()) if decision == "accept" else ""
    if refusal:
        raise SignoffError(f"The report in {folder} cannot be accepted, because {refusal}: reject it, or run again.")
    page = _page(folder)
    files = digests(folder)
    # Remarks came after the run; what else there is must be as it was left.
    _as_the_run_left_it(folder, without_remarks(folder, files))
    if now < results.finished:
        raise SignoffError(
            f"The report in {folder} was finished at {results.finished.isoformat()} and the clock says "
            f"{now.isoformat(timespec='seconds')}: set the clock, and sign then."
        )
    record = Signoff(
        schema=1,
        decision=decision,
        reviewer=reviewer,
        comment=comment,
        signed=now.isoformat(timespec="seconds"),
        delivery=results.delivery.name,
        verdict=results.verdict,
        scope=results.scope,
        criteria=results.criteria.name,
        criteria_sha256=results.criteria.sha256,
        files=files,
    )
    # The record comes first: a page that says "accepted" without a record behind it would be worse than the reverse,
    # which `verify` reports.
    write_text(folder / RECORD, json.dumps(record.model_dump(by_alias=True), indent=1) + "\n")
    with replacing(folder / PAGE) as temporary:
        temporary.write_bytes(_BLOCK.put(page, block_html(record)))
    return record


def verify(folder: Path) -> list[str]:
    """Return what of a signed report is no longer what was signed.

    Returns
    -------
    list of str
        One sentence for each file that differs; empty when everything is as it was signed.

    Raises
    ------
    SignoffError
        When the folder holds no sign-off that can be read.
    """
    folder = Path(folder).absolute()
    record = read_signoff(folder)
    found = digests(folder)
    # Two things of the page count: what was signed, and what it shows of the sign-off.
    problems = list(_differences(record.files, {**found, **_signed_page(folder)}))
    if PAGE in found:
        problems += _block_problems(folder, record)
    return problems + _disagreement(folder, record)


def read_signoff(folder: Path) -> Signoff:
    """Read the sign-off of a report folder.

    Raises
    ------
    SignoffError
        When there is none, or it is not a record of this schema.
    """
    path = folder / RECORD
    if not path.exists():
        shown = "its page shows one: that is no sign-off" if _shows_block(folder) else "nobody has signed it"
        raise SignoffError(f"There is no {RECORD} in {folder}, and {shown}: sign the report.")
    try:
        return Signoff.model_validate(read_json(path))
    except ValidationError as error:
        where, message = first_fault(error)
        raise SignoffError(
            f"{path} is no sign-off of schema 1 ({where}: {message}): bring back the record that was written."
        ) from error


def _not_acceptable(results: Results, day: date) -> str:
    """Return why a report may not be accepted on a day, as a clause; empty when it may."""
    if results.delivery.simulated or results.criteria.name == "demo":
        return "its delivery is simulated"
    if not results.complete or results.verdict == "incomplete":
        return "not every check has run"
    if results.verdict != "pass":
        return f"its verdict is {results.verdict}"
    for check in results.waived:
        if check.waiver is not None and check.waiver.expires < day:
            return f"the waiver of {check.id} {check.detector} expired on {check.waiver.expires}"
    return "" if results.checks else "nothing was checked"


def _page(folder: Path) -> bytes:
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing:
        raise SignoffError(f"{folder} holds no whole report ({', '.join(missing)} missing): run the checks again.")
    page = (folder / PAGE).read_bytes()
    if _BLOCK.is_in(page):
        raise SignoffError(f"{folder / PAGE} shows a sign-off that nobody recorded: run the checks again.")
    if body_of(page) is None:
        raise SignoffError(f"{folder / PAGE} is no page of a report: run the checks again.")
    return page


def _as_the_run_left_it(folder: Path, files: dict[str, str]) -> None:
    """Refuse files that are not what the run wrote, as the manifest lists them: nothing else is signed."""
    manifest = read_json(folder / "manifest.json")
    listed = [sums for part in ("report", *MADE) if isinstance(sums := manifest.get(part), dict)]
    if len(listed) != 1 + len(MADE):
        raise SignoffError(f"{folder / 'manifest.json'} does not list what the run made: run the checks again.")
    made = {**listed[0], "manifest.json": files.get("manifest.json")}
    for part, sums in zip(MADE, listed[1:], strict=True):
        made |= {f"{part}/{name}": digest for name, digest in sums.items()}
    differing = list(_differences(made, files))
    if differing:
        more = f" (and {len(differing) - 1} more)" if len(differing) > 1 else ""
        raise SignoffError(f"The report in {folder} was changed since its run ended: {differing[0]}{more} Run again.")


def _differences(then: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    for name in sorted(then.keys() | now.keys()):
        if name not in now:
            yield f"{_shown(name)} is missing."
        elif name not in then:
            yield f"{_shown(name)} was added."
        elif then[name] != now[name]:
            yield f"{_shown(name)} was changed."


def _signed_page(folder: Path) -> dict[str, str]:
    path = folder / PAGE
    if not path.is_file():
        return {}
    return {PAGE: hashlib.sha256(_BLOCK.without(path.read_bytes())).hexdigest()}


def _shows_block(folder: Path) -> bool:
    return (folder / PAGE).is_file() and _BLOCK.begin in (folder / PAGE).read_bytes()


def _block_problems(folder: Path, record: Signoff) -> list[str]:
    page = (folder / PAGE).read_bytes()
    if not _BLOCK.is_whole_in(page):
        return [
            f"{PAGE} does not show the sign-off: signing was broken off, or the block was removed; remove {RECORD} and "
            "sign again."
        ]
    right = _BLOCK.put(_BLOCK.without(page), block_html(record))
    return [] if page == right else [f"{PAGE} shows another sign-off than {RECORD} records."]


def _disagreement(folder: Path, record: Signoff) -> list[str]:
    """Return what the record says otherwise than the results that it is bound to."""
    try:
        results = read_results(folder / FILE)
    except DarkmaskError:
        return []  # reported above: it is not what was signed
    said = (record.verdict, record.scope, record.delivery, record.criteria, record.criteria_sha256)
    criteria = results.criteria
    if said != (results.verdict, results.scope, results.delivery.name, criteria.name, criteria.sha256):
        return [f"{RECORD} speaks of another verdict, delivery or criteria than {FILE}."]
    if not _could_be_signed(record, results):
        return [f"{RECORD} has no time of signing after the end of the run."]
    refusal = _not_acceptable(results, datetime.fromisoformat(record.signed).astimezone(UTC).date())
    if record.decision == "accept" and refusal:
        return [f"{RECORD} accepts what cannot be accepted, because {refusal}."]
    return []


def _could_be_signed(record: Signoff, results: Results) -> bool:
    try:
        # The record has whole seconds, as the results have.
        return datetime.fromisoformat(record.signed) >= results.finished.replace(microsecond=0)
    except (TypeError, ValueError):  # no time, or one without a zone
        return False


def _shown(name: str) -> str:
    return name if name.isprintable() else ascii(name)
