"""What a reviewer types into a report, and who may write into its folder meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout

from darkmask.core.errors import CommandError, DarkmaskError

from .files import lock_of


def typed_text(what: str, value: str, longest: int, *, give: str = "") -> str:
    """Return a typed text without spaces at the ends of its lines.

    Parameters
    ----------
    what, value : str
        What the text is, in words, and the text.
    longest : int
        The most characters that it may have.
    give : str
        What to give instead; the option of that name by default.

    Raises
    ------
    CommandError
        When the text is empty, too long, or holds what cannot be printed.
    """
    lines = [" ".join(line.split()) for line in str(value).strip().splitlines()]
    text = "\n".join(lines)
    if not text or len(text) > longest or not all(line.isprintable() for line in lines):
        raise CommandError(
            f"The {what} is empty, longer than {longest} characters, or not printable: give {give or f'--{what}=TEXT'}."
        )
    return text


def typed_name(what: str, value: str, *, give: str = "") -> str:
    """Return the typed name of a person, which has one line; see :func:`typed_text`."""
    give = give or f"--{what}=NAME"
    name = typed_text(what, value, 200, give=give)
    if "\n" in name:
        raise CommandError(f"The {what} has more than one line: give {give}.")
    return name


@contextmanager
def writing(folder: Path, doing: str, refuse: type[DarkmaskError]) -> Iterator[None]:
    """Hold the lock of a report folder while something is written into it.

    Parameters
    ----------
    folder : Path
    doing : str
        What is done to the report, for the sentence: "signed".
    refuse : type
        The error to raise when there is no such folder, somebody else writes, or it cannot be written.
    """
    if not folder.is_dir():
        raise refuse(f"There is no folder {folder}: give the folder of a report, reports/<delivery>.")
    try:
        with lock_of(folder).acquire(timeout=0):
            yield
    except Timeout:
        raise refuse(f"A run or another reviewer is writing the report in {folder}: wait for it.") from None
    except OSError as error:
        raise refuse(
            f"The report in {folder} cannot be {doing} ({error.strerror}: {error.filename}): make the folder writable."
        ) from error
