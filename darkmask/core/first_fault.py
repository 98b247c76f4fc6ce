"""Say what is wrong with data that do not suit a model."""

from pydantic import ValidationError


def first_fault(error: ValidationError) -> tuple[str, str]:
    """Return where the first fault is, with dots between keys, and what is wrong there, in pydantic's words."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the file"
    return where, first["msg"].removeprefix("Value error, ")
