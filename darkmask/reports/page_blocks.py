"""Blocks put into the page of a report after its run, between two markers, and taken out again byte for byte."""

import re
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class PageBlock:
    """A place at the top of a page's body that holds one piece of HTML, or none.

    Attributes
    ----------
    name : str
        What stands in the two markers, which are comments of HTML. No text that was escaped can hold one.
    """

    name: str

    @property
    def begin(self) -> bytes:
        """The marker before the block."""
        return f"<!-- {self.name} begins -->".encode()

    @property
    def end(self) -> bytes:
        """The marker after the block."""
        return f"<!-- {self.name} ends -->".encode()

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        return re.compile(re.escape(self.begin) + b".*?" + re.escape(self.end) + b"\n", re.DOTALL)

    def is_in(self, page: bytes) -> bool:
        """Return whether a page holds one of the markers."""
        return self.begin in page or self.end in page

    def is_whole_in(self, page: bytes) -> bool:
        """Return whether a page holds the whole block."""
        return self._pattern.search(page) is not None

    def without(self, page: bytes) -> bytes:
        """Return the page as it was before the block was put into it."""
        return self._pattern.sub(b"", page)

    def put(self, page: bytes, html: str) -> bytes:
        """Return a page that holds no such block with one at the top of its body."""
        body = body_of(page)
        position = body.end() if body else 0
        block = self.begin + html.encode("utf-8", "backslashreplace") + self.end + b"\n"
        return page[:position] + block + page[position:]


def body_of(page: bytes) -> re.Match[bytes] | None:
    """Return where the body of a page begins; None when it is no page of ours."""
    return re.search(rb"<body\b[^>]*>\n?", page)
