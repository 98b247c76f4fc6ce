"""Start a process that runs a module of ours, and find the last thing that it said."""

import gc
import os
import sys
from collections.abc import Iterable

from .provenance import PACKAGE

# Objects that are made before Python looks for those that hold one another; it begins with 700.
_MADE_BEFORE_COLLECTING = 50_000


def collect_seldom() -> None:
    """Let this process look less often for garbage that holds itself.

    The packages that we import make a million objects that stay. Looking through them again and again takes 0.8 of the
    15 s of processor time of a search of a full frame, and a tenth of a run of checks whose masks are there.
    """
    gc.set_threshold(_MADE_BEFORE_COLLECTING, 20, 50)


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command line of a process that runs a module of ours without showing its warnings."""
    return [sys.executable, "-W", "ignore", "-m", module, *arguments]


def module_environment(**more: str) -> dict[str, str]:
    """Return the environment of such a process: this one's, in which our package is found from any folder."""
    paths = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more}


def last_words(said: Iterable[str], otherwise: str) -> str:
    """Return the last line with text that a process wrote on standard error.

    Parameters
    ----------
    said : iterable of str
        Lines of standard error.
    otherwise : str
        What to return when no line has text.
    """
    lines = [line.strip() for line in said if line.strip()]
    return lines[-1] if lines else otherwise
