"""``darkmask index``: every report is named for what it is, and pixels have a history by day of observation."""

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from darkmask.cli import main
from darkmask.core.atomic import sha256_file
from darkmask.core.flags import Category
from darkmask.masks.file import write_categories
from darkmask.reports.overview.found import OverviewError
from darkmask.reports.overview.write import write_overview
from tests.support.browser import needs_chromium, opened

SHAPE = (16, 16)
MADE = ("index.html", "index_deliveries.ecsv", "index_values.ecsv", "index_pixels.ecsv")


@dataclass
class Told:
    """What a report is made to tell of NRCALONG: its bad pixels by category, their rates, and what is odd about it."""

    day: str | None = "2024-06-01"
    bad: dict[Category, list[tuple[int, int]]] = field(default_factory=lambda: {Category.HOT: [(3, 4)]})
    rates: dict[tuple[int, int], tuple[float, float]] = field(default_factory=dict)
    hot: float = 0.001
    darks: str = ""
    verdict: str = "pass"
    simulated: bool = False
    finished: str = "2026-01-02T00:00:00+00:00"


def write_report(reports: Path, name: str, told: Told) -> Path:
    """Write the part of a report that an index reads."""
    folder = reports / name
    (folder / "catalogues").mkdir(parents=True)
    image = np.zeros(SHAPE, dtype=np.uint16)
    for category, pixels in told.bad.items():
        for x, y in pixels:
            image[y, x] |= category.bit
    write_categories(folder / "masks" / "nrcalong_full_categories.fits", image, "NRCALONG", "FULL")
    lines = [f'"a, b" {x} {y} {rate} {error}' for (x, y), (rate, error) in told.rates.items()]
    head = "# %ECSV 1.0\ncategories x y rate_electrons rate_electrons_error\n"
    (folder / "catalogues" / "nrcalong_full.ecsv").write_text(head + "\n".join(lines) + "\n")
    check = {
        "id": "CNT-HOT",
        "detector": "NRCALONG",
        "subarray": "FULL",
        "required": True,
        "outcome": "pass",
        "blocking": False,
        "measured": told.hot,
        "unit": "fraction",
        "low": 0.0,
        "high": 1.0,
        "message": "found",
    }
    if told.verdict == "fail":
        check |= {"outcome": "fail", "blocking": True}
    observed = told.day and {"first": told.day, "last": told.day}
    results = {
        "schema": 1,
        "verdict": told.verdict,
        "complete": told.verdict != "incomplete",
        "scope": "all of it",
        "started": "2026-01-01T00:00:00+00:00",
        "finished": told.finished,
        "frame": 16,
        "delivery": {
            "name": name,
            "sha256": "0",
            "detectors": ["NRCALONG"],
            "simulated": told.simulated,
            "observed": observed,
        },
        "criteria": {"name": "nircam", "sha256": "0"},
        "engine": {"name": "native", "search": "flight", "version": "0.2.0"},
        "checks": [check],
    }
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "report.html").write_text("<html><body>\n<h1>a report</h1></body></html>")
    (folder / "junit.xml").write_text("<testsuites/>")
    list_files(folder, told.darks or name)
    return folder


def list_files(folder: Path, darks: str) -> None:
    """Write the manifest of what lies in a report folder."""
    sums = {part: {p.name: sha256_file(p) for p in (folder / part).glob("*")} for part in ("masks", "catalogues")}
    report = {name: sha256_file(folder / name) for name in ("results.json", "report.html", "junit.xml")}
    inputs = {"jump.fits": darks, "base/mask.fits": "another"}
    manifest = {**sums, "injections": {}, "report": report, "inputs": inputs, "base": {}}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def sign(folder: Path, decision: str = "accept", reviewer: str = "A. Reviewer") -> None:
    assert main(["sign", str(folder), f"--reviewer={reviewer}", f"--decision={decision}", "--comment=seen"]) == 0


@pytest.fixture
def reports(tmp_path) -> Path:
    folder = tmp_path / "reports"
    folder.mkdir()
    return folder


def deliveries(reports: Path) -> dict[str, dict]:
    write_overview(reports)
    table = Table.read(reports / "index_deliveries.ecsv")
    return {row["report"]: dict(zip(table.colnames, row, strict=True)) for row in table}


def pixels(reports: Path) -> dict[tuple[int, int], dict]:
    write_overview(reports)
    table = Table.read(reports / "index_pixels.ecsv")
    return {(int(row["x"]), int(row["y"])): dict(zip(table.colnames, row, strict=True)) for row in table}


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
        "tampered": ("pass", "void"),
    }
    page = (reports / "index.html").read_text()
    assert "<b>1</b> may be delivered" in page
    assert "accepted by A. Reviewer, " in page
    assert "nobody has signed it" in page
    assert "void: accepted by A. Reviewer" in page
    assert page.count("Not for delivery.") == 1
    assert main(["index", str(reports)]) == 0
    assert "8 reports, 1 passed and accepted" in capsys.readouterr().out.splitlines()[-1]


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


def test_days_of_observation_and_not_of_the_run_make_the_order(reports):
    write_report(reports, "a", Told("2025-06-01", hot=0.004, finished="2026-01-02T00:00:00+00:00"))
    write_report(reports, "b", Told("2024-06-01", hot=0.002, finished="2026-01-03T00:00:00+00:00"))
    write_report(reports, "c", Told(None, hot=0.9))
    assert list(deliveries(reports)) == ["b", "a", "c"]
    page = (reports / "index.html").read_text()
    assert 'aria-label="CNT-HOT over 2 epochs, first and last: NRCALONG 0.002 to 0.004"' in page
    assert "<td>+0.002</td>" in page  # a year lies between
    assert "c: no day of observation is known, so that its pixels have no place in time." in page


