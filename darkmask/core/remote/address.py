"""Addresses of folders, as they may be typed."""

import re
from urllib.parse import unquote, urlsplit

from darkmask.core.errors import CommandError

SCHEMES = ("https", "http", "s3", "memory")
# What has a scheme: one letter may be a drive.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def is_address(text: str) -> bool:
    """Return whether a text is an address, be it one that cannot be used, and not a path."""
    return _ADDRESS.match(text) is not None


def as_address(text: str) -> str:
    """Return the address of a folder without a slash at its end.

    Parameters
    ----------
    text : str
        As it was typed.

    Raises
    ------
    CommandError
        When nothing here reads such an address. The sentence never holds a name, a password or a query.
    """
    scheme = text.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise CommandError(f"{shown(text)} is of a kind that is not read here: give {', '.join(SCHEMES)}, or a folder.")
    parts = urlsplit(text)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise CommandError(
            f"{shown(text)} was given with a user, a password or a query, which would stand in reports: leave them "
            "out; HTTP takes them from ~/.netrc, and S3 from its own configuration (AWS_PROFILE, AWS_ACCESS_KEY_ID); "
            "# and ? of a folder's name are %23 and %3F."
        )
    if any(part in (".", "..") for part in parts.path.split("/")) or not text.isprintable():
        raise CommandError(
            f"{shown(text)} holds a point, two points or a control character in its path: give it plain."
        )
    place = f"{parts.netloc}{parts.path}".strip("/")
    if not place:
        raise CommandError(f"{shown(text)} names no folder: give its whole address.")
    return f"{scheme}://{place}"


def folder_name(address: str) -> str:
    """Return the name of a folder, by which its reports are called."""
    last = address.rpartition("/")[2]
    plain = unquote(last)
    return plain if plain.isprintable() and "/" not in plain and plain not in ("", ".", "..") else last


def shown(text: str) -> str:
    """Return an address without what might be secret: user, password, query."""
    scheme, _, rest = text.partition("://")
    place = re.split(r"[?#]", rest, maxsplit=1)[0]
    host, slash, path = place.partition("/")
    # A password may hold a slash or an @: what stands before the last one is never shown.
    if "@" in place:
        host, slash, path = place.rpartition("@")[2].partition("/")
    printable = "".join(c if c.isprintable() else "?" for c in f"{host}{slash}{path}")
    return f"{scheme}://{printable}"[:300]
