"""Record what was done to each exposure, so that it need not be done again."""

import json
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

from darkmask.core.atomic import sha256_file, write_text
from darkmask.core.provenance import source_digest

from .steps import PrepareSettings

# Unfinished products lie in folders with this prefix; a scan passes over names that begin with a point.
PREFIX = ".part-prepare-"
_PACKAGES = ("jwst", "stcal", "stdatamodels")


@dataclass(frozen=True)
class Recipe:
    """Everything that the products of an exposure depend on.

    Attributes
    ----------
    settings : PrepareSettings
    references : dict
        Name and SHA-256 by kind, or ``N/A``.
    context : str
        The CRDS context that chose the references; ``N/A`` when they were given by hand.
    versions : dict of str to str
    steps : str
        Digest of our code, which calls the steps.
    input : dict
        Name and SHA-256 of the ``_uncal`` file.
    """

    settings: PrepareSettings
    references: dict
    context: str
    versions: dict
    steps: str
    input: dict

    @classmethod
    def of(cls, settings: PrepareSettings, references: dict, context: str) -> "Recipe":
        versions = {name: version(name) for name in _PACKAGES}
        return cls(settings, references, context, versions, source_digest("acquire"), {})

    def for_input(self, name: str, digest: str) -> "Recipe":
        """Return the same recipe for one exposure."""
        return replace(self, input={"name": name, "sha256": digest})

    def to_json(self) -> dict:
        return asdict(self)


def record_path(out: Path, root: str) -> Path:
    """Return where the record of an exposure lies in the folder of its products."""
    return out / "prepared" / f"{root}.json"


def write_record(path: Path, recipe: Recipe, outputs: dict[str, str]) -> None:
    """Write a record: the recipe, and the SHA-256 of each product (``outputs``, by name)."""
    write_text(path, json.dumps({**recipe.to_json(), "outputs": dict(sorted(outputs.items()))}, indent=1) + "\n")


def is_finished(path: Path, recipe: Recipe, out: Path) -> bool:
    """Return whether the products of an exposure are there, unchanged, and made by the same recipe.

    Parameters
    ----------
    path : Path
        Path of the record.
    recipe : Recipe
    out : Path

    Returns
    -------
    bool
        False when the record is missing or cannot be read: the exposure is processed again.
    """
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
        outputs = recorded.pop("outputs")
        same = recorded == recipe.to_json()
        return same and all(sha256_file(out / name) == digest for name, digest in outputs.items())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False
