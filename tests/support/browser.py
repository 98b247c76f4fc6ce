"""A page of the report in a real browser (Debian's Chromium), and what happens there."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian's package chromium)")

# Each scheme and each width is looked at in minutes; all pairs take twice as long.
on_screens = pytest.mark.parametrize(
    ("scheme", "width"),
    [
        ("light", 1280),
        ("dark", 390),
        pytest.param("light", 390, marks=pytest.mark.slow),
        pytest.param("dark", 1280, marks=pytest.mark.slow),
    ],
)


class OpenPage:
    """A page that was opened, with everything that went wrong in it.

    Attributes
    ----------
    page : playwright.sync_api.Page
    complaints : list of str
        Errors of scripts, and what the console was told as an error or a warning.
    requests : list of str
        Addresses that the page asked for besides its own file and data in the page.
    """

    def __init__(self, page: Page, path: Path):
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._listen)
        own = path.resolve().as_uri()
        page.on("request", lambda request: self._hear(request.url.partition("?")[0], own))
        page.goto(own)

    def _listen(self, told: ConsoleMessage) -> None:
        if told.type in ("error", "warning"):
            self.complaints.append(told.text)

    def _hear(self, url: str, own: str) -> None:
        if url != own and not url.startswith(("data:", "blob:")):
            self.requests.append(url)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium without a window, in a profile of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextmanager
def opened(path: Path, **options) -> Iterator[OpenPage]:
    """Open a file in a browser of its own; options are those of a browser context (``viewport``, ``color_scheme``)."""
    with chromium() as browser:
        yield OpenPage(browser.new_page(**options), path)


@contextmanager
def reading(browser: Browser, path: Path) -> Iterator[Callable[..., OpenPage]]:
    """Give a function that opens a file, with a query; at the end, nothing may have gone wrong in any page.

    Options are those of a browser context; by default the screen is 1280 by 900.
    """
    pages: list[OpenPage] = []
    contexts: list[BrowserContext] = []

    def look(query: str = "", **options) -> OpenPage:
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options}))
        pages.append(OpenPage(contexts[-1].new_page(), path))
        if query:
            pages[-1].page.goto(path.resolve().as_uri() + query)
        return pages[-1]

    try:
        yield look
        for one in pages:
            assert (one.complaints, one.requests) == ([], [])
    finally:
        for context in contexts:
            context.close()
