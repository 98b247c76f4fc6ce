"""A reviewer's remark stands beside its check, changes nothing that the run left, and is part of what is signed."""

import json
import re
import shutil
from html import unescape
from pathlib import Path

import pytest
from filelock import FileLock

from darkmask.cli import main
from darkmask.core.atomic import sha256_file
from darkmask.reports import remarks
from darkmask.reports.page_blocks import PageBlock

BLOCK = PageBlock("list of remarks")
HOSTILE = "<script>alert('x')</script> & <!-- list of remarks ends --> <!-- sign-off begins --> \"quoted\""


@pytest.fixture
def report(judged_masks, tmp_path) -> Path:
    """Return a report of simulated masks that passed."""
    return Path(shutil.copytree(judged_masks, tmp_path / "report"))


def say(report: Path, text="two of these are neighbours", *more: str, check="CNT-HOT", by="A. Reviewer") -> int:
    return main(["remark", str(report), check, text, f"--by={by}", *more])


def reject(report: Path) -> int:
    return main(["sign", str(report), "--reviewer=B. Reviewer", "--decision=reject", "--comment=simulated"])


def files(report: Path) -> dict[str, str]:
    return {path.relative_to(report).as_posix(): sha256_file(path) for path in report.rglob("*") if path.is_file()}


def test_a_remark_changes_the_page_by_its_block_alone(report, capsys):
    page, before = (report / "report.html").read_bytes(), files(report)
    assert main(["remark", str(report), "CNT-HOT", "--detector", "nrca1", "look again", "--by=A. Reviewer"]) == 0
    assert "remark of A. Reviewer on CNT-HOT NRCA1 stands on the page" in capsys.readouterr().out
    (made,) = json.loads((report / "remarks.json").read_text())["remarks"]
    at = made.pop("at")
    said = {"check": "CNT-HOT", "detector": "NRCA1", "subarray": None, "text": "look again", "by": "A. Reviewer"}
    assert made == said
    shown = (report / "report.html").read_bytes()
    assert BLOCK.without(shown) == page
    block = shown[shown.index(BLOCK.begin) : shown.index(BLOCK.end)].decode()
    assert 'data-rows="row-CNT-HOT-NRCA1-FULL"' in block
    assert at[:16].replace("T", " ") in block
    changed = {name for name in files(report) if before.get(name) != files(report)[name]}
    assert changed == {"report.html", "remarks.json"}


def test_what_was_typed_is_text_on_the_page(report):
    assert say(report, f"one line\n{HOSTILE}", by=f"R {HOSTILE}") == 0
    page = (report / "report.html").read_text()
    section = page[page.index('<section id="remarks"') :].partition("</section>")[0]
    assert "<script" not in section
    assert unescape(section).count(HOSTILE) == 2
    assert page.count(BLOCK.end.decode()) == 1
    assert reject(report) == 0
    assert main(["verify", str(report)]) == 0


def test_remarks_stand_in_the_order_in_which_they_were_made_and_none_twice(report):
    for text in ("first", "second", "first"):
        assert say(report, text) == 0
    record = json.loads((report / "remarks.json").read_text())
    assert [one["text"] for one in record["remarks"]] == ["first", "second"]
    page = (report / "report.html").read_text()
    assert page.index(">first<") < page.index(">second<")
    # Without a detector it is on every one of which the criterion was asked.
    assert page.count('data-rows="row-CNT-HOT-NRCA1-FULL row-CNT-HOT-NRCBLONG-FULL"') == 2


def test_a_remark_is_signed_and_a_signed_report_takes_none(report, capsys):
    assert say(report) == 0
    assert reject(report) == 0
    signed = json.loads((report / "signoff.json").read_text())["files"]
    assert signed["remarks.json"] == sha256_file(report / "remarks.json")
    assert main(["verify", str(report)]) == 0
    before = files(report)
    capsys.readouterr()
    assert say(report, "too late") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "is signed and is never written to: run the checks into another folder (--reports=DIR), remark there" in line
    assert files(report) == before


def edit_the_record(report):
    path = report / "remarks.json"
    path.write_text(path.read_text().replace("neighbours", "strangers"))


def edit_the_page(report):
    path = report / "report.html"
    path.write_bytes(path.read_bytes().replace(b"neighbours", b"strangers"))


def take_the_block_out(report):
    path = report / "report.html"
    path.write_bytes(BLOCK.without(path.read_bytes()))


def hide_in_the_block(report):
    path = report / "report.html"
    path.write_bytes(path.read_bytes().replace(BLOCK.end, b"<style>.fail{display:none}</style>" + BLOCK.end))


def lose_the_record(report):
    (report / "remarks.json").unlink()


