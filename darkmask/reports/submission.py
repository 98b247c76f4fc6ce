"""What CRDS asks of whoever submits masks: the masks that were signed, certified anew, and the fields of its form.

The fields are those of the extended batch submission (``crds.submit.rc_submit``, whose server publishes the form). An
answer that only a person can give is an argument here, and nothing is sent.
"""

import json
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from darkmask.core.atomic import storing, working_folder, write_text
from darkmask.core.detectors import FRAME_SIZE, Geometry
from darkmask.core.errors import DarkmaskError
from darkmask.core.flags import count_flags
from darkmask.masks.file import MaskFile, read_header, read_mask
from darkmask.pipeline.acceptance import certified

from .files import FILE
from .results import Results, read_json, read_results
from .signoff import read_signoff, verify
from .signoff_record import Signoff
from .typed import typed_name

ChangeLevel = Literal["SEVERE", "MODERATE", "TRIVIAL"]
CHANGE_LEVELS: tuple[ChangeLevel, ...] = get_args(ChangeLevel)
FORM, CERTIFIED = "submission.yml", "certify.txt"
# CRDS refuses a description with any other character.
_REFUSED = re.compile(r"[^A-Za-z0-9._\s/,=\-+]")


class SubmissionError(DarkmaskError):
    """A report's masks cannot be submitted."""


@dataclass(frozen=True)
class Answers:
    """What only a person can say.

    Attributes
    ----------
    deliverer : str
    change_level : str
        How far the new files are expected to change science results: ``SEVERE``, ``MODERATE`` or ``TRIVIAL``.
    email, ticket : str
        Further addresses, and the issue in which the delivery is discussed; empty when there is none.
    replaces : tuple of Path
        The mask files in CRDS that these replace; their USEAFTER is compared.
    """

    deliverer: str
    change_level: ChangeLevel
    email: str = ""
    ticket: str = ""
    replaces: tuple[Path, ...] = ()


def prepare_submission(report: Path, out: Path, answers: Answers) -> Iterator[str]:
    """Put the masks of an accepted report into a new folder, with the form filled in and what ``crds.certify`` says.

    Parameters
    ----------
    report : Path
        Folder ``reports/<delivery>``, signed as accepted; it is only read.
    out : Path
        New folder.
    answers : Answers

    Yields
    ------
    str
        A line for each mask, and at the end the command that submits.

    Raises
    ------
    CommandError
        When the name of who submits is empty, too long, or cannot be printed.
    SubmissionError
        When nobody accepted the report, it is no longer what was signed, ``crds.certify`` finds an error, or ``out``
        exists.
    DarkmaskError
        When the report or a mask cannot be read.
    """
    typed_name("deliverer", answers.deliverer)
    out = Path(out).absolute()
    if out.exists():
        raise SubmissionError(f"{out} exists: give a new folder for what is to be submitted.")
    record = _accepted(report)
    results = read_results(report / FILE)
    paths = _masks(report)
    masks = [read_mask(path) for path in paths]
    with (
        storing(f"The folder {out}", "free some space, or give another folder"),
        working_folder(out.parent, out.name) as made,
    ):
        said = []
        for path, mask in zip(paths, masks, strict=True):
            shutil.copyfile(path, made / path.name)
            messages, context = certified(made / path.name, Geometry(results.frame or FRAME_SIZE))
            said.append(f"{path.name}, by {context}:\n" + "".join(f"  {line}\n" for line in messages or ["no message"]))
            errors = [line for line in messages if "ERROR" in line.upper()]
            if errors:
                raise SubmissionError(f"crds.certify refuses {path} ({errors[0]}): mend the mask, and judge it again.")
            yield f"{mask.header['DETECTOR']}: {path.name} certified by {context}, {len(messages)} warnings"
        form = fill_form(results, record, masks, answers, read_json(report / FILE).get("versions", {}))
        write_text(made / CERTIFIED, "\n".join(said))
        write_text(made / FORM, _yaml(form))
        made.chmod(0o755)
        made.rename(out)
    command = ["python", "-m", "crds.submit.rc_submit", "--redcat-parameters", str(out / FORM), "--files"]
    command += [*(str(out / path.name) for path in paths), "--certify-files", "--monitor-processing"]
    command += ["--wait-for-completion", "--creator", "NIRCAM Team", "--change-level", answers.change_level]
    yield f"Read {out / FORM}, then: {shlex.join([*command, '--description', form['description']])}"


