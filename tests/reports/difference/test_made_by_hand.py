"""``darkmask diff`` of small reports: what differs is told, and what cannot be compared is never equal."""

import json
import shutil

from darkmask.cli import main
from darkmask.core.categories import Category
from tests.fixtures.report.test_report_browser import CONTRAST
from tests.support.browser import needs_chromium, on_screens, opened
from tests.support.told_reports import Told, write_report

STAYED, CHANGED, LOST, LOST_TOO, GAINED = (1, 1), (3, 4), (5, 6), (7, 8), (9, 9)
HOT, RC = Category.HOT, Category.RC


def test_what_differs_is_told_and_written(tmp_path, capsys):
    before = Told("2024-06-01", {HOT: [STAYED, CHANGED, LOST, LOST_TOO]})
    now = Told("2025-06-01", {HOT: [STAYED, GAINED], RC: [CHANGED]}, verdict="fail")
    one, two = (write_report(tmp_path / name, "small", told) for name, told in (("one", before), ("two", now)))
    path = tmp_path / "diff.json"
    assert main(["diff", str(one), str(two), f"--json={path}"]) == 1
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert f"A: {one}, verdict pass" in lines
    assert f"B: {two}, verdict fail" in lines
    assert "observed 2024-06-01 to 2024-06-01 2025-06-01 to 2025-06-01" in lines
    assert "NRCALONG FULL, categories of the search: 1 gained, 2 lost, 1 changed" in lines
    told = json.loads(path.read_text())
    assert (told["differs"], told["verdicts"]) == (True, ["pass", "fail"])
    found, _ = told["pixels"]
    assert found["first"] == [
        [*CHANGED, "hot", "rc"], [*LOST, "hot", ""], [*LOST_TOO, "hot", ""], [*GAINED, "", "hot"]
    ]  # fmt: skip


def test_without_a_mask_nothing_is_called_equal(tmp_path, capsys):
    report = write_report(tmp_path, "small", Told())
    copy = shutil.copytree(report, tmp_path / "copy")
    assert main(["diff", str(report), str(copy)]) == 1
    said = capsys.readouterr().out
    assert "NRCALONG FULL, flags of the mask: not compared, " in said
    assert "NRCALONG FULL, categories of the search: 0 gained, 0 lost, 0 changed" in said


def test_a_report_and_its_copy_do_not_differ_and_one_that_was_edited_is_refused(judged_masks, tmp_path, capsys):
    copy = shutil.copytree(judged_masks, tmp_path / "copy")
    assert main(["diff", str(judged_masks), str(copy)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Nothing differs."
    (copy / "results.json").write_text((copy / "results.json").read_text() + " ")
    assert main(["diff", str(judged_masks), str(copy)]) == 4
    said = capsys.readouterr()
    assert (said.out, len(said.err.splitlines())) == ("", 1)
    assert "is not the file that the manifest.json beside it lists" in said.err


@needs_chromium
@on_screens
def test_the_page_can_be_read(tmp_path, width, scheme):
    before = Told("2024-06-01", {HOT: [STAYED, CHANGED, LOST]})
    now = Told("2025-06-01", {HOT: [STAYED, GAINED], RC: [CHANGED]}, verdict="fail")
    one, two = (write_report(tmp_path / name, "small", told) for name, told in (("one", before), ("two", now)))
    path = tmp_path / "diff.html"
    assert main(["diff", str(one), str(two), f"--html={path}"]) == 1
    with opened(path, viewport={"width": width, "height": 800}, color_scheme=scheme) as shown:
        page = shown.page
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CONTRAST, "body") == []
        told = " ".join(page.locator("body").inner_text().split())
        for words in ("Something differs.", "2024-06-01", "2025-06-01", "1 pixels gained, 1 lost, 1 changed"):
            assert words in told
        # What is wider than the screen scrolls in a place that the keyboard reaches.
        wide = page.locator("body *").evaluate_all(
            "all => all.filter((one) => one.scrollWidth > one.clientWidth + 1"
            " && getComputedStyle(one).overflowX === 'auto'"
            " && one.tabIndex < 0).length"
        )
        assert wide == 0
        assert (shown.complaints, shown.requests) == ([], [])