def add_a_record(report):
    (report / "remarks.json").write_text('{"schema": 1, "results": "0", "remarks": []}')


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edit_the_record, "remarks.json was changed."),
        (edit_the_page, "report.html was changed."),
        (take_the_block_out, "report.html was changed."),
        (hide_in_the_block, "report.html was changed."),
        (lose_the_record, "remarks.json is missing."),
    ],
)
def test_verify_notices_a_remark_that_was_changed_or_removed(report, capsys, change, said):
    assert say(report) == 0
    assert reject(report) == 0
    change(report)
    capsys.readouterr()
    assert main(["verify", str(report)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(said)


def test_verify_notices_a_remark_that_was_added(report, capsys):
    assert reject(report) == 0
    add_a_record(report)
    assert main(["verify", str(report)]) == 1
    assert "remarks.json was added." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edit_the_record, "shows other remarks than remarks.json records"),
        (edit_the_page, "shows other remarks than remarks.json records"),
        (take_the_block_out, "shows other remarks than remarks.json records"),
        (hide_in_the_block, "shows other remarks than remarks.json records"),
        (lose_the_record, "shows remarks and there is no remarks.json"),
        (add_a_record, "is on other results than the results.json beside it"),
        (lambda report: (report / "remarks.json").write_text('{"schema": 2}'), "is no record of remarks of schema 1"),
        (lambda report: (report / "remarks.json").write_text("["), "is no JSON"),
    ],
)
def test_remarks_that_were_edited_by_hand_are_not_signed(report, capsys, change, said):
    assert say(report) == 0
    change(report)
    assert reject(report) == 1
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert not (report / "signoff.json").exists()


def edit_beside_the_block(report):
    path = report / "report.html"
    path.write_bytes(re.sub(b"PASS", b"GOOD", path.read_bytes(), count=1))


def test_a_remark_hides_no_edit_of_the_page(report, capsys):
    assert say(report) == 0
    edit_beside_the_block(report)
    assert reject(report) == 1
    assert "was changed since its run ended" in capsys.readouterr().err
    assert say(report, "again") == 1
    assert "is not the page that its run left" in capsys.readouterr().err


def test_a_remark_that_was_broken_off_is_mended_by_the_next(report, capsys, monkeypatch):
    """The process is killed between the record and the page."""

    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(remarks, "replacing", killed)
        assert say(report) == 130
    assert reject(report) == 1
    assert "make the last remark again, which writes the page anew" in capsys.readouterr().err
    assert say(report) == 0
    assert reject(report) == 0


def test_a_run_sets_remarks_aside_with_the_report_that_they_are_on(run_checks, report, small, good_masks, tmp_path):
    reports = tmp_path / "kept"
    copy = Path(shutil.copytree(report, reports / "masks"))
    assert say(copy) == 0
    record = (copy / "remarks.json").read_bytes()
    options = [f"--masks={good_masks}", f"--base={small.base}", f"--criteria={small.criteria}", "-k", "CNT-HOT"]
    run_checks(*options, f"--reports={reports}", expect=1)
    assert not (copy / "remarks.json").exists()
    assert b"two of these are neighbours" not in (copy / "report.html").read_bytes()
    assert (copy / "earlier" / "remarks.json").read_bytes() == record
    assert b"two of these are neighbours" in (copy / "earlier" / "report.html").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("CNT-HOTT", "text"), "There is no check 'CNT-HOTT': the nearest is 'CNT-HOT'."),
        (("CNT-HOT", "text", "--detector=NRCA2"), "has no check CNT-HOT NRCA2: CNT-HOT was asked of NRCA1 FULL, "),
        (("CNT-HOT", "text", "--subarray=SUB64P"), "has no check CNT-HOT SUB64P"),
    ],
)
def test_what_cannot_be_remarked_is_refused_in_one_sentence(report, capsys, arguments, said):
    before = files(report)
    assert main(["remark", str(report), *arguments, "--by=A. Reviewer"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert files(report) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("CNT-HOT", "  "), "The remark is empty, longer"),
        (("CNT-HOT", "\u202egnihton"), "not printable: give a text."),
        (("CNT-HOT", "x" * 3000), "longer than 2000 characters"),
        (("CNT-HOT", "text", "--by=A\nB"), "The name has more than one line: give --by=NAME."),
    ],
)
def test_what_was_not_typed_well_is_an_unusable_command(report, capsys, arguments, said):
    before = files(report)
    by = () if any(one.startswith("--by") for one in arguments) else ("--by=A. Reviewer",)
    assert main(["remark", str(report), *arguments, *by]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert files(report) == before


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda report: (report / "report.html").unlink(), "no whole report (report.html missing)"),
        (lambda report: (report / "results.json").unlink(), "results.json does not exist"),
        (lambda report: (report / "manifest.json").write_text("{}"), "is not the page that its run left"),
    ],
)
def test_what_is_no_report_takes_no_remark(report, capsys, prepare, said):
    prepare(report)
    assert say(report) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (report / "remarks.json").exists()


def test_a_folder_that_is_none_takes_no_remark(tmp_path):
    with pytest.raises(remarks.RemarkError, match="There is no folder"):
        remarks.remark(tmp_path / "none", "CNT-HOT", "text", by="A. Reviewer")
    assert list(tmp_path.iterdir()) == []


def test_two_writers_do_not_meet(report, capsys):
    with FileLock(report.parent / f".{report.name}.lock"):
        assert say(report) == 1
    assert "is writing the report" in capsys.readouterr().err


def test_the_account_remarks_where_nobody_is_named(report, monkeypatch):
    monkeypatch.setenv("LOGNAME", "reviewer7")
    assert main(["remark", str(report), "CNT-HOT", "text"]) == 0
    (made,) = json.loads((report / "remarks.json").read_text())["remarks"]
    assert made["by"] == "reviewer7"
