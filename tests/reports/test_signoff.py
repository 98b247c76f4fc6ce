"""A sign-off is bound to every file of a report, and says when one is no longer what was signed."""

import json
import os
import re
import shutil
from html import unescape
from pathlib import Path

import pytest
from filelock import FileLock

from darkmask.cli import main
from darkmask.core.atomic import sha256_file
from darkmask.reports import signoff
from darkmask.reports.page_blocks import PageBlock

BLOCK = PageBlock("sign-off")
HOSTILE = "<script>alert('x')</script> & <!-- sign-off ends --> \"quoted\""


@pytest.fixture
def report(judged_masks, tmp_path) -> Path:
    """Return a report of simulated masks that passed."""
    return Path(shutil.copytree(judged_masks, tmp_path / "report"))


def rewrite(report: Path, **changes) -> None:
    """Make the run have come to other results."""
    results = json.loads((report / "results.json").read_text())
    for key, value in changes.items():
        if isinstance(value, dict):
            results[key] |= value
        else:
            results[key] = value
    (report / "results.json").write_text(json.dumps(results))
    manifest = json.loads((report / "manifest.json").read_text())
    manifest["report"]["results.json"] = sha256_file(report / "results.json")
    (report / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def real(report) -> Path:
    """Return the report as if it were of real darks."""
    rewrite(report, delivery={"simulated": False})
    return report


def sign(report: Path, decision="accept", reviewer="A. Reviewer", comment="looked at every picture") -> int:
    return main(["sign", str(report), f"--reviewer={reviewer}", f"--decision={decision}", f"--comment={comment}"])


def test_an_accepted_report_verifies(real, capsys):
    page = (real / "report.html").read_bytes()
    before = {path: sha256_file(path) for path in real.rglob("*") if path.is_file()}
    assert sign(real) == 0
    assert main(["verify", str(real)]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert "everything is as A. Reviewer accepted it" in said
    record = json.loads((real / "signoff.json").read_text())
    assert record["files"] == {path.relative_to(real).as_posix(): digest for path, digest in before.items()}
    assert record["criteria_sha256"] == json.loads((real / "results.json").read_text())["criteria"]["sha256"]
    signed = (real / "report.html").read_bytes()
    # Only the block was added, above everything that the page says.
    start, end = signed.index(BLOCK.begin), signed.index(BLOCK.end) + len(BLOCK.end) + 1
    assert signed[:start] + signed[end:] == page
    assert start < signed.index(b"<h1")
    block = signed[start:end].decode()
    assert "ACCEPTED" in block
    assert "A hash shows what was signed, not who signed" in block


def test_what_was_typed_is_text_on_the_page(report, capsys):
    assert sign(report, "reject", reviewer=f"R {HOSTILE}", comment=f"one line\n{HOSTILE}") == 0
    assert main(["verify", str(report)]) == 0
    page = (report / "report.html").read_text()
    block = page[page.index("<!-- sign-off begins -->") : page.index("<section", page.index('id="sign-off"')) + 1]
    assert "<script" not in block.partition("</section>")[0]
    assert HOSTILE in unescape(block)
    assert "REJECTED" in block
    assert page.count("<!-- sign-off ends -->") == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "its delivery is simulated"),
        ({"delivery": {"simulated": False}, "criteria": {"name": "demo"}}, "its delivery is simulated"),
        ({"delivery": {"simulated": False}, "verdict": "fail"}, "its verdict is fail"),
        ({"delivery": {"simulated": False}, "verdict": "incomplete", "complete": False}, "not every check has run"),
        ({"delivery": {"simulated": False}, "checks": []}, "nothing was checked"),
    ],
)
def test_what_may_not_be_accepted_may_be_rejected(report, capsys, changes, why):
    rewrite(report, **changes)
    assert sign(report) == 1
    assert f"cannot be accepted, because {why}: reject it" in capsys.readouterr().err
    assert not (report / "signoff.json").exists()
    assert b"sign-off" not in (report / "report.html").read_bytes()
    assert sign(report, "reject") == 0
    assert main(["verify", str(report)]) == 0


