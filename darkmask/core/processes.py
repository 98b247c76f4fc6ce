"""How a process that runs a module of ours is started, and the last thing that one said."""

import os
import sys
from collections.abc import Iterable

from .provenance import PACKAGE


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command line of a process that runs a module of ours, whatever it warns of."""
    return [sys.executable, "-W", "ignore", "-m", module, *arguments]


def module_environment(**more: str) -> dict[str, str]:
    """Return the environment of such a process: this one's, in which our package is found from any folder."""
    paths = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more}


def last_words(said: Iterable[str], otherwise: str) -> str:
    """Return the last line that says something, of what a process wrote on standard error.

    Parameters
    ----------
    said : iterable of str
        Lines.
    otherwise : str
        What to say where there is none.

    Returns
    -------
    str
    """
    lines = [line.strip() for line in said if line.strip()]
    return lines[-1] if lines else otherwise
