"""HTML as a tree: what is put into it is text, cleaned and escaped when it is written, whoever forgets to."""

from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from darkmask.core.display import printable

Child = str | Element | None


def element(tag: str, *children: Child | Iterable[Child], **attributes: object) -> Element:
    """Return an element with its children.

    Parameters
    ----------
    tag : str
    *children : str, Element, None, or iterable of these
        None is left out.
    **attributes
        An underscore at the end is dropped (``class_``), others become hyphens; None leaves the attribute out.
    """
    made = Element(tag)
    for name, value in attributes.items():
        if value is not None:
            made.set(name.rstrip("_").replace("_", "-"), printable(value))
    for child in children:
        for one in [child] if child is None or isinstance(child, str | Element) else child:
            _append(made, one)
    return made


def _append(parent: Element, child: Child) -> None:
    if isinstance(child, Element):
        parent.append(child)
    elif child is not None:
        text = printable(child)
        if len(parent):
            parent[-1].tail = (parent[-1].tail or "") + text
        else:
            parent.text = (parent.text or "") + text


def document(title: str, style: str, *children: Child | Iterable[Child]) -> str:
    """Return a whole page in English, which refers to nothing outside it.

    Parameters
    ----------
    title : str
    style : str
        Its style sheet, which holds no ``<``.
    *children
        As :func:`element` takes them.
    """
    if "<" in style:
        raise ValueError("a style sheet that holds < would end its element")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", style),
    )
    page = element("html", head, element("body", element("main", *children)), lang="en")
    return "<!DOCTYPE html>\n" + ElementTree.tostring(page, encoding="unicode", method="html") + "\n"


def table(caption: str, header: Iterable[str], rows: Iterable[Iterable[Child | Iterable[Child]]]) -> Element:
    """Return a table that scrolls by itself where a screen is narrow; the first cell of a row is its name."""
    lines = []
    for row in rows:
        first, *others = row
        cells = [element("th", *_as_children(first), scope="row"), *(element("td", *_as_children(c)) for c in others)]
        lines.append(element("tr", cells))
    head = element("tr", [element("th", name, scope="col") for name in header])
    inner = element("table", element("caption", caption), element("thead", head), element("tbody", lines))
    return element("div", inner, class_="scrolls", tabindex="0", role="region", aria_label=caption)


def _as_children(cell: Child | Iterable[Child]) -> list[Child | Iterable[Child]]:
    return [cell]
