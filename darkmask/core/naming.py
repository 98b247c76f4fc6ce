"""Mappings by name that a person types: capitals do not matter, and a wrong name is answered with the nearest."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from .errors import UnknownNameError

Value = TypeVar("Value")


class ByName(dict[str, Value]):
    """A dictionary that finds its keys in whatever capitals they are written.

    Parameters
    ----------
    what : str
        What a key names, for the sentence of an error: "category".
    values : mapping of str to value
        In capitals or not, as they are listed.
    """

    def __init__(self, what: str, values: Mapping[str, Value]):
        super().__init__(values)
        self._what = what

    def __missing__(self, name: object) -> Value:
        found = self._listed(name)
        if found is None:
            raise UnknownNameError(unknown(self._what, name, self))
        return super().__getitem__(found)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or self._listed(name) is not None

    def get(self, name, default=None):
        """Return the value of a name in whatever capitals, or the default."""
        try:
            return self[name]
        except UnknownNameError:
            return default

    def _listed(self, name: object) -> str | None:
        wanted = str(name).lower()
        return next((key for key in self if key.lower() == wanted), None)


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Return the sentence that says that there is no such name, and which is the nearest.

    Parameters
    ----------
    what : str
        What the name was to name: "keyword".
    name : object
        As it was given.
    known : iterable of str

    Returns
    -------
    str
    """
    known = list(known)
    lowered = {key.lower(): key for key in known}
    close = difflib.get_close_matches(str(name).lower(), lowered, n=1)
    if close:
        return f"There is no {what} {name!r}: the nearest is {lowered[close[0]]!r}."
    listed = ", ".join(known)
    return f"There is no {what} {name!r}: {f'use one of {listed}' if listed else f'there is no {what} at all'}."
