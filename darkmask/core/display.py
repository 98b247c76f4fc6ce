"""How our objects show themselves at a prompt, and text from anywhere on a page: without surprises."""

import unicodedata
from collections.abc import Iterable, Sequence
from html import escape

# Two lines of a terminal: what is longer hides what was asked before.
LONGEST = 200


def printable(value: object) -> str:
    """Return text from anywhere (headers, file names) so that it can be written as UTF-8 and shown without surprises.

    Control and format characters (terminal escapes, reversed writing) and halves of surrogate pairs, which come
    from undecodable file names, become U+FFFD; newlines and tabs stay.
    """
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs") else "\ufffd"
        for c in text.replace("\r\n", "\n")
    )


def one_line(name: str, *parts: object) -> str:
    """Return a short ``repr``: a name, and what tells the object from others.

    Parameters
    ----------
    name : str
        Of the class.
    *parts : object
        Joined with commas; what is empty is left out.

    Returns
    -------
    str
        At most `LONGEST` characters.
    """
    text = f"<{name}: {', '.join(str(part) for part in parts if str(part))}>"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 5]} ...>"


def counted(number: int, noun: str) -> str:
    """Return a number and a noun, which gets an s unless the number is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def html_table(caption: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a small HTML table for a notebook.

    Parameters
    ----------
    caption : str
    header : sequence of str
    rows : iterable of sequence of object

    Returns
    -------
    str
        Every text in it is escaped. Numbers stand to the right.
    """
    head = "".join(f"<th style='text-align:left'>{escape(text)}</th>" for text in header)
    lines = ["".join(_cell(value) for value in row) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    caption = f"<caption style='caption-side:top;text-align:left'>{escape(caption)}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def text_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table of text, each column as wide as it needs to be; numbers stand to the right."""
    rows = [list(row) for row in rows]
    lines = [list(header), *([str(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    right = [bool(rows) and all(_is_number(row[column]) for row in rows) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: object) -> str:
    side = "right" if _is_number(value) else "left"
    return f"<td style='text-align:{side}'>{escape(str(value))}</td>"