def waive(report: Path, started: str, expires: str) -> None:
    """Make the run have ended on a day, with a failure that was waived until another day."""
    checks = json.loads((report / "results.json").read_text())["checks"]
    check = next(check for check in checks if check["id"] == "CNT-HOT")
    limit = 3 * check["high"]
    waiver = {"approver": "A. Reviewer", "date": "2020-01-01", "expires": expires, "limit": limit}
    check |= {"outcome": "waived", "measured": limit, "waiver": waiver}
    rewrite(report, checks=checks, started=started, finished=started)


def test_what_nobody_accepts_any_more_is_not_accepted(real, capsys):
    waive(real, "2020-05-01T12:00:00+00:00", "2020-06-01")
    assert sign(real) == 1
    said = capsys.readouterr().err
    assert "cannot be accepted, because the waiver of CNT-HOT NRCA1 expired on 2020-06-01: reject it" in said
    assert sign(real, "reject") == 0
    assert main(["verify", str(real)]) == 0


def test_a_sign_off_outlives_a_waiver(real, capsys):
    waive(real, "2020-05-01T12:00:00+00:00", "2999-06-01")
    assert sign(real) == 0
    assert main(["verify", str(real)]) == 0


@pytest.mark.parametrize("signed", ["2020-05-01T11:59:59+00:00", "2020-05-02", "yesterday", "2020-05-02T00:00:00", ""])
def test_a_record_has_the_time_at_which_somebody_can_have_signed(real, capsys, signed):
    waive(real, "2020-05-01T12:00:00+00:00", "2999-06-01")
    assert sign(real) == 0
    record = json.loads((real / "signoff.json").read_text())
    (real / "signoff.json").write_text(json.dumps(record | {"signed": signed}))
    capsys.readouterr()
    assert main(["verify", str(real)]) == 1
    assert "signoff.json has no time of signing after the end of the run." in capsys.readouterr().err


def test_a_signed_report_is_kept(real, capsys):
    assert sign(real) == 0
    before = {path: path.read_bytes() for path in real.rglob("*") if path.is_file()}
    assert sign(real, "reject") == 1
    assert "is signed already, and a signed one is kept" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in real.rglob("*") if path.is_file()} == before


def test_no_run_writes_into_a_signed_folder(run_checks, judged_masks, tmp_path, small, good_masks):
    reports = tmp_path / "kept"
    copy = Path(shutil.copytree(judged_masks, reports / judged_masks.name))
    assert sign(copy, "reject") == 0
    run = run_checks(f"--masks={good_masks}", f"--criteria={small.criteria}", f"--reports={reports}", expect=4)
    assert "is signed and is never written to" in run.output
    assert main(["verify", str(copy)]) == 0


def edit_page(report):
    path = report / "report.html"
    path.write_bytes(path.read_bytes().replace(b"PASS", b"GOOD", 1))


def edit_block(report):
    path = report / "report.html"
    path.write_bytes(path.read_bytes().replace(b"A. Reviewer", b"B. Reviewer", 1))


def hide_in_the_block(report):
    path = report / "report.html"
    path.write_bytes(path.read_bytes().replace(BLOCK.end, b"<style>.fail{display:none}</style>" + BLOCK.end))


def take_the_block_out(report):
    path = report / "report.html"
    path.write_bytes(re.sub(BLOCK.begin + b".*?" + BLOCK.end + b"\n", b"", path.read_bytes(), flags=re.DOTALL))


def edit_record(report):
    path = report / "signoff.json"
    path.write_text(path.read_text().replace("looked at every picture", "looked at none"))


