"""How a run was made, so that a comparison of two can name what differed besides the darks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darkmask.core.errors import DarkmaskError

from .results import Results, read_json


@dataclass(frozen=True)
class HowRun:
    """What decides the outcome of a run besides its darks.

    Attributes
    ----------
    engine, search, version : str
        Of the search, as in ``results.json``.
    criteria, criteria_sha256 : str
        Name and digest of the criteria.
    made_masks : bool
        Whether the run made its masks, and was not given them.
    base : mapping of str to str, or None
        SHA-256 of each file of the mask in force by name; empty without one, None where nothing tells.
    parameters : mapping of str to value, or None
        Parameters of the search; None where nothing tells.
    """

    engine: str
    search: str
    version: str
    criteria: str
    criteria_sha256: str
    made_masks: bool
    base: Mapping[str, str] | None = None
    parameters: Mapping[str, Any] | None = None

    @classmethod
    def of_report(cls, folder: Path, results: Results) -> "HowRun":
        """Read how a run was made from its results and from the manifest beside them, as far as these tell."""
        try:
            manifest = read_json(folder / "manifest.json")
        except DarkmaskError:
            manifest = {}
        listed = {name: value for name, value in manifest.items() if isinstance(value, dict)}
        return cls(
            engine=results.engine.name,
            search=results.engine.search,
            version=results.engine.version,
            criteria=results.criteria.name,
            criteria_sha256=results.criteria.sha256,
            made_masks=made_by_run(listed.get("masks", {})),
            base=listed.get("base"),
            parameters=listed.get("parameters"),
        )

    def another_base(self, before: "HowRun") -> bool:
        """Return whether the mask in force is another one than that of a run before, or cannot be told."""
        return self.base is None or before.base is None or self.base != before.base

    def makes_alike(self, before: "HowRun") -> bool:
        """Return whether a run before made the same of the same darks, as far as anything tells."""
        same = ("engine", "search", "version", "made_masks")
        return (
            all(getattr(self, name) == getattr(before, name) for name in same)
            and not self.another_base(before)
            and not _of_parameters(self.parameters, before.parameters)
        )

    def differences(self, before: "HowRun") -> tuple[str, ...]:
        """Return what differs from how a run before was made, a clause for each; empty when nothing does.

        Parameters
        ----------
        before : HowRun
        """
        said = [_of_base(self.base, before.base)]
        if self.made_masks != before.made_masks:
            said.append("masks made by the run, then given" if self.made_masks else "masks given, then made by the run")
        for name in ("engine", "search", "version"):
            now, then = getattr(self, name), getattr(before, name)
            if now != then:
                said.append(f"{name} {now}, then {then}")
        if self.criteria_sha256 != before.criteria_sha256:
            same = self.criteria == before.criteria
            said.append(
                f"criteria {self.criteria}, " + ("then with other values" if same else f"then {before.criteria}")
            )
        return tuple(filter(None, [*said, *_of_parameters(self.parameters, before.parameters)]))


def darks_in(manifest: Mapping) -> frozenset[str]:
    """Return the SHA-256 of the darks that a run was given, by its manifest; none where that does not tell."""
    inputs = manifest.get("inputs")
    listed = inputs.items() if isinstance(inputs, dict) else ()
    return frozenset(str(digest) for name, digest in listed if not name.startswith("base/"))


def made_by_run(masks: Iterable[str]) -> bool:
    """Return whether a run made its masks, by the names in its folder of masks: only a search has category images."""
    return any(name.endswith("_categories.fits") for name in masks)


def _of_base(now: Mapping[str, str] | None, then: Mapping[str, str] | None) -> str:
    if then is None or now is None:
        return "nothing tells the mask in force of the earlier run" if now else ""
    if now == then:
        return ""
    if not then:
        return "with a mask in force (--base), then without"
    return "another mask in force (--base)" if now else "without a mask in force (--base), then with one"


def _of_parameters(now: Mapping[str, Any] | None, then: Mapping[str, Any] | None) -> list[str]:
    # A parameter that only one version knows says nothing that the version does not say.
    if now is None or then is None:
        return []
    shared = sorted(now.keys() & then.keys())
    return [f"{name} = {now[name]}, then {then[name]}" for name in shared if now[name] != then[name]]
