"""Start a process that runs a module of ours, and find the last thing that it said."""

import os
import sys
from collections.abc import Iterable

from .provenance import PACKAGE


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
