"""Where our source lies, and the digest of it by which an entry of a cache is stale."""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
# Each imports those before it alone, which the contract of import-linter in pyproject.toml holds.
LAYERS = (
    *("core", "delivery", "masks", "search", "pipeline", "build", "simulate", "acquire", "validation", "reports"),
)


@cache
def source_digest(layer: str, without: tuple[str, ...] = ()) -> str:
    """Return the SHA-256 of the source that can decide what a layer makes, so that other code's work is another entry.

    That is the layer and those below it: imports only point down, so no line of a layer above can change what it makes.

    Parameters
    ----------
    layer : str
        One of `LAYERS`: where the entry is made.
    without : tuple of str
        Layers below it that what makes the entry does not import.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    layers = set(LAYERS[: LAYERS.index(layer) + 1]).difference(without)
    # What lies beside the layers, the version say, is of all of them.
    beside = PACKAGE / "__init__.py"
    return digest_of([beside, *(path for name in layers for path in (PACKAGE / name).rglob("*.py"))])


def digest_of(modules: Iterable[Path]) -> str:
    """Return the SHA-256 of some of our modules, with their places.

    Parameters
    ----------
    modules : iterable of Path
        In any order.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for path in sorted(modules):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
