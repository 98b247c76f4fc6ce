"""What a server has of a folder: its files, their versions, and ranges of their bytes."""

import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from darkmask.core.errors import DeliveryError

from .address import shown
from .failures import Part, reason_of

Answer = TypeVar("Answer")

# After a failure that may pass the server is asked again, with pauses that double.
ATTEMPTS, PAUSE_SECONDS = 5, 0.5
# Seconds for a connection, and for the next byte.
_CONNECT, _READ = 20, 60
# Pages that may lead to one another, and how far down: a server may link in circles.
_PAGES, _DEPTH = 2000, 8
# Questions to one server at a time.
AT_ONCE = 16
_FITS = re.compile(r"\.fits(\.[A-Za-z0-9]+)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Version:
    """What tells one content of a file from the next.

    Attributes
    ----------
    size : int
        Bytes.
    tag : str
        ETag, or the time of the last change where there is none.
    """

    size: int
    tag: str


class Server:
    """One folder of a server.

    Parameters
    ----------
    address : str
        As :func:`.address.as_address` returns it.
    anonymous : bool
        Whether a bucket is asked without the user's credentials, though there are some.
    """

    def __init__(self, address: str, *, anonymous: bool = False):
        self.address = address
        self._scheme = address.partition("://")[0]
        self._anonymous = anonymous

    @property
    def _system(self) -> Any:
        # What talks to a server does not survive a fork.
        return _made(self._scheme, self._anonymous, os.getpid())

    def list_files(self) -> dict[str, Version]:
        """Return the FITS files in the folder and below it, by their paths there.

        Raises
        ------
        DeliveryError
            When nobody answers, the folder may not be read or is none, or its files cannot be read by ranges.
        """
        if self._scheme in ("http", "https"):
            names = sorted(set(self._linked(f"{self.address}/", 0, [0])))
            with ThreadPoolExecutor(AT_ONCE) as pool:
                found = dict(zip(names, pool.map(self.version, names), strict=True))
        else:
            listed = self._ask(lambda: self._system.find(self.address, detail=True), self.address)
            root = self.address.partition("://")[2].strip("/") + "/"
            inside = {
                name.lstrip("/")[len(root) :]: info
                for name, info in listed.items()
                if name.lstrip("/").startswith(root)
            }
            found = {name: _version(info, name) for name, info in sorted(inside.items()) if _is_wanted(name)}
        if not found:
            raise DeliveryError(
                f"{shown(self.address)} lists no FITS file: give the address of a folder, which is a page that links "
                "its files or a prefix of a bucket."
            )
        if self._scheme in ("http", "https"):
            self._require_ranges(*max(found.items(), key=lambda item: item[1].size))
        return found

    def version(self, name: str) -> Version:
        """Return which version of a file the server has now.

        Raises
        ------
        DeliveryError
            When it is gone, or cannot be asked for.
        """
        fresh = {"refresh": True} if self._scheme == "s3" else {}
        info = self._ask(lambda: self._system.info(self._full(name), **fresh), name)
        return _version(info, name)

    def read(self, name: str, start: int, stop: int) -> bytes:
        """Return the bytes of a file from ``start`` to before ``stop``, all of them.

        Raises
        ------
        DeliveryError
            When they did not come in several attempts.
        """

        # Of what a web server answers, its status and headers tell what came.
        told = {"raise_for_status": Part(start, stop).require} if self._scheme in ("http", "https") else {}

        def ask() -> bytes:
            content: bytes = self._system.cat_file(self._full(name), start=start, end=stop, **told)
            if len(content) != stop - start:
                raise ConnectionError(f"{len(content)} bytes came where {stop - start} were asked for")
            return content

        return self._ask(ask, name)

    def _full(self, name: str) -> str:
        # The address is as it was typed, and a name as the file has it, with spaces and percent signs.
        return f"{self.address}/{quote(name) if self._scheme in ('http', 'https') else name}"

    def _linked(self, page: str, depth: int, pages: list[int]) -> Iterator[str]:
        """Yield the FITS files that a page links below itself, and those of the pages below."""
        pages[0] += 1
        if pages[0] > _PAGES or depth > _DEPTH:
            raise DeliveryError(f"{shown(self.address)} links more pages than a delivery has folders: give the folder.")
        links = self._ask(lambda: self._system.ls(page, detail=False), page.removeprefix(self.address))
        for link in sorted(links):
            name = unquote(link.removeprefix(page).rstrip("/"))
            if not link.startswith(page) or re.search(r"[/?#\\]", link.removeprefix(page).rstrip("/")):
                continue
            below = unquote(page.removeprefix(f"{self.address}/")) + name
            if link.endswith("/") and name not in ("", ".", "..") and not name.startswith("."):
                yield from self._linked(link, depth + 1, pages)
            elif _is_wanted(below):
                yield below

    def _require_ranges(self, name: str, version: Version) -> None:
        """Refuse a server that sends whole files where a part is asked for, before one of 300 MB comes."""

        def ask() -> bytes:
            # This way of reading looks at the answer's status, and not at its content, when it is not the beginning.
            with self._system.open(self._full(name), "rb", block_size=64, size=version.size) as file:
                file.seek(version.size // 2)
                content: bytes = file.read(64)
                return content

        try:
            self._ask(ask, name)
        except ValueError as error:
            raise DeliveryError(
                f"{shown(self.address)} gives whole files where parts are asked for: copy the folder, and give "
                "the copy."
            ) from error

    def _ask(self, ask: Callable[[], Answer], name: str) -> Answer:
        """Ask until there is an answer, or a failure that will not pass."""
        where = shown(f"{self.address}/{name}" if name != self.address and name.strip("/") else self.address)
        said = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
            try:
                return ask()
            except DeliveryError:
                raise
            except Exception as error:  # aiohttp, botocore and fsspec each have types of their own
                said = reason_of(error, where)
        raise DeliveryError(f"{where} did not come in {ATTEMPTS} attempts ({said}): check the network, and run again.")


def _is_wanted(name: str) -> bool:
    """Return whether a path is one of a FITS file that a scan looks at, and stays below its folder."""
    parts = name.split("/")
    return (
        _FITS.search(name) is not None
        and name.isprintable()
        and "\\" not in name
        and not any(part == "" or part.startswith(".") for part in parts)
    )


def _version(info: dict[str, Any], name: str) -> Version:
    tag = next(
        (info[key] for key in ("ETag", "Last-Modified", "LastModified", "created", "mtime") if info.get(key)), ""
    )
    if not isinstance(info.get("size"), int) or not str(tag):
        raise DeliveryError(
            f"{name} has no size, or neither ETag nor Last-Modified, on its server, so that nobody would see it "
            "change: copy the folder, and give the copy."
        )
    return Version(info["size"], str(tag).strip('"'))


@cache
def _made(scheme: str, anonymous: bool, process: int) -> Any:  # noqa: ARG001
    import fsspec

    if scheme == "memory":
        return fsspec.filesystem("memory")
    if scheme == "s3":
        return _bucket(fsspec, anonymous)
    from aiohttp import ClientTimeout

    timeout = ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=_READ)
    # Proxies and ~/.netrc, as other programs use them.
    client = {"timeout": timeout, "trust_env": True}
    return fsspec.filesystem(scheme, client_kwargs=client, use_listings_cache=False, skip_instance_cache=True)


def _bucket(fsspec: Any, anonymous: bool) -> Any:
    """Return the way to buckets: with the user's credentials, or anonymous where there are none."""
    import botocore.session

    anonymous = anonymous or botocore.session.Session().get_credentials() is None
    config = {"connect_timeout": _CONNECT, "read_timeout": _READ, "retries": {"max_attempts": 2}}
    return fsspec.filesystem(
        "s3", anon=anonymous, config_kwargs=config, use_listings_cache=False, skip_instance_cache=True
    )
