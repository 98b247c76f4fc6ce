"""Write files and folders that appear whole or not at all, and explain why one could not be written."""

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from .errors import StorageError, in_one_line

_PART = ".part-"
# astropy and numpy raise an OSError of their own, which has no number, when fewer bytes were written than given.
_WRITING = (
    *(None, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
    # Whoever writes also locks.
    *(errno.ENOLCK, errno.EOPNOTSUPP),
)


@contextmanager
def replacing(path: Path, *, flushed: bool = True) -> Iterator[Path]:
    """Give a temporary file beside ``path`` to write; rename it to ``path`` when the block ends without an error.

    The temporary file keeps the suffixes of ``path``, by which writers choose a format. It lies in the same folder,
    since a rename is atomic only within one file system. What a killed process left of the same file is removed.

    Parameters
    ----------
    path : Path
        The final name; its folder is made when missing.
    flushed : bool
        Whether the file lies on the disk before it has its name. Otherwise a machine that fails may leave it without
        some of its bytes: for who knows that by other means.

    Yields
    ------
    Path
        Where to write.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent, f"{_PART}*-{path.name}")
    temporary, lock = _locked(lambda: _new_file(path))
    try:
        yield temporary
        # mkstemp makes a file that only its owner can read; a report is for everyone who may read the folder.
        temporary.chmod(0o644)
        if flushed:
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
        os.close(lock)


@contextmanager
def working_folder(parent: Path, name: str, prefix: str = _PART) -> Iterator[Path]:
    """Give a hidden folder to fill, and remove it at the end, with those of ``name`` that killed processes left.

    Parameters
    ----------
    parent : Path
        Where the folder is made.
    name : str
        What the folder is for.
    prefix : str
        What the names of such folders begin with.
    """
    remove_leftovers(parent, f"{prefix}*-{name}")
    folder, lock = _locked(lambda: Path(tempfile.mkdtemp(prefix=prefix, suffix=f"-{name}", dir=parent)))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def temporary_folder(name: str) -> AbstractContextManager[Path]:
    """Give a :func:`working_folder` among the system's temporary files."""
    return working_folder(Path(tempfile.gettempdir()), f"darkmask-{name}")


def remove_leftovers(folder: Path, pattern: str = f"{_PART}*") -> None:
    """Remove the temporary files and folders, by a pattern of names, whose process has died.

    A process holds a lock on each of its own as long as it lives.
    """
    for path in folder.glob(_without_magic(pattern)):
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        except OSError:
            continue
        finally:
            os.close(descriptor)


@contextmanager
def storing(place: Path | str, remedy: str) -> Iterator[None]:
    """Say in one sentence that there is no room, or no permission, to write.

    Parameters
    ----------
    place : Path or str
        What was to be written.
    remedy : str
        What the user can do about it.

    Raises
    ------
    StorageError
        Instead of the OSError of a full, read-only or forbidden file system.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _WRITING:
            raise
        raise StorageError(f"{place} cannot be written ({reason_of(error)}): {remedy}.") from error


def reason_of(error: OSError) -> str:
    """Return why the system refused, in its words."""
    return error.strerror or in_one_line(error)


def write_text(path: Path, text: str) -> None:
    """Write a text file (UTF-8) by atomic rename."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256_file(path: Path | str) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal."""
    return sha256_bytes(text.encode("utf-8", "surrogateescape"))


def sha256_bytes(data: bytes) -> str:
    """Return the SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _new_file(path: Path) -> Path:
    handle, name = tempfile.mkstemp(prefix=_PART, suffix="-" + path.name, dir=path.parent)
    os.close(handle)
    return Path(name)


def _locked(make: Callable[[], Path]) -> tuple[Path, int]:
    """Make a temporary path, and return it with the descriptor that holds its lock."""
    while True:
        path = make()
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:  # another process took it for a leftover before it was locked
            continue
        with suppress(OSError):  # on a file system without locks nobody takes it for a leftover either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if path.exists():
            return path, descriptor
        os.close(descriptor)


def _without_magic(pattern: str) -> str:
    return pattern.replace("[", "[[]").replace("?", "[?]")
