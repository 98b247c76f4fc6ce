"""The report and the terminal's summary say what the results say, whatever the delivery's headers hold."""

import json
import math
import os
import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fixtures import summary
from fixtures.markup import row_id
from fixtures.report import css_paths
from fixtures.report_summary import summary_html
from fixtures.terminal import summary_lines

ROOT = Path(__file__).resolve().parent.parent
HOSTILE = '<script>alert("x")</script>\x1b[31m\u202e\ud800 $'


def a_check(identifier="CNT-HOT", detector="NRCA1", subarray="FULL", outcome="pass", measured=0.01, **changes):
    check = {
        "id": identifier,
        "title": "Number of hot pixels",
        "detector": detector,
        "subarray": subarray,
        "required": True,
        "outcome": outcome,
        "measured": measured,
        "unit": "fraction of science pixels",
        "low": 0.001,
        "high": 0.02,
        "source": "a table",
        "message": f"what was found on {detector}",
        "remedy": "" if outcome == "pass" else "look at the mask",
        "waiver": None,
        "nodeid": f"checks/test_counts.py::test[{identifier}-{detector}-{subarray}]",
    }
    return {**check, **changes}


def some_results(checks, verdict="fail", **delivery):
    return {
        "schema": 1,
        "verdict": verdict,
        "complete": True,
        "scope": "10 of 10 planned detectors.",
        "started": "2022-03-01T00:00:00+00:00",
        "finished": "2022-03-01T00:01:00+00:00",
        "delivery": {"name": "apt1062", "sha256": "0", "detectors": ["NRCA1"], "simulated": False, **delivery},
        "criteria": {"name": "nircam", "sha256": "1"},
        "engine": {"name": "native", "search": "flight", "version": "0.1"},
        "versions": {"jwst": "3.0.0"},
        "checks": checks,
    }


class Reader(HTMLParser):
    """What a browser makes of a page: its elements and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.links, self.text = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data):
        if self.tags[-1:] != ["script"]:
            self.text.append(data)


@pytest.mark.parametrize(
    ("measured", "low", "high", "expected"),
    [
        (0.01, 0.001, 0.02, ""),
        (None, 0.001, 0.02, ""),
        (0.2, 0.001, 0.02, "10 times the highest accepted value"),
        (0.022, 0.001, 0.02, "10 % above the highest accepted value"),
        (0.0001, 0.001, 0.02, "10 % of the lowest accepted value"),
        (0.0, 0.001, 0.02, "0.001 below the lowest accepted value"),
        (3, None, 0, "3 above the highest accepted value"),
    ],
)
def test_margin_is_relative_to_the_bound_that_was_crossed(measured, low, high, expected):
    check = a_check(measured=measured, low=low, high=high)
    assert summary.margin(check) == expected
    assert (summary.excess(check) > 0) == bool(expected)


def test_too_few_is_as_bad_as_too_many_by_the_same_factor():
    assert math.isclose(summary.excess(a_check(measured=0.2)), summary.excess(a_check(measured=0.0001)))


def test_worst_comes_first_and_equal_sentences_are_one_problem():
    checks = [
        a_check("CNT-RC", outcome="error", measured=None, message="was not run"),
        a_check("CNT-HOT", outcome="error", measured=None, message="was not run"),
        a_check("CNT-WARM", outcome="not_evaluated", measured=None, blocking=True),
        a_check("GND-KAPPA", outcome="not_evaluated", measured=None),
        a_check("CNT-NOISY", outcome="fail", measured=0.03),
        a_check("CNT-DO_NOT_USE", outcome="fail", measured=0.3),
        a_check("DLV-FILES", outcome="fail", measured=1, low=None, high=0),
        a_check("CNT-TELEGRAPH", outcome="waived", measured=0.3),
    ]
    order = [[check["id"] for check in problem.checks] for problem in summary.worst_first(checks)]
    assert order == [["DLV-FILES"], ["CNT-DO_NOT_USE"], ["CNT-NOISY"], ["CNT-WARM"], ["CNT-RC", "CNT-HOT"]]


def test_blocking_is_added_to_a_copy():
    results = some_results([a_check(outcome="not_evaluated", measured=None)])
    marked = summary.with_blocking(results, {("CNT-HOT", "NRCA1", "FULL")})
    assert summary.is_failing(marked["checks"][0])
    assert not summary.is_failing(results["checks"][0])


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ""), (0, "0"), (12.0, "12"), (0.0041234, "0.004123"), (3e-5, "3e-5"), (61504, "61504"), (1.5e9, "1.5e9")],
)
def test_numbers_are_written_as_people_write_them(value, expected):
    assert summary.number(value) == expected


@pytest.mark.parametrize("verdict", ["pass", "fail", "incomplete"])
def test_verdict_is_said_first(verdict):
    results = some_results([a_check()], verdict)
    assert summary_lines(results)[0].startswith(verdict.upper())
    words = " ".join(Reader(summary_html(results)).text).split()
    assert words[0] == verdict.upper()


@pytest.mark.parametrize("changes", [{"delivery": {"simulated": True}}, {"criteria": {"name": "demo"}}])
def test_simulated_and_demo_runs_are_not_for_delivery(changes):
    results = some_results([a_check()], "pass")
    said = "simulated: not for delivery"
    assert said not in summary_html(results)
    for part, values in changes.items():
        results[part] = {**results[part], **values}
    assert said in summary_html(results)
    assert said in summary_lines(results)[0]


def test_every_cell_leads_to_its_own_row():
    checks = [a_check(d, detector, s) for d in ("CNT-HOT", "CNT-RC") for detector in ("NRCA1", "NRCB1")
              for s in ("FULL", "SUB64P")]  # fmt: skip
    links = [link for link in Reader(summary_html(some_results(checks))).links if link != "#pixels"]
    assert sorted(links) == sorted(f"#{row_id(check)}" for check in checks)
    assert len(set(links)) == len(checks)


def test_hostile_values_stay_text():
    hostile = dict.fromkeys(("title", "detector", "subarray", "unit", "source", "message", "remedy"), HOSTILE)
    checks = [a_check(outcome="fail", measured=1.0, **hostile), a_check(detector=HOSTILE + "2")]
    results = some_results(checks, name=HOSTILE)
    page = summary_html(results)
    page.encode("utf-8")
    reader = Reader(page)
    assert reader.tags.count("script") == 1  # ours
    assert all(re.fullmatch(r"#(what-failed|row-[\w.-]+)", link) for link in reader.links)
    assert not {"\x1b", "\u202e"} & set(page)
    lines = summary_lines(results, width=72)
    assert all(line.isascii() and line.isprintable() for line in lines)


def test_terminal_fits_its_width_and_one_screen():
    detectors = ["NRCA1", "NRCA2", "NRCALONG", "NRCB1", "NRCBLONG"]
    checks = [
        a_check(f"CNT-{number}", detector, outcome="fail", measured=0.5, message="long " * 200, remedy="long " * 200)
        for number in range(8)
        for detector in detectors
    ]
    lines = summary_lines(some_results(checks), width=80, report="reports/apt1062/report.html")
    assert max(map(len, lines)) <= 80
    assert len(lines) < 80
    assert "    and 30 more; the report lists them all." in lines
    assert lines[-1] == "Report: reports/apt1062/report.html"


_CHILD_PLUGIN = """
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest_plugins = ["fixtures.report"]
RESULTS = json.loads(open("results.json").read())


