"""``darkmask index``: every report is named for what it is, and the page says it to its reader."""

import os
import shutil
from pathlib import Path

import pytest

from darkmask.cli import main
from darkmask.core.atomic import sha256_file
from darkmask.reports.overview.found import OverviewError
from darkmask.reports.overview.write import write_overview
from tests.fixtures.report.test_report_browser import CONTRAST
from tests.support.browser import needs_chromium, on_screens, opened
from tests.support.told_reports import Told, deliveries, write_report

MADE = ("index.html", "index_deliveries.ecsv", "index_values.ecsv", "index_pixels.ecsv")


def sign(folder: Path, decision: str = "accept", reviewer: str = "A. Reviewer") -> None:
    assert main(["sign", str(folder), f"--reviewer={reviewer}", f"--decision={decision}", "--comment=seen"]) == 0


def test_only_what_passed_and_was_accepted_counts_as_a_pass(reports, capsys):
    sign(write_report(reports, "accepted", Told()))
    sign(write_report(reports, "rejected", Told()), "reject")
    write_report(reports, "unsigned", Told())
    write_report(reports, "failed", Told(verdict="fail"))
    write_report(reports, "halfway", Told(verdict="incomplete"))
    sign(write_report(reports, "simulated", Told(simulated=True)), "reject")
    edited = write_report(reports, "edited", Told())
    (edited / "results.json").write_text((edited / "results.json").read_text() + " ")
    tampered = write_report(reports, "tampered", Told())
    sign(tampered)
    with (tampered / "masks" / "nrcalong_full_categories.fits").open("ab") as file:
        file.write(b"more")
    rewritten = write_report(reports, "rewritten", Told())
    image = rewritten / "masks" / "nrcalong_full_categories.fits"
    image.write_bytes(image.read_bytes().replace(b"NRCALONG", b"NRCBLONG"))
    found = deliveries(reports)
    assert {name for name, row in found.items() if row["counts_as_pass"]} == {"accepted"}
    assert {name: (row["state"], row["standing"]) for name, row in found.items()} == {
        "accepted": ("pass", "accepted"),
        "rejected": ("pass", "rejected"),
        "unsigned": ("pass", "unsigned"),
        "failed": ("fail", "unsigned"),
        "halfway": ("incomplete", "unsigned"),
        "simulated": ("pass", "rejected"),
        "edited": ("changed", "unsigned"),
        "tampered": ("changed", "void"),
        "rewritten": ("changed", "unsigned"),
    }
    page = (reports / "index.html").read_text()
    assert page.count("categories.fits is not the file that its manifest.json lists: run the checks again.") == 2
    assert "<b>1</b> may be delivered" in page
    assert "accepted by A. Reviewer, " in page
    assert "nobody has signed it" in page
    assert "void: accepted by A. Reviewer" in page
    assert page.count("Not for delivery.") == 1
    assert main(["index", str(reports)]) == 0
    assert "9 reports, 1 passed and accepted" in capsys.readouterr().out.splitlines()[-1]


def hold_nothing(report):
    shutil.rmtree(report)
    report.mkdir()
    (report / "report.html").write_text("")


def write_another_schema(report):
    (report / "results.json").write_text('{"schema": 7}')


def write_no_json(report):
    (report / "results.json").write_text("[" * 100000)


def make_a_pipe(report):
    (report / "results.json").unlink()
    os.mkfifo(report / "results.json")


