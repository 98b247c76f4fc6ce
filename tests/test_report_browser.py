"""The report in Chromium, as a reviewer meets it: a run with a failure, a waiver, and questions that nobody asked."""

import io

import numpy as np
import pytest
from PIL import Image

from fixtures.markup import row_id
from fixtures.summary import quantity
from tests.browser import OpenPage, chromium, needs_chromium
from tests.conftest import Finished, run_into

pytestmark = needs_chromium
DETECTOR = "NRCBLONG"


@pytest.fixture(scope="module")
def run(small, tmp_path_factory) -> Finished:
    folder = tmp_path_factory.mktemp("browser")
    criteria, waivers = folder / "criteria.toml", folder / "waivers.toml"
    text = small.criteria.read_text().replace('name = "small"', 'name = "strict"')
    criteria.write_text(f"{text}\n[criteria.CNT-HOT]\nhigh = 0.0003\n\n[criteria.CNT-RC]\nhigh = 0.0003\n")
    waivers.write_text(
        f'schema = 1\n[[waiver]]\ncriterion = "CNT-RC"\ndetector = "{DETECTOR}"\n'
        'reason = "known since the ground test"\napprover = "the calibration lead"\n'
        "date = 2022-04-01\nexpires = 2999-01-01\nlimit = 0.02\n"
    )
    options = [f"--delivery={small.delivery}", f"--ground={small.ground}", f"--base={small.base}"]
    options += [f"--criteria={criteria}", f"--waivers={waivers}", f"--detectors={DETECTOR}"]
    return run_into(folder / "reports", *options, expect=1)


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def opened(run, browser):
    """Open the report; when the test has ended nothing may have gone wrong in the page."""
    contexts = []

    def look(**options) -> OpenPage:
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options}))
        pages.append(OpenPage(contexts[-1].new_page(), run.folder / "report.html"))
        return pages[-1]

    pages: list[OpenPage] = []
    yield look
    for page in pages:
        assert page.complaints == []
        assert page.requests == []
    for context in contexts:
        context.close()


def viewer(page):
    """The page, scrolled to the viewer, once its images are decoded."""
    page.locator("#viewer-canvas").scroll_into_view_if_needed()
    page.wait_for_selector(f"#viewer-canvas[data-ready='sheet-{DETECTOR}-FULL']")
    return page


def bad_pixels(run) -> dict[str, tuple[int, int]]:
    """A pixel of each category, by the catalogue."""
    from astropy.table import Table

    table = Table.read(run.folder / "catalogues" / f"{DETECTOR.lower()}_full.ecsv", format="ascii.ecsv")
    return {str(row["categories"]): (int(row["x"]), int(row["y"])) for row in table}


def test_the_first_screen_says_what_failed(opened, run):
    page = opened().page
    seen = page.locator(".banner, .counts, .at-once")
    for piece in seen.all():
        box = piece.bounding_box()
        assert box["y"] + min(box["height"], 200) < 900
    assert page.locator(".banner .name").text_content() == "FAIL"
    worst = page.locator(".worst").first.text_content()
    assert "CNT-HOT" in worst
    assert "accepted: 0.0002 to 0.0003" in worst
    assert "What was not looked at" in page.locator(".at-once").text_content()
    assert page.locator(f".tile-detector.fail:has-text('{DETECTOR}')").count() == 1
    assert page.locator(".tile-detector").count() == 10


def test_every_cell_of_the_matrix_leads_to_its_row(opened, run):
    page = opened().page
    links = page.locator(".matrix td a")
    assert links.count() == len(run.results["checks"])
    for number in range(links.count()):
        href = links.nth(number).get_attribute("href")
        links.nth(number).evaluate("link => link.click()")
        row = page.locator("tbody.revealed")
        assert "#" + row.get_attribute("id") == href
        assert row.locator("tr.collapsible").bounding_box()["y"] < 900
        told = links.nth(number).get_attribute("aria-label")
        assert told.startswith(row.locator("td.col-check").text_content())


def test_rows_can_be_filtered_and_sorted(opened, run):
    page = opened().page
    rows = page.locator("td.col-check")
    everything = rows.count()
    assert everything == len(run.results["checks"])
    page.locator('input[data-test-result="passed"]').uncheck()
    left = rows.count()
    assert left == sum(check["outcome"] != "pass" for check in run.results["checks"])
    page.locator('input[data-test-result="passed"]').check()
    page.locator('th[data-column-type="check"]').click()
    once = rows.all_text_contents()
    page.locator('th[data-column-type="check"]').click()
    assert once == sorted(once, reverse=once[0] > once[-1])
    assert rows.all_text_contents() == sorted(once, reverse=once[0] < once[-1])


