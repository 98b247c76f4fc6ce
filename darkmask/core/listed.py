"""Lists on a command line: names with commas between them, and never with spaces, which would take what follows."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

from .detectors import DETECTORS, LONG_WAVE
from .errors import ParameterError
from .naming import unknown

Item = TypeVar("Item")


def detector_name(text: str) -> str:
    """Return the name of a detector as headers have it.

    Parameters
    ----------
    text : str
        In capitals or not.

    Raises
    ------
    ParameterError
        When NIRCam has no such detector.
    """
    name = text.strip().upper()
    if name in LONG_WAVE:
        raise ParameterError(f"{name} is called {LONG_WAVE[name]} in headers: use that name.")
    if name not in DETECTORS:
        raise ParameterError(unknown("NIRCam detector", text.strip(), DETECTORS))
    return name


def listed(texts: str | Iterable[str], kind: Callable[[str], Item]) -> tuple[Item, ...]:
    """Return the items of a list, each once, in the order in which they were typed.

    Parameters
    ----------
    texts : str or iterable of str
        The value of an option, or its values when it was given more than once; each holds items with commas between.
    kind : callable
        Makes an item of its text, and raises `ValueError` or :class:`ParameterError` when it cannot.

    Raises
    ------
    ParameterError
        When an item is empty or none of this kind.
    """
    items = []
    for text in [texts] if isinstance(texts, str) else texts:
        for part in text.split(","):
            if not part.strip():
                raise ParameterError(f"{text!r} has nothing before or after a comma: write A,B.")
            try:
                items.append(kind(part.strip()))
            except ValueError as error:
                raise ParameterError(f"{part.strip()!r} cannot be used ({error}): correct it.") from None
    return tuple(dict.fromkeys(items))


def refuse_spaces(arguments: Sequence[str], option: str, kind: Callable[[str], object]) -> None:
    """Refuse a list that was typed with spaces: what follows the first item would be taken for something else.

    Parameters
    ----------
    arguments : sequence of str
        The command line.
    option : str
        The option of the list, e.g. ``--detectors``.
    kind : callable
        As for :func:`listed`.

    Raises
    ------
    ParameterError
        When an item of the list follows its value.
    """
    values = [(argument, place + 1) for place, (word, argument) in enumerate(pairwise(arguments)) if word == option]
    values += [
        (argument.partition("=")[2], place)
        for place, argument in enumerate(arguments)
        if argument.startswith(f"{option}=")
    ]
    for value, place in values:
        if value.startswith("-"):
            continue
        more: list[str] = []
        for word in arguments[place + 1 :]:
            if not _all_of_a_kind(word, kind):
                break
            more.append(word)
        if more:
            together = ",".join(part.strip() for word in (value, *more) for part in word.split(",") if part.strip())
            raise ParameterError(f"{option} takes one list with commas and no spaces: write {option}={together}.")


def _all_of_a_kind(word: str, kind: Callable[[str], object]) -> bool:
    parts = [part for part in word.split(",") if part.strip()]
    try:
        for part in parts:
            kind(part.strip())
    except (ValueError, ParameterError):
        return False
    return bool(parts)