def pytest_addoption(parser):
    parser.addoption("--shaped", action="store_true")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    from fixtures.run import RUN

    run = SimpleNamespace(title="A <b>title</b>", results=lambda: RESULTS, check_results=list)
    run.folder = SimpleNamespace(staging=Path("staging"))
    if config.option.shaped:
        config.stash[RUN] = run


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call" and "index" in item.callspec.params:
        report.check = RESULTS["checks"][item.callspec.params["index"]]
        if report.check["outcome"] == "fail":
            report.outcome, report.longrepr = "failed", report.check["message"]
    return report
"""

_CHILD_TEST = """
import pytest

@pytest.mark.parametrize("index", [0, 1])
def test_check(index):
    pass

@pytest.mark.parametrize("text", ["<img src=x>"])
def test_no_check(text):
    assert not text
"""


def _child_report(folder: Path, *options: str) -> tuple[str, dict]:
    """Run pytest in a small project; give the page and the data that its rows are built from."""
    failed = a_check(detector=HOSTILE[:-3], outcome="fail", measured=1.0, message=HOSTILE[:30])
    results = some_results([a_check(), failed])
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "child_plugin.py").write_text(_CHILD_PLUGIN)
    (folder / "test_child.py").write_text(_CHILD_TEST)
    (folder / "pytest.ini").write_text("[pytest]\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(ROOT)])
    command = [sys.executable, "-m", "pytest", "-q", "-c", "pytest.ini", "-p", "child_plugin", "test_child.py"]
    command += ["--html=report.html", "--self-contained-html", *(f"--css={path}" for path in css_paths()), *options]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    page = (folder / "report.html").read_text(encoding="utf-8")

    blob = re.search(r'data-jsonblob="([^"]*)"', page)
    return page, json.loads(unescape(blob[1]))


def test_rows_of_a_real_report(tmp_path):
    page, data = _child_report(tmp_path, "--shaped")
    assert "A &lt;b&gt;title" in page
    assert "<b>title" not in page
    rows = {row["testId"]: row for tests in data["tests"].values() for row in tests}
    targets = [link[1:] for link in Reader(page).links if link.startswith("#row-")]
    assert len(targets) == 4  # two cells of the matrix, and what failed: at first sight, and with what to do
    assert set(targets) <= set(rows)
    assert sorted(row["result"] for row in rows.values()) == ["Failed", "Failed", "Passed"]
    header = page.partition('id="results-table-head"')[2].partition("</thead>")[0]
    assert {len(row["resultsTableRow"]) for row in rows.values()} == {header.count("<th")}
    for row in rows.values():
        cells = Reader("".join(row["resultsTableRow"]) + row["log"])
        assert not {"script", "img"} & set(cells.tags)
    failed = next(row for row in rows.values() if "alert" in row["testId"])
    assert "Traceback" not in failed["log"]
    for told in ("What to do", "look at the mask", "Source of the bound", "a table", "0.001 to 0.02"):
        assert told in failed["log"]


def test_other_reports_are_left_alone(tmp_path):
    page, data = _child_report(tmp_path)
    assert "darks" not in page.partition("</style>")[2]
    assert "test_child.py::test_check[0]" in data["tests"]
    assert data["initialSort"] == "result"
