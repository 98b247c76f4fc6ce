"""How many pieces of work run side by side: as many as cores and a budget of memory allow."""

import os
from pathlib import Path

from .errors import CommandError

MEMORY_HELP = "GB that may be taken, which decides how much is done side by side (default: what is free)"


def available_memory() -> float:
    """Return the bytes that can be used without swapping; on systems that do not tell, all free pages."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024.0 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def gigabytes(text: str) -> float:
    """Return the bytes of a budget that was given in GB (of a thousand million bytes).

    Raises
    ------
    CommandError
        When it is no number, or not more than 0.
    """
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise CommandError(f"--memory={text} is no amount of memory: give a number of GB, more than 0.")
    return number * 1e9


def at_once(need: float, most: int, budget: float | None, what: str) -> int:
    """Return how many pieces of work fit into a budget of memory at a time.

    Parameters
    ----------
    need : float
        Bytes that one piece takes at its peak.
    most : int
        How many there would be if memory were no matter: pieces, or cores.
    budget : float or None
        Bytes; None takes what is free, and then one piece is tried however little that is.
    what : str
        What a piece is, for the message.

    Raises
    ------
    CommandError
        When one piece takes more than a budget that was given.
    """
    if budget is not None and need > budget:
        raise CommandError(
            f"--memory={budget / 1e9:.3g} is too little: {what} takes up to {need / 1e9:.2g} GB; give at least that."
        )
    return max(1, min(most, int((available_memory() if budget is None else budget) // need)))