def call_failures_a_pass(report):
    text = (report / "results.json").read_text()
    (report / "results.json").write_text(text.replace('"outcome": "pass"', '"outcome": "fail"'))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (hold_nothing, "results.json does not exist"),
        (write_another_schema, "is of the schema '7' and this version reads schema 1"),
        (write_no_json, "is no JSON"),
        (make_a_pipe, "is no regular file"),
        (call_failures_a_pass, "its verdict is a pass and its checks are none"),
        (lambda report: (report / "manifest.json").unlink(), "No manifest.json tells that results.json is what"),
        (lambda report: (report / "manifest.json").write_text("[]"), "No manifest.json tells"),
    ],
)
def test_a_broken_report_is_named_and_never_a_pass(reports, capsys, spoil, said):
    write_report(reports, "good", Told())
    spoil(write_report(reports, "broken", Told(day="2025-06-01")))
    assert main(["index", str(reports)]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert said in told.out
    row = deliveries(reports)["broken"]
    assert row["state"] in ("unreadable", "changed")
    assert not row["counts_as_pass"]
    assert said in row["notes"]
    assert str(reports) not in row["notes"]
    assert "1 to compare, observed on 2024-06-01" in (reports / "index.html").read_text()


def test_a_signature_that_cannot_be_read_is_void(reports):
    folder = write_report(reports, "good", Told())
    (folder / "signoff.json").write_text("{}")
    row = deliveries(reports)["good"]
    assert (row["standing"], row["counts_as_pass"]) == ("void", False)


def test_the_same_reports_give_the_same_bytes_and_nothing_of_them_is_changed(reports):
    for name, day in (("one", "2024-06-01"), ("two", "2025-06-01")):
        write_report(reports, name, Told(day, rates={(3, 4): (1.0, 0.1)}))
    before = {path: sha256_file(path) for path in reports.rglob("*") if path.is_file()}
    write_overview(reports)
    first = {name: (reports / name).read_bytes() for name in MADE}
    for name in MADE:
        (reports / name).unlink()
    moved = reports.rename(reports.parent / "elsewhere").rename(reports)
    write_overview(moved)
    assert {name: (reports / name).read_bytes() for name in MADE} == first
    after = {path: sha256_file(path) for path in reports.rglob("*") if path.is_file() and path.name not in MADE}
    assert after == before


def test_names_from_elsewhere_are_text(reports):
    name = 'a <b> & "c" \u202e#?%'
    folder = write_report(reports, name, Told())
    sign(folder, reviewer="<script>alert(1)</script>")
    write_overview(reports)
    page = (reports / "index.html").read_text()
    assert "<script" not in page
    assert "\u202e" not in page
    assert "accepted by &lt;script&gt;alert(1)" in page
    assert 'href="a%20%3Cb%3E%20%26%20%22c%22%20%E2%80%AE%23%3F%25/report.html"' in page


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(OverviewError, match="There is no folder"):
        write_overview(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda _: None, "holds no report"),
        (lambda reports: (reports / "results.json").write_text("{}"), "is one report: give the folder that holds it"),
    ],
)
def test_what_is_no_folder_of_reports_is_refused_in_one_sentence(reports, capsys, prepare, said):
    prepare(reports)
    assert main(["index", str(reports)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (reports / "index.html").exists()


@needs_chromium
@on_screens
def test_the_page_in_a_browser(reports, width, scheme):
    for name, day in (("one", "2024-06-01"), ("two", "2025-06-01")):
        write_report(reports, name, Told(day, rates={(3, 4): (1.0, 0.1)}))
    write_overview(reports)
    with opened(reports / "index.html", viewport={"width": width, "height": 800}, color_scheme=scheme) as page:
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.page.locator("svg circle").count() == 2
        # The axis is the time between: the later one stands to the right.
        left = [float(mark.get_attribute("cx")) for mark in page.page.locator("svg circle").all()]
        assert left[0] < left[1]
        page.page.locator("details summary").last.click()
        assert page.page.evaluate(CONTRAST, "body") == []
        links = page.page.locator("a, summary").count()
        reached = 0
        for _ in range(links + 20):
            page.page.keyboard.press("Tab")
            reached += page.page.evaluate("document.activeElement.matches('a, summary')")
        assert reached >= links
        assert page.complaints == []
        page.page.locator("a", has_text="two").first.click()
        assert page.page.locator("h1").text_content() == "a report"
