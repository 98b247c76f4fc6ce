"""A reviewer's remarks on the checks of a report: kept beside it, shown on its page, and part of what is signed.

Remarks are made after a run and before somebody signs. ``remarks.json`` holds them, and the digest of the results that
they are on. The page shows them in a block that must be exactly what the record says, so that the rest of the page is
still what the run left.
"""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from darkmask.core.atomic import replacing, sha256_file, write_text
from darkmask.core.errors import DarkmaskError
from darkmask.core.first_fault import first_fault
from darkmask.core.naming import unknown

from .files import FILE, PAGE, RECORD, REMARKS
from .page_blocks import PageBlock, body_of
from .remarks_record import Remark, Remarks, block_html
from .results import Results, read_json, read_results
from .typed import typed_name, typed_text, writing

_BLOCK = PageBlock("list of remarks")
_LONGEST = 2000


class RemarkError(DarkmaskError):
    """A remark cannot be made, or what was remarked cannot be read."""


def remark(
    folder: Path, check: str, text: str, *, by: str, detector: str | None = None, subarray: str | None = None
) -> Remark:
    """Add a remark to a report, in ``remarks.json`` and on the page.

    Parameters
    ----------
    folder : Path
        Folder ``reports/<delivery>``.
    check : str
        A criterion that was asked, e.g. ``CNT-HOT``.
    text, by : str
        What is remarked, and by whom.
    detector, subarray : str, optional
        Of which; without them the remark is on all of which the criterion was asked.

    Returns
    -------
    Remark
        As it was added. One that stands there already, by the same name and with the same text, is not added again;
        the page is written anew from the record.

    Raises
    ------
    CommandError
        When the text or the name is empty, too long, or cannot be printed.
    RemarkError
        When the report is signed, was changed since its run ended, or has no such check.
    ResultsError
        When the folder holds no report of this schema.
    """
    folder = Path(folder).absolute()
    made = Remark(
        check=check.strip().upper(),
        detector=detector and detector.strip().upper(),
        subarray=subarray and subarray.strip().upper(),
        text=typed_text("remark", text, _LONGEST, give="a text"),
        by=typed_name("name", by, give="--by=NAME"),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    with writing(folder, "remarked on", RemarkError):
        return _add(folder, made)


def read_remarks(folder: Path) -> Remarks | None:
    """Return the remarks on a report; None when there are none.

    Raises
    ------
    RemarkError
        When the file is no record of this schema, or is on other results than those that lie beside it.
    """
    path = folder / REMARKS
    if not path.exists():
        return None
    try:
        found = Remarks.model_validate(read_json(path))
    except ValidationError as error:
        where, message = first_fault(error)
        raise RemarkError(
            f"{path} is no record of remarks of schema 1 ({where}: {message}): bring back the one that was "
            "written, or run the checks again."
        ) from error
    if found.results != sha256_file(folder / FILE):
        raise RemarkError(
            f"{path} is on other results than the {FILE} beside it: bring that one back, or run the checks again."
        )
    return found


def without_remarks(folder: Path, files: dict[str, str]) -> dict[str, str]:
    """Return the digests of a report's files as they were before anybody made a remark.

    Parameters
    ----------
    folder : Path
    files : dict of str to str
        SHA-256 by path relative to the folder.

    Raises
    ------
    RemarkError
        When the page shows other remarks than the record has.
    """
    page = (folder / PAGE).read_bytes()
    remarks = read_remarks(folder)
    if remarks is None:
        if _BLOCK.is_in(page):
            raise RemarkError(
                f"{folder / PAGE} shows remarks and there is no {REMARKS}: bring it back, or run the checks again."
            )
        return files
    bare = _BLOCK.without(page)
    if page != _BLOCK.put(bare, block_html(remarks, read_results(folder / FILE).checks)):
        raise RemarkError(
            f"{folder / PAGE} shows other remarks than {REMARKS} records: make the last remark again, which writes the "
            "page anew."
        )
    others = {name: digest for name, digest in files.items() if name != REMARKS}
    return {**others, PAGE: hashlib.sha256(bare).hexdigest()}


def _add(folder: Path, made: Remark) -> Remark:
    if (folder / RECORD).exists():
        raise RemarkError(
            f"The report in {folder} is signed and is never written to: run the checks into another folder "
            "(--reports=DIR), remark there, and sign that report."
        )
    results = read_results(folder / FILE)
    _asked(results, made, folder)
    page = _page(folder)
    before = read_remarks(folder)
    kept = before.remarks if before else ()
    same = [one for one in kept if one.model_copy(update={"at": made.at}) == made]
    made = same[0] if same else made
    record = Remarks(schema=1, results=sha256_file(folder / FILE), remarks=kept if same else (*kept, made))
    # The record comes first: a page that shows a remark which nobody recorded would be worse than the reverse, which
    # signing reports and the next remark mends.
    write_text(folder / REMARKS, json.dumps(record.model_dump(by_alias=True), indent=1) + "\n")
    with replacing(folder / PAGE) as temporary:
        temporary.write_bytes(_BLOCK.put(page, block_html(record, results.checks)))
    return made


def _asked(results: Results, made: Remark, folder: Path) -> None:
    """Refuse a remark on what was not asked."""
    if any(made.is_of(check) for check in results.checks):
        return
    known = dict.fromkeys(check.id for check in results.checks)
    if made.check not in known:
        raise RemarkError(f"{folder / FILE}: {unknown('check', made.check, known)}")
    places = dict.fromkeys(f"{c.detector} {c.subarray}" for c in results.checks if c.id == made.check)
    raise RemarkError(
        f"{folder / FILE} has no check {made.place}: {made.check} was asked of {', '.join(places)}; give one of these."
    )


def _page(folder: Path) -> bytes:
    """Return the page as the run left it."""
    path = folder / PAGE
    if not path.is_file():
        raise RemarkError(f"{folder} holds no whole report ({PAGE} missing): run the checks again.")
    page = _BLOCK.without(path.read_bytes())
    listed = read_json(folder / "manifest.json").get("report")
    left = listed.get(PAGE) if isinstance(listed, dict) else None
    if body_of(page) is None or left != hashlib.sha256(page).hexdigest():
        raise RemarkError(f"{path} is not the page that its run left: run the checks again.")
    return page
