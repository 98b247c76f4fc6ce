"""A server on the loopback interface that shows a folder as pages, honours ranges, and misbehaves on demand."""

import os
import threading
import time
from collections import defaultdict
from email.utils import formatdate
from html import escape
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import quote, unquote

from .loopback import LoopbackServer


class FolderServer(LoopbackServer):
    """What the server shows, and how it misbehaves.

    Attributes
    ----------
    folder : Path
    trouble : dict of str to list of str
        By the name of a file: what to do with the next ranges of it, one after the other. ``cut``: send half of the
        bytes and close; ``short``: send and announce half of them; ``page``: send a page, as a login does; ``circle``:
        lead to the same address; a number: answer with this status.
    always : dict of str to str
        By the name of a file: what to do with each question for it.
    latency : float
        Seconds before each answer.
    asked : list of (str, str or None)
        Path and Range header of each question for bytes.
    tags : bool
        Whether an ETag is sent.
    dates : bool
        Whether Last-Modified is sent.
    ranges : bool
        Whether ranges are honoured.
    replace_after : dict of str to (int, bytes)
        By the name of a file: after how many ranges of it other content takes its place.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.trouble: dict[str, list[str]] = defaultdict(list)
        self.always: dict[str, str] = {}
        self.replace_after: dict[str, tuple[int, bytes]] = {}
        self.latency = 0.0
        self.asked: list[tuple[str, str | None]] = []
        self.most_at_once = self.at_once = 0
        self.tags = self.dates = self.ranges = True
        self.lock = threading.Lock()
        held = self

        class Handler(_Handler):
            server_of = held

        super().__init__(Handler)


class _Handler(BaseHTTPRequestHandler):
    server_of: FolderServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except (ConnectionError, BrokenPipeError):
            self.close_connection = True

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        held = self.server_of
        with held.lock:
            held.at_once += 1
            held.most_at_once = max(held.most_at_once, held.at_once)
        try:
            time.sleep(held.latency)
            path = held.folder / unquote(self.path.split("?")[0]).strip("/")
            if path.is_dir():
                self._page(path, body)
            elif path.is_file():
                self._file(path, body)
            else:
                self._status(404)
        finally:
            with held.lock:
                held.at_once -= 1

    def _status(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _page(self, path: Path, body: bool) -> None:
        links = [f"{quote(child.name)}{'/' if child.is_dir() else ''}" for child in sorted(path.iterdir())]
        listed = "".join(f'<a href="{escape(link)}">{escape(link)}</a>\n' for link in ["../", "?C=N;O=D", *links])
        self._send_page(f"<html><body>{listed}</body></html>".encode(), body)

    def _send_page(self, content: bytes, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if body else b"")

    def _file(self, path: Path, body: bool) -> None:
        held, name = self.server_of, path.name
        wanted = self.headers["Range"]
        what = held.always.get(name, "")
        if body:
            with held.lock:
                held.asked.append((self.path, wanted))
                if held.trouble[name]:
                    what = held.trouble[name].pop(0)
                left, other = held.replace_after.get(name, (-1, b""))
                if left == 0:
                    fresh = path.with_name(f".{name}.new")
                    fresh.write_bytes(other)
                    fresh.replace(path)
                if left >= 0:
                    held.replace_after[name] = (left - 1, other)
        if what.isdigit():
            self._status(int(what))
            return
        if what == "circle":
            self._status(302, Location=self.path)
            return
        if what == "page":
            self._send_page(b"<html><body>Who are you?</body></html>", body)
            return
        status, first = 200, 0
        with path.open("rb") as file:
            stat = os.fstat(file.fileno())
            stop = size = stat.st_size
            if wanted and held.ranges:
                begin, _, end = wanted.removeprefix("bytes=").partition("-")
                first, status, stop = int(begin), 206, min(int(end) + 1, size) if end else size
            file.seek(first)
            content = file.read(stop - first) if body else bytes(stop - first)
        sent = content[: len(content) // 2] if what in ("cut", "short") else content
        self.send_response(status)
        self.send_header("Content-Type", "application/fits")
        self.send_header("Content-Length", str(len(sent if what == "short" else content)))
        self.send_header("Accept-Ranges", "bytes" if held.ranges else "none")
        if held.tags:
            self.send_header("ETag", f'"{stat.st_mtime_ns:x}-{size:x}-{stat.st_ino:x}"')
        if held.dates:
            self.send_header("Last-Modified", formatdate(stat.st_mtime, usegmt=True))
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{first + len(content) - 1}/{size}")
        self.end_headers()
        if body:
            self.wfile.write(sent)
        if what == "cut":
            self.close_connection = True
