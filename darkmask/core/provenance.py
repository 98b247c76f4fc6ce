"""Find our source, and digest it to tell when an entry of a cache is stale."""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
# Each layer imports only those before it; the contract of import-linter in pyproject.toml enforces it.
LAYERS = (
    *("core", "delivery", "masks", "search", "pipeline", "build", "simulate", "acquire", "validation", "cluster"),
    "reports",
)


@cache
def source_digest(layer: str, without: tuple[str, ...] = ()) -> str:
    """Return the SHA-256 of the source that decides what a layer makes, so that changed code makes another entry.

    The digest covers the layer and those below it: imports only point down, so no line above it changes what it makes.

    Parameters
    ----------
    layer : str
        One of `LAYERS`, in which the entry is made.
    without : tuple of str
        Layers below it that the maker of the entry does not import.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    layers = set(LAYERS[: LAYERS.index(layer) + 1]).difference(without)
    # The files beside the layers, such as the one with the version, count for all layers.
    beside = PACKAGE / "__init__.py"
    return digest_of([beside, *(path for name in layers for path in (PACKAGE / name).rglob("*.py"))])


def digest_of(modules: Iterable[Path]) -> str:
    """Return the SHA-256 of the source of some of our modules and of their paths.

    Parameters
    ----------
    modules : iterable of Path
        Paths of the modules, in any order.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for path in sorted(modules):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
