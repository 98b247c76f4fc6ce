"""Digests that one process took of the files of a mask, told to others that see the same files and need not read them.

Who is told takes a digest for a file that is the same there: by its inode, its size and the times of its last changes,
which machines with one file system have in common. Of any other it takes its own digest.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from darkmask.build.request import BuildRequest
from darkmask.core.digests import BLAKE3, SHA256, identity_of, known_digest, remembered_digest, take_digest
from darkmask.core.errors import DarkmaskError
from darkmask.core.remote import is_copy, stated

from .places import Sent
from .process import settle_in

# By the name of an input: its digest, and by what the file was known to whoever took it.
Told = Mapping[str, tuple[str, str]]


def identities(request: BuildRequest, names: Sequence[str] | None = None) -> dict[str, str]:
    """Return by what some inputs of a mask are known here, by name; without those that are too young to tell."""
    files = request.input_files()
    found = {}
    for name in files if names is None else names:
        with suppress(OSError):
            found[name] = identity_of(files[name])
    return {name: identity for name, identity in found.items() if identity is not None}


def told(request: BuildRequest, digests: Mapping[str, str], before: Mapping[str, str]) -> Told:
    """Return what to tell of digests.

    Parameters
    ----------
    request : BuildRequest
    digests : mapping of str to str
        By the names of inputs.
    before : mapping of str to str
        What :func:`identities` gave before these were taken: a file that changed meanwhile is not told.
    """
    after = identities(request, list(digests))
    same = [name for name in digests if name in before and after.get(name) == before[name]]
    return {name: (digests[name], before[name]) for name in same}


def take(request: BuildRequest, known: Told, algorithm: str = BLAKE3) -> None:
    """Remember what was told, of files that are the same here."""
    files = request.input_files()
    for name, (digest, identity) in known.items():
        with suppress(OSError, KeyError):  # whoever reads it tells that it is gone
            take_digest(files[name], digest, identity, algorithm)


def sha256_sums(request: Sent, names: Sequence[str], *_made: object) -> Told:
    """Take in a worker the SHA-256 of some inputs of a mask, which reports publish.

    Parameters
    ----------
    request : Sent
    names : sequence of str
    *_made
        What was waited for, where this is for a worker that has copies of the files.

    Raises
    ------
    DarkmaskError, OSError
        When one cannot be read.
    """
    settle_in()
    here = request.here()
    before, files = identities(here, names), here.input_files()
    return told(here, {name: remembered_digest(files[name], SHA256) for name in names}, before)


def without_sha256(request: BuildRequest) -> dict[str, int]:
    """Return the sizes of the inputs of a mask of which nobody here knows the SHA-256, by name."""
    sizes = {}
    for name, path in request.input_files().items():
        with suppress(OSError, DarkmaskError):
            if known_digest(path, SHA256) is None and identity_of(path) is not None:
                sizes[name] = stated(path)[0] if is_copy(path) else path.stat().st_size
    return sizes