def fill_form(
    results: Results, record: Signoff, masks: Sequence[MaskFile], answers: Answers, versions: dict[str, str]
) -> dict[str, Any]:
    """Return the fields of the form, by their names in CRDS.

    Parameters
    ----------
    results : Results
    record : Signoff
    masks : sequence of MaskFile
    answers : Answers
    versions : dict of str to str
        Of packages, as ``results.json`` holds them.

    Returns
    -------
    dict
        Text and truth values, ready for YAML.
    """
    detectors = [str(mask.header["DETECTOR"]) for mask in masks]
    old = {path.name: read_mask(path).header for path in answers.replaces}
    waived = [f"{check.id} {check.detector}" for check in results.checks if check.outcome == "waived"]
    count = sum(check.outcome == "pass" for check in results.checks)
    generic = all(mask.header.get("SUBARRAY") == "GENERIC" for mask in masks)
    return {
        "deliverer": answers.deliverer,
        "other_email": answers.email,
        "instrument": "NIRCAM",
        "file_type": "MASK",
        "history_updated": all(mask.header.get("HISTORY") for mask in masks),
        # REF-* judged each of these, and nothing but a pass can be accepted.
        "pedigree_updated": all(mask.header.get("PEDIGREE") for mask in masks),
        "keywords_checked": True,
        "descrip_updated": all(mask.header.get("DESCRIP") for mask in masks),
        "useafter_updated": all(mask.header.get("USEAFTER") for mask in masks),
        "useafter_matches": _same_useafter(masks, old),
        "compliance_verified": "Yes",
        "etc_delivery": False,
        "calpipe_version": versions.get("jwst", ""),
        "replacement_files": bool(old),
        "old_reference_files": " ".join(old),
        "replacing_badfiles": "No",
        "jira_issue": answers.ticket,
        "table_rows_changed": "N/A",
        "reprocess_affected": False,
        "modes_affected": f"All modes of {_list(detectors)}" if generic else f"{_list(detectors)}, subarrays as named",
        "change_level": answers.change_level,
        "correctness_testing": (
            f"{count} checks of {results.criteria.name} criteria passed, each mask was opened by MaskModel, certified "
            f"by crds.certify and applied by DQInitStep; accepted by {record.reviewer} on {record.signed[:10]}"
        ),
        "additional_considerations": f"Waived: {_list(waived)}" if waived else "None",
        "description": _description(results, masks),
    }


def _accepted(report: Path) -> Signoff:
    record = read_signoff(report)
    if record.decision != "accept":
        raise SubmissionError(
            f"{record.reviewer} rejected the report in {report}: only what was accepted is submitted."
        )
    if differing := verify(report):
        raise SubmissionError(f"The report in {report} is no longer what was signed ({differing[0]}): run again.")
    return record


def _masks(report: Path) -> list[Path]:
    """Return the masks that were judged, which every run keeps in its report."""
    judged = [path for path in sorted((report / "masks").glob("*.fits*")) if read_header(path).get("REFTYPE") == "MASK"]
    if not judged:
        raise SubmissionError(f"The report in {report} judged no mask: nothing is to be submitted.")
    return judged


def _same_useafter(masks: Sequence[MaskFile], old: dict[str, dict]) -> str:
    """Return whether each mask has the USEAFTER of the one that it replaces, as the form wants it."""
    if not old:
        return "N/A"
    before = {header.get("DETECTOR"): header.get("USEAFTER") for header in old.values()}
    return "Yes" if all(before.get(m.header["DETECTOR"]) == m.header.get("USEAFTER") for m in masks) else "No"


def _description(results: Results, masks: Sequence[MaskFile]) -> str:
    seen = results.delivery.observed
    dates = f" from darks of {seen.first} to {seen.last}" if seen else ""
    counts = [f"{m.header['DETECTOR']} {count_flags(m.decoded).get('DO_NOT_USE', 0)}" for m in masks]
    text = f"NIRCAM bad pixel masks{dates}. Pixels with DO_NOT_USE, {_list(counts)}."
    return _REFUSED.sub(" ", text)


def _list(words: Sequence[str]) -> str:
    return ", ".join(words)


def _yaml(form: dict[str, Any]) -> str:
    """Return the form as YAML: JSON strings and truth values are YAML too, and need no further package."""
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in form.items())