def test_the_history_of_pixels(reports):
    always, came, went, restless, unknown = (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)
    hot, unsure = Category.HOT, Category.UNDETERMINED
    write_report(reports, "one", Told("2024-01-01", {hot: [always, went, restless, unknown]}))
    write_report(reports, "two", Told("2024-07-01", {hot: [always, went], unsure: [unknown]}))
    write_report(reports, "three", Told("2025-01-01", {hot: [always, came, restless], Category.RC: [always, unknown]}))
    found = pixels(reports)
    did = {
        where: (row["behaviour"], row["first_seen"], row["last_seen"], row["epochs_bad"], row["epochs_judged"])
        for where, row in found.items()
    }
    assert did == {
        always: ("in every epoch", "2024-01-01", "2025-01-01", 3, 3),
        came: ("appeared", "2025-01-01", "2025-01-01", 1, 3),
        went: ("disappeared", "2024-01-01", "2024-07-01", 2, 3),
        restless: ("comes and goes", "2024-01-01", "2025-01-01", 2, 3),
        # An epoch in which the search could not tell is neither good nor bad.
        unknown: ("in every epoch", "2024-01-01", "2025-01-01", 2, 2),
    }
    assert found[always]["found"] == "hot,rc"
    assert found[restless]["share"] == pytest.approx(2 / 3)
    page = (reports / "index.html").read_text()
    assert "<td>●○●</td>" in page
    assert "<td>5</td><td>2</td><td>1</td><td>1</td><td>1</td>" in page


def test_the_growth_of_a_rate_is_that_of_a_weighted_line(reports):
    """Against numpy's own fit; of two rates in one month nothing is said."""
    spot, near, hot = (3, 4), (8, 8), Category.HOT
    rates = {"2024-01-01": (1.0, 0.1), "2024-07-01": (1.4, 0.2), "2025-03-01": (2.5, 0.1)}
    for number, (day, rate) in enumerate(rates.items()):
        write_report(reports, str(number), Told(day, {hot: [spot]}, {spot: rate}))
    write_report(reports, "3", Told("2025-03-10", {hot: [near]}, {near: (9.0, 0.1)}))
    write_report(reports, "4", Told("2025-03-02", {hot: [near]}, {near: (5.0, 0.1), (1, 1): (2.0, 0.1)}))
    found = pixels(reports)
    days = np.array([np.datetime64(day) for day in rates])
    years = (days - days[0]).astype(int) / 365.25
    values, errors = np.array(list(rates.values())).T
    (slope, _), covariance = np.polyfit(years, values, 1, w=1 / errors, cov="unscaled")
    assert found[spot]["growth"] == pytest.approx(slope)
    assert found[spot]["growth_error"] == pytest.approx(covariance[0, 0] ** 0.5)
    assert np.isnan(found[near]["growth"])
    assert set(found) == {spot, near}


def test_the_same_darks_judged_twice_are_one_epoch(reports):
    write_report(reports, "first", Told(darks="same", finished="2026-01-02T00:00:00+00:00"))
    write_report(
        reports, "again", Told(darks="same", bad={Category.HOT: [(9, 9)]}, finished="2026-01-03T00:00:00+00:00")
    )
    assert set(pixels(reports)) == {(9, 9)}
    assert deliveries(reports)["first"]["compared_as"] == "again"
    assert "Its darks are those of again, which stands for both below." in (reports / "index.html").read_text()


def test_like_is_compared_with_like(reports):
    write_report(reports, "real", Told())
    write_report(reports, "simulated", Told("2025-06-01", simulated=True))
    write_overview(reports)
    kinds = set(Table.read(reports / "index_pixels.ecsv")["kind"])
    assert {kind.partition(",")[0] for kind in kinds} == {"real darks", "simulated darks"}
    assert (reports / "index.html").read_text().count("1 to compare") == 2


def test_an_image_that_its_run_did_not_leave_is_not_used(reports):
    write_report(reports, "good", Told())
    other = write_report(reports, "other", Told("2025-06-01", bad={Category.HOT: [(9, 9)]}))
    with (other / "masks" / "nrcalong_full_categories.fits").open("ab") as file:
        file.write(bytes(2880))
    assert set(pixels(reports)) == {(3, 4)}
    page = (reports / "index.html").read_text()
    assert "other: the category image of NRCALONG is gone, or is not the file that manifest.json lists" in page


def test_masks_that_were_given_have_a_history_by_flag(judged_masks, reports):
    """A whole report of the checks; its darks are not known, and its masks say which days they are of."""
    shutil.copytree(judged_masks, reports / "given")
    (row,) = deliveries(reports).values()
    assert (row["state"], row["first_day"], row["last_day"]) == ("pass", "2022-04-12", "2022-04-12")
    table = Table.read(reports / "index_pixels.ecsv")
    assert set(table["detector"]) == {"NRCA1", "NRCBLONG"}
    assert {"HOT", "RC"} <= {name for found in table["found"] for name in found.split(",")}


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
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_in_a_browser(reports, width):
    for name, day in (("one", "2024-06-01"), ("two", "2025-06-01")):
        write_report(reports, name, Told(day, rates={(3, 4): (1.0, 0.1)}))
    write_overview(reports)
    with opened(reports / "index.html", viewport={"width": width, "height": 800}) as page:
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.page.locator("svg circle").count() == 2
        # The axis is the time between: the later one stands to the right.
        left = [float(mark.get_attribute("cx")) for mark in page.page.locator("svg circle").all()]
        assert left[0] < left[1]
        page.page.locator("details summary").last.click()
        assert page.complaints == []
        page.page.locator("a", has_text="two").first.click()
        assert page.page.locator("h1").text_content() == "a report"