def test_the_viewer_finds_a_known_bad_pixel(opened, run):
    page = viewer(opened().page)
    canvas, said = page.locator("#viewer-canvas"), page.locator("#viewer-said")
    whole = float(canvas.get_attribute("data-scale"))
    for category, (x, y) in bad_pixels(run).items():
        page.fill("#viewer-go input[name=x]", str(x))
        page.fill("#viewer-go input[name=y]", str(y))
        page.click("#viewer-go button")
        assert float(canvas.get_attribute("data-scale")) > whole
        assert said.text_content().startswith(f"x {x}, y {y} (from 0): ")
        for name in category.split(","):
            assert name.replace("_", " ") in said.text_content()
    # A click on the middle names the same pixel, and its colour is its category's.
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert said.text_content().startswith(f"x {x}, y {y} (from 0): ")
    shot = np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB"))
    middle = "#{:02x}{:02x}{:02x}".format(*shot[shot.shape[0] // 2, shot.shape[1] // 2])
    name = category.split(",")[-1].replace("_", " ")
    swatch = page.locator(f"#viewer-layers li:has-text(' {name}:') i").first.evaluate("i => i.style.background")
    assert swatch == "rgb({}, {}, {})".format(*(int(middle[at : at + 2], 16) for at in (1, 3, 5)))


def test_the_viewer_counts_what_the_results_count(opened, run):
    page = viewer(opened().page)
    rows = page.locator(".viewer-table tr", has_text="Categories").first.text_content()
    shown = page.locator("#viewer-layers").text_content()
    for identifier in ("HOT", "RC", "TELEGRAPH", "NOISY"):
        check = run.checks[f"CNT-{identifier}", DETECTOR, "FULL"]
        count = int(check["message"].split()[0])
        assert f" {identifier.lower()}: {count}" in shown
        assert f" {identifier.lower()}: {count}" in rows.replace("Categories", "Categories ")


def test_the_viewer_compares_with_ground_and_subarrays(opened, run):
    page = viewer(opened().page)
    choices = page.locator("#viewer-group option").all_text_contents()
    assert choices == ["Categories", "Ground against flight", "Subarrays"]
    page.select_option("#viewer-group", label="Ground against flight")
    told = page.locator("#viewer-layers").text_content()
    kept = run.checks["GND-RETAINED", DETECTOR, "FULL"]["message"].split()[0]
    assert f"kept: bad on ground and in flight: {kept}" in told
    page.select_option("#viewer-group", label="Subarrays")
    additional = run.checks["SUB-ADDITIONAL", DETECTOR, "SUB64P"]["message"].split()[0]
    assert f"additional: bad in the subarray alone: {additional}" in page.locator("#viewer-layers").text_content()
    page.select_option("#viewer-set", label=f"{DETECTOR} SUB64P")
    page.wait_for_selector(f"#viewer-canvas[data-ready='sheet-{DETECTOR}-SUB64P']")


def test_every_picture_has_loaded_and_is_not_blank(opened, run):
    page = opened().page
    page.click("#show_all_details")
    pictures = page.locator(".picture img")
    assert pictures.count() >= 4
    for picture in pictures.all():
        assert picture.evaluate("async image => { await image.decode(); return image.naturalWidth; }") > 300
        assert DETECTOR in picture.get_attribute("alt")
    sources = pictures.evaluate_all("images => images.map((image) => image.src)")
    assert len(set(sources)) == len(sources)
    canvas = viewer(page).locator("#viewer-canvas")
    for picture in (canvas, pictures.first):
        shot = np.asarray(Image.open(io.BytesIO(picture.screenshot())).convert("L"), dtype=float)
        assert shot.std() > 10


def test_the_keyboard_reaches_everything(opened):
    page = viewer(opened().page)
    page.evaluate("scrollTo(0, 0)")
    reached, everything = set(), "a[href], button, select, input, summary, canvas, th.sortable, tr.collapsible"
    visible = page.locator(everything).evaluate_all(
        "all => all.filter((e) => e.checkVisibility() && !e.disabled).map((e, n) => (e.dataset.n = n, n))"
    )
    for _ in range(3 * len(visible)):
        page.keyboard.press("Tab")
        number = page.evaluate("document.activeElement.dataset.n")
        if number is not None and int(number) in reached:
            break
        if number is not None:
            reached.add(int(number))
    assert reached == set(visible)


def test_the_keyboard_opens_sorts_and_zooms(opened, run):
    page = viewer(opened().page)
    row = page.locator(f"#{row_id(run.checks['CNT-HOT', DETECTOR, 'FULL'])} tr.collapsible")
    row.focus()
    page.keyboard.press("Enter")
    assert page.locator(f"#{row_id(run.checks['CNT-HOT', DETECTOR, 'FULL'])} .detail").is_visible()
    assert page.evaluate("document.activeElement.matches('tr.collapsible')")
    page.locator('th[data-column-type="check"]').focus()
    before = page.locator("td.col-check").all_text_contents()
    page.keyboard.press("Enter")
    assert page.locator("td.col-check").all_text_contents() != before
    assert page.evaluate("document.activeElement.dataset.columnType") == "check"
    canvas = page.locator("#viewer-canvas")
    canvas.focus()
    whole = float(canvas.get_attribute("data-scale"))
    page.keyboard.press("+")
    assert float(canvas.get_attribute("data-scale")) == pytest.approx(2 * whole)
    left = float(canvas.get_attribute("data-x"))
    page.keyboard.press("ArrowRight")
    assert float(canvas.get_attribute("data-x")) > left
    page.keyboard.press("n")
    assert "(from 0): " in page.locator("#viewer-said").text_content()
    page.keyboard.press("0")
    assert float(canvas.get_attribute("data-scale")) == pytest.approx(whole)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_hangs_over_the_edge_and_text_can_be_read(opened, width, scheme):
    page = opened(viewport={"width": width, "height": 844}, color_scheme=scheme).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Contrast of text against what lies behind it, by WCAG 2.2: 4.5 to 1.
    assert page.evaluate(CONTRAST, ".banner, .tile, .tile-detector, .matrix td a, .worst li, h1, h2, .finding") == []


CONTRAST = """
(selector) => {
    const rgba = (text) => text.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
    const behind = (element) => {
        for (let e = element; e; e = e.parentElement) {
            const colour = rgba(getComputedStyle(e).backgroundColor);
            if (colour[3] !== 0) { return colour; }
        }
        return [255, 255, 255];
    };
    const wrong = [];
    for (const part of document.querySelectorAll(selector)) {
        for (const element of [part, ...part.querySelectorAll("*")]) {
            if (![...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) { continue; }
            if (!element.checkVisibility()) { continue; }
            const [a, b] = [light(rgba(getComputedStyle(element).color)), light(behind(element))];
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            if (ratio < 4.5) { wrong.push(`${element.className || element.tagName}: ${ratio.toFixed(2)}`); }
        }
    }
    return [...new Set(wrong)];
}
"""


def test_on_paper_the_verdict_is_one_page(opened, tmp_path):
    page = opened().page
    page.emulate_media(media="print")
    paper = tmp_path / "report.pdf"
    page.pdf(path=paper, format="A4", print_background=True)
    first = pdf_pages(paper)[0]
    for words in ("FAIL", "What failed", DETECTOR, "What was not looked at", "CNT-HOT"):
        assert words in first


def pdf_pages(path) -> list[str]:
    from pypdf import PdfReader

    return [page.extract_text() for page in PdfReader(path).pages]


def test_the_page_is_the_record(opened, run):
    """What it shows is what results.json says."""
    page, expected = opened().page, []
    for check in run.results["checks"]:
        measured = "not measured" if check["measured"] is None else quantity(check["measured"], check["unit"])
        expected.append((check["id"], check["detector"], check["subarray"], measured))
    shown = page.locator("tr.collapsible").evaluate_all(
        "rows => rows.map((row) => ['check', 'detector', 'subarray', 'measured']"
        ".map((name) => row.querySelector(`.col-${name}`).textContent.trim()))"
    )
    assert sorted(map(tuple, shown)) == sorted(expected)
    passed = sum(check["outcome"] == "pass" for check in run.results["checks"])
    assert page.locator(".tile.pass b").text_content().split()[1] == str(passed)
