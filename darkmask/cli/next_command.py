"""The command to type next, such that it works when it is typed as it stands."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from darkmask.core.atomic import storing, write_text
from darkmask.core.detectors import DETECTORS
from darkmask.core.remote import shown_place


def next_line(*words: str | Path) -> str:
    """Return the line that tells what to type next.

    Parameters
    ----------
    *words : str or Path
        Command and arguments, without the program.
    """
    return f"Next: {shlex.join([*_program(), *map(str, words)])}"


def check_words(
    detectors: Iterable[str], *, simulated: bool, delivery: Path, criteria: str = "demo", **folders: Path | None
) -> list[str]:
    """Return ``check`` and its options.

    Parameters
    ----------
    detectors : iterable of str
        What there is to judge; named unless it is all of them, which the criteria expect.
    simulated : bool
        Whether the criteria of real darks would ask too much.
    delivery : Path
    criteria : str
        Criteria of what is simulated.
    **folders : Path or None
        Further folders, by the name of their option.
    """
    given = {"delivery": delivery, **folders}
    words = [
        f"--{name.replace('_', '-')}={shown_place(folder)}" for name, folder in given.items() if folder is not None
    ]
    if simulated:
        words.append(f"--criteria={criteria}")
    if named := [name for name in DETECTORS if name in set(detectors)]:
        words += [] if len(named) == len(DETECTORS) else [f"--detectors={','.join(named)}"]
    return ["check", *words]


def beside(delivery: Path, what: str) -> Path | None:
    """Return what ``demo`` left beside a delivery: ``ground``, ``base`` or ``criteria.toml``; None where it did not.

    Parameters
    ----------
    delivery : Path
    what : str
        Suffix of its name.
    """
    path = sibling(delivery, what)
    return path if path.exists() else None


def sibling(folder: Path, suffix: str) -> Path:
    """Return the path beside a folder that has its name and a suffix; the folder may be typed as ``.`` or ``..``."""
    if folder.name in ("", ".."):
        folder = Path(os.path.abspath(folder))
    return folder.parent / f"{folder.name}.{suffix}"


def criteria_for(delivery: Path) -> str:
    """Return the criteria of a simulated delivery: a file that lies beside it, or those named demo."""
    return str(beside(delivery, "criteria.toml") or "demo")


def hand_on_criteria(made_from: Path, out: Path) -> None:
    """Put criteria that ``demo`` left beside raw darks beside what was made of them too: later commands look there."""
    own, target = beside(made_from, "criteria.toml"), sibling(out, "criteria.toml")
    if own is not None and not target.exists():
        with storing(target, "free some space, or give another folder"):
            write_text(target, own.read_text(encoding="utf-8"))


def _program() -> list[str]:
    """Return how this program was called, as short as the shell can find it."""
    typed = Path(sys.argv[0])
    if typed.name == "darkmask":
        return ["darkmask" if _found("darkmask", typed) else str(typed)]
    python = Path(sys.executable)
    return [python.name if _found(python.name, python) else str(python), "-m", "darkmask"]


def _found(name: str, path: Path) -> bool:
    """Return whether the shell finds this file by its name; two environments may link to one interpreter."""
    found = shutil.which(name)
    return found is not None and os.path.abspath(found) == os.path.abspath(path)
