"""A report as it is compared: its results and manifest, and the masks that both of these vouch for."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darkmask.core.atomic import sha256_file
from darkmask.core.errors import DarkmaskError
from darkmask.masks.folder import scan_masks
from darkmask.reports.files import FILE, MADE
from darkmask.reports.results import Results, read_json, read_results, require_as_written


class DifferenceError(DarkmaskError):
    """Two reports, or a part of them, cannot be compared."""


@dataclass(frozen=True)
class OpenedReport:
    """A report that is compared.

    Attributes
    ----------
    folder : Path
    results : Results
    raw : dict
        The same as it was read, for what earlier versions did not write.
    manifest : dict
        Empty for a run that did not end.
    """

    folder: Path
    results: Results
    raw: dict[str, Any]
    manifest: dict[str, Any]

    @classmethod
    def of(cls, folder: Path) -> "OpenedReport":
        """Read a report.

        Raises
        ------
        DarkmaskError
            When there is none, or its ``results.json`` is not the file that its manifest lists.
        """
        path = folder / FILE
        results, raw = read_results(path), read_json(path)
        require_as_written(path)
        there = folder / "manifest.json"
        return cls(folder, results, raw, read_json(there) if there.exists() else {})

    def table(self, name: str) -> dict[str, Any]:
        """Return a table of the manifest; empty where it has none."""
        found = self.manifest.get(name)
        return found if isinstance(found, dict) else {}

    def altered(self) -> tuple[str, ...]:
        """Return the files beside the masks that are not what the run left, as its manifest lists them."""
        listed = {f"{part}/{name}": digest for part in MADE[1:] for name, digest in self.table(part).items()}
        there = {name: sha256_file(path) for name in listed if (path := self.folder / name).is_file()}
        return tuple(name for name, digest in sorted(listed.items()) if there.get(name) != digest)

    def mask(self, detector: str) -> Path:
        """Return the mask of a detector, if it is what the run wrote; else raise :class:`DarkmaskError`."""
        return self._listed(scan_masks(self.folder / "masks").path_of(detector))

    def searched(self, detector: str) -> tuple[str, ...]:
        """Return the full frame and subarrays of a detector that have category images; none where masks were given."""
        found = (re.fullmatch(rf"{detector.lower()}_(\w+)_categories\.fits", name) for name in self.table("masks"))
        return tuple(match[1].upper() for match in found if match)

    def categories(self, detector: str, subarray: str) -> Path:
        """Return the category image of the full frame or of a subarray, as :meth:`mask` returns the mask."""
        return self._listed(self.folder / "masks" / f"{detector.lower()}_{subarray.lower()}_categories.fits")

    def _listed(self, path: Path) -> Path:
        if not self.manifest:
            raise DifferenceError(f"{self.folder} has no manifest.json, which lists what its run made")
        if not path.is_file():
            raise DifferenceError(f"{path} is gone: bring the whole report folder back.")
        if self.table("masks").get(path.name) != sha256_file(path):
            raise DifferenceError(f"{path} is not what manifest.json lists: give the report as its run left it.")
        return path