def change_a_mask(report):
    path = next((report / "masks").glob("*.fits"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def lose_the_results(report):
    (report / "results.json").unlink()


def add_a_mask(report):
    (report / "masks" / "another.fits").write_bytes(b"SIMPLE")


def link_in_place_of_the_manifest(report):
    (report / "manifest.json").replace(report.parent / "manifest.json")
    os.symlink(report.parent / "manifest.json", report / "manifest.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edit_page, "report.html was changed."),
        (edit_block, "report.html shows another sign-off than signoff.json records."),
        (hide_in_the_block, "report.html shows another sign-off than signoff.json records."),
        (take_the_block_out, "remove signoff.json and sign again."),
        (edit_record, "report.html shows another sign-off than signoff.json records."),
        (change_a_mask, "jwst_nircam_mask_nrca1.fits was changed."),
        (lose_the_results, "results.json is missing."),
        (add_a_mask, "masks/another.fits was added."),
        (link_in_place_of_the_manifest, "manifest.json was changed."),
    ],
)
def test_a_change_after_signing_is_told_in_one_sentence(real, capsys, change, said):
    assert sign(real) == 0
    capsys.readouterr()
    change(real)
    assert main(["verify", str(real)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert line.endswith(said)


@pytest.mark.parametrize("change", [edit_page, change_a_mask, lose_the_results, add_a_mask])
def test_a_report_that_was_edited_is_not_signed(real, capsys, change):
    change(real)
    assert sign(real, "reject") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "was changed since its run ended" in line or "results.json does not exist" in line
    assert not (real / "signoff.json").exists()


def test_signing_that_was_broken_off_is_told(real, capsys, monkeypatch):
    """The process is killed between the record and the page."""

    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(signoff, "replacing", killed)
        assert sign(real) == 130
    assert main(["verify", str(real)]) == 1
    assert "signing was broken off" in capsys.readouterr().err
    (real / "signoff.json").unlink()
    assert sign(real) == 0
    assert main(["verify", str(real)]) == 0


def test_two_writers_do_not_meet(real, capsys):
    with FileLock(real.parent / f".{real.name}.lock"):
        assert sign(real) == 1
    assert "is writing the report" in capsys.readouterr().err


def test_two_writers_do_not_meet_behind_a_link(real, capsys, tmp_path):
    link = tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(real)
    with FileLock(real.parent / f".{real.name}.lock"):
        assert sign(link, "reject") == 1
    assert "is writing the report" in capsys.readouterr().err
    assert not (real / "signoff.json").exists()
    assert sign(link) == 0
    assert main(["verify", str(real)]) == 0


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda report: (shutil.rmtree(report), report.mkdir()), "results.json does not exist"),
        (lambda report: rewrite(report, schema=2), "is of the schema '2' and this version reads schema 1"),
        (lambda report: rewrite(report, checks=3), "is no results.json of these checks"),
        (lambda report: (report / "results.json").write_text("[" * 100000), "is no JSON"),
        (lambda report: (report / "junit.xml").unlink(), "no whole report (junit.xml missing)"),
        (lambda report: (report / "manifest.json").write_text("{}"), "does not list what the run made"),
        (lambda report: rewrite(report, finished="2999-01-01T00:00:00+00:00"), "set the clock"),
        (lambda report: rewrite(report, finished="1999-01-01T00:00:00+00:00"), "finished before it was started"),
    ],
)
def test_what_is_no_report_is_not_signed(real, capsys, prepare, said):
    prepare(real)
    assert sign(real) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (real / "signoff.json").exists()


def test_a_folder_that_is_none_is_not_signed(tmp_path):
    with pytest.raises(signoff.SignoffError, match="There is no folder"):
        signoff.sign(tmp_path / "none", reviewer="A. Reviewer", decision="reject", comment="no")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"reviewer": " "}, "The reviewer is empty"),
        ({"reviewer": "A\nB"}, "more than one line"),
        ({"comment": "\u202egnihton"}, "The comment is empty, longer"),
        ({"comment": "x" * 3000}, "longer than 2000 characters"),
    ],
)
def test_who_and_why_are_told(real, capsys, typed, said):
    assert sign(real, **typed) == 4
    assert said in capsys.readouterr().err
    assert not (real / "signoff.json").exists()


@pytest.mark.parametrize(
    "record",
    [
        "",
        "[]",
        '{"schema": 1, "decision": "reject", "decision": "accept"}',
        '{"schema": 2}',
        '{"schema": 1, "decision": "maybe"}',
    ],
)
def test_a_record_that_is_none_is_no_pass(real, capsys, record):
    assert main(["verify", str(real)]) == 1
    assert "nobody has signed it" in capsys.readouterr().err
    assert sign(real) == 0
    (real / "signoff.json").write_text(record)
    assert main(["verify", str(real)]) == 1
    assert "signoff.json" in capsys.readouterr().err
