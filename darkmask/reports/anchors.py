"""The HTML ids of the rows of a report's page, by which a link finds a check."""

import hashlib
import re


def row_anchor(criterion: str, detector: str, subarray: str) -> str:
    """Return the HTML id of a check's row."""
    return slug(criterion, detector, subarray)


def slug(*parts: str) -> str:
    """Return an HTML id made of text; a digest keeps apart texts with other than plain characters."""
    name = "-".join(parts)
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:80]
    if plain != name:
        plain += "-" + hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
    return f"row-{plain}"
