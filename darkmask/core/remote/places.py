"""Folders that lie elsewhere as they are known here: what was listed of them, and paths below the cache."""

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from darkmask.core.atomic import storing, write_text
from darkmask.core.cache_folder import cache_root
from darkmask.core.errors import DeliveryError

from .address import as_address, folder_name, shown
from .server import Server, Version

REMEDY = "make the folder writable, or set XDG_CACHE_HOME to another one"
_FAMILY = "remote"
_SOURCE = "source.json"


def open_place(text: str) -> Path:
    """List a folder that lies elsewhere, and return the path by which it is known here.

    Parameters
    ----------
    text : str
        Its address, as it was typed.

    Returns
    -------
    Path
        Its last part is the name of the folder. What is listed stays what is meant below this path until the folder is
        listed again.

    Raises
    ------
    CommandError
        When the address cannot be used.
    DeliveryError
        When nothing can be read there.
    StorageError
        When the cache cannot be written.
    """
    address = as_address(text)
    files = Server(address).list_files()
    return place_of(
        {"address": address, "files": {name: [version.size, version.tag] for name, version in files.items()}}
    )


def place_of(listing: Mapping[str, Any]) -> Path:
    """Return the path by which a folder that lies elsewhere is known here, with what was listed of it, here or there.

    Parameters
    ----------
    listing : mapping of str to object
        What :func:`listing_of` gave.

    Raises
    ------
    CommandError
        When the address cannot be used.
    StorageError
        When the cache cannot be written.
    """
    address = as_address(listing["address"])
    place = root() / hashlib.sha256(address.encode()).hexdigest()[:16]
    text = json.dumps({"address": address, "files": listing["files"]}, indent=1) + "\n"
    with storing(place, REMEDY):
        _keep(place)
        # One that is the same stays, and is not read again.
        if not (place / _SOURCE).is_file() or (place / _SOURCE).read_text(encoding="utf-8") != text:
            write_text(place / _SOURCE, text)
        folder = place / folder_name(address)
        folder.mkdir(exist_ok=True)
    return folder


def listing_of(path: Path | str) -> dict[str, Any] | None:
    """Return address, names and versions of the folder that a path is of, as plain values; None where it is here.

    Raises
    ------
    DeliveryError
        When what was listed is gone.
    """
    if not is_copy(path):
        return None
    address, files = _source(_parts(Path(path))[0])
    return _listing(address, files)


def _listing(address: str, files: Mapping[str, Version]) -> dict[str, Any]:
    return {"address": address, "files": {name: [version.size, version.tag] for name, version in files.items()}}


def is_copy(path: Path | str) -> bool:
    """Return whether a path is that of something that lies elsewhere."""
    # The folder of all copies, and what holds those of one address, are folders of this machine.
    above = Path(os.path.abspath(path)).parents[1:]
    # Most have no such folder above them, and need no cache for that.
    return any(folder.name == _FAMILY for folder in above) and root() in above


def shown_place(path: Path | str) -> str:
    """Return where a path leads to, for people: an address for what lies elsewhere."""
    if not is_copy(path):
        return str(path)
    place, name = _parts(Path(path))
    address = _source(place)[0]
    return shown(f"{address}/{name}" if name else address)


def source_of(path: Path) -> tuple[str, str]:
    """Return the address of the folder that a file is of, and the path of the file there."""
    place, name = _parts(path)
    return _source(place)[0], name


def listed_files(folder: Path) -> list[Path]:
    """Return the paths of the files that were listed of a folder that lies elsewhere, sorted."""
    place, _ = _parts(folder)
    return sorted(folder / name for name in _source(place)[1])


def version_of(path: Path) -> Version:
    """Return the version of a file that was listed.

    Raises
    ------
    DeliveryError
        When it was not listed.
    """
    place, name = _parts(path)
    address, files = _source(place)
    if name not in files:
        raise DeliveryError(f"{shown(f'{address}/{name}')} is no longer listed: run again.")
    return files[name]


def stated(path: Path) -> tuple[int, int]:
    """Return size and date, in ns, by which a file that lies elsewhere is known: the date stands for its version."""
    version = version_of(path)
    number = int.from_bytes(hashlib.sha256(f"{version.size} {version.tag}".encode()).digest()[:4])
    # Even seconds until the year 2004: what every file system keeps.
    return version.size, number % 2**29 * 2 * 10**9


def require_listed(path: Path) -> None:
    """Raise a `DeliveryError` unless the server of a file that lies elsewhere gives the version that was listed."""
    place, name = _parts(path)
    require_version(Server(_source(place)[0]), name, version_of(path))


def require_version(server: Server, name: str, version: Version) -> None:
    """Raise a `DeliveryError` unless a server gives a version of a file."""
    if server.version(name) != version:
        raise DeliveryError(
            f"{shown(f'{server.address}/{name}')} has changed since it was listed: wait until the delivery has arrived "
            "and run again."
        )


def _parts(path: Path) -> tuple[Path, str]:
    """Return the place that holds a folder's copies, and the path of a file in that folder."""
    first, *rest = Path(os.path.abspath(path)).relative_to(root()).parts
    return root() / first, "/".join(rest[1:])


def _source(place: Path) -> tuple[str, dict[str, Version]]:
    """Return the address of a folder, and the files that were listed."""
    try:
        _keep(place)
        return _read_source(place / _SOURCE, (place / _SOURCE).stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DeliveryError(
            f"What was listed of a folder that lies elsewhere is gone from the cache ({place}): run again with its "
            "address."
        ) from error


@cache
def _read_source(path: Path, modified: int) -> tuple[str, dict[str, Version]]:  # noqa: ARG001
    said = json.loads(path.read_text(encoding="utf-8"))
    return said["address"], {name: Version(*version) for name, version in said["files"].items()}


@cache
def _keep(place: Path) -> None:
    """Keep the place from being removed with the cache as long as this process lives: whoever removes it locks it."""
    place.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(f"{place}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def root() -> Path:
    """Return the folder of all that lies elsewhere, which may not exist."""
    # As every path is compared with it: XDG_CACHE_HOME may hold two points.
    return Path(os.path.abspath(cache_root() / _FAMILY))
