"""Explain a pixel of a report: from what lies beside it, and from the darks themselves if they are still there."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from darkmask.build.explainer import Explainer, inside
from darkmask.build.explanation import Explanation, jump_words, noise_words, pedestal_words, rate_words
from darkmask.build.request import BuildRequest
from darkmask.build.told import Teller, always, flags_of, in_window, said_by
from darkmask.core.atomic import sha256_file
from darkmask.core.categories import categories_in
from darkmask.core.detectors import Geometry
from darkmask.core.digests import SHA256, remembered_digest
from darkmask.core.errors import DarkmaskError
from darkmask.core.first_fault import first_fault
from darkmask.core.remote import is_address, open_place
from darkmask.core.version import __version__
from darkmask.core.window import Window
from darkmask.delivery import DeliveryIndex, scan
from darkmask.masks.file import read_mask
from darkmask.masks.folder import scan_masks
from darkmask.masks.kinds import read_categories
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest

from .files import FILE
from .results import Results, read_json, read_results, require_as_written
from .told_by_inputs import require_all_darks, told_by_ground, told_by_masks, told_by_previous

if TYPE_CHECKING:
    from astropy.table import Table


class PixelError(DarkmaskError):
    """A pixel of a report cannot be explained."""


class _Manifest(BaseModel):
    """What is read of a ``manifest.json`` here, by the types that a run writes; more does no harm."""

    read_from: dict[str, str | None] = Field(default_factory=dict)
    inputs: dict[str, str] = Field(default_factory=dict)
    ground: dict[str, str] = Field(default_factory=dict)
    base: dict[str, str] = Field(default_factory=dict)
    previous: dict[str, str] = Field(default_factory=dict)
    masks: dict[str, str] = Field(default_factory=dict)
    catalogues: dict[str, str] = Field(default_factory=dict)
    parameters: dict[str, Any] = Field(default_factory=dict)
    excluded_observations: list[str] = Field(default_factory=list)
    border: int | None = None


@dataclass(frozen=True)
class ReportedSet:
    """One set of a report, whose pixels can be explained.

    Attributes
    ----------
    folder : Path
        Of the report.
    results : Results
    manifest : dict
    detector, subarray : str
    """

    folder: Path
    results: Results
    manifest: dict[str, Any]
    detector: str
    subarray: str

    def explain(self, x: int, y: int) -> Explanation:
        """Return all that can be said of a pixel.

        Parameters
        ----------
        x, y : int
            Counted from 0 in the set's own frame.

        Returns
        -------
        Explanation
            Without tests, ramps and neighbours where the darks are no more what was searched: a fact says so.

        Raises
        ------
        DarkmaskError
            When the report has no such set or pixel, or a file beside it is not what its manifest lists.
        """
        rows, columns = self._shape
        x, y = inside("x", x, columns), inside("y", y, rows)
        try:
            explainer, window = self._explainer
        except DarkmaskError as error:
            return self._from_beside(x, y, str(error))
        said = self._said(window)
        if self.results.engine.version != __version__:
            said["search"] = always(f"tests by version {__version__}, categories by {self.results.engine.version}")
        return explainer.explain(x, y, said)

    @cached_property
    def _explainer(self) -> tuple[Explainer, Window]:
        """The run's own search, and the part of the full frame that it read."""
        if self._categories is None:
            raise PixelError("this run searched no darks")
        request = self._request()
        return Explainer(request, self._categories, keep=True), request.window

    def _from_beside(self, x: int, y: int, why: str) -> Explanation:
        """Return what masks, category images and catalogues say, and why there is no more."""
        names = () if self._categories is None else categories_in(int(self._categories[y, x]))
        place = np.array([y]), np.array([x])
        facts = [*self._catalogued(x, y)]
        facts += [(source, teller(*place)[0]) for source, teller in self._said(self._window).items()]
        where = f"{self.detector} {self.subarray}"
        return Explanation(where, x, y, names, (), [*facts, ("tests and ramps", why.rstrip("."))], asked=False)

    def _catalogued(self, x: int, y: int) -> list[tuple[str, str]]:
        """Return what the catalogue says of a pixel; nothing of a good one, and where there is no catalogue."""
        if self._categories is None:
            return []
        table, window = self._catalogue, self._window
        for row in table[(table["x"] == x + window.xstart - 1) & (table["y"] == y + window.ystart - 1)]:
            return [
                ("rate", rate_words(row["rate_electrons"], row["rate_electrons_error"])),
                ("noise", noise_words(row["noise"])),
                ("pedestal", pedestal_words(row["pedestal"])),
                ("jumps", jump_words(row["jumps"], row["falls"])),
            ]
        return []

    @cached_property
    def _catalogue(self) -> "Table":
        from astropy.table import Table

        name = f"{self.detector.lower()}_{self.subarray.lower()}.ecsv"
        return Table.read(self._listed(name, "catalogues"), format="ascii.ecsv")

    @cached_property
    def _mask(self) -> np.ndarray:
        path = scan_masks(self.folder / "masks").path_of(self.detector)
        return read_mask(self._listed(path.name)).decoded

    @cached_property
    def _categories(self) -> np.ndarray | None:
        name = f"{self.detector.lower()}_{self.subarray.lower()}_categories.fits"
        if name in self.manifest.get("masks", {}):
            return read_categories(self._listed(name))[0]
        if self.subarray != "FULL":
            raise PixelError(
                f"{self.folder} has no {self.subarray} of {self.detector}: leave --subarray out for the full frame."
            )
        return None

    @property
    def _shape(self) -> tuple[int, ...]:
        return self._mask.shape if self._categories is None else self._categories.shape

    @cached_property
    def _window(self) -> Window:
        """The part of the full frame that the set reads, as its catalogue says."""
        if self.subarray == "FULL":
            return Window.of_frame(self._mask.shape[0])
        meta = self._catalogue.meta
        rows, columns = self._shape
        return Window(meta["xstart"], meta["ystart"], columns, rows)

    def _listed(self, name: str, part: str = "masks") -> Path:
        """Return a file of the report if it is what the run wrote."""
        path = self.folder / part / name
        if not path.is_file() or sha256_file(path) != self.manifest.get(part, {}).get(name):
            raise PixelError(f"{path} is not the file that manifest.json lists: bring the whole report folder back.")
        return path

    def _said(self, window: Window) -> dict[str, Teller]:
        """Return what masks and earlier runs say of the set's pixels."""
        given, listed = self.manifest.get("read_from", {}), self.manifest
        sources = {"mask": flags_of(self._mask)}
        if ground := given.get("ground"):
            sources["ground"] = told_by_ground(ground, listed.get("ground", {}), self.detector, self._ground_request)
        if base := given.get("base"):
            sources["base"] = told_by_masks(Path(base), listed.get("base", {}), self.detector)
        if previous := given.get("previous"):
            sources["previous"] = told_by_previous(Path(previous), listed.get("previous", {}), self.detector)
        return {name: in_window(teller, window) for name, teller in said_by(**sources).items()}

    def _request(self) -> SetRequest:
        """Return the request of the run's search; raise a DarkmaskError when the darks are not what was searched."""
        read_from = self.manifest.get("read_from", {}).get("delivery")
        if not read_from or not self.manifest.get("parameters"):
            raise PixelError("its manifest does not say where the darks lay, and how they were searched")
        folder = open_place(read_from) if is_address(read_from) else Path(read_from)
        if not folder.is_dir():
            raise PixelError(f"the darks in {read_from} are gone: bring them back")
        index = scan(folder)
        require_all_darks(index, self.manifest.get("inputs", ()), self.detector)
        index = index.without_observations(self.manifest.get("excluded_observations", ()))
        request = self._build_request(index, (self.subarray,) if self.subarray != "FULL" else ())
        if not request.exposures(self.subarray):
            raise PixelError(f"{read_from} holds no {self.detector} {self.subarray} any more: bring the darks back")
        self._require_same(request, folder)
        return request.set_request(self.subarray)

    def _ground_request(self, index: DeliveryIndex) -> BuildRequest:
        return self._build_request(index, ())

    def _build_request(self, index: DeliveryIndex, subarrays: tuple[str, ...]) -> BuildRequest:
        """Return the request of a search of other darks by the rules of the run."""
        engine, frame = self.results.engine, self._mask.shape[0]
        return BuildRequest(
            index=index,
            detector=self.detector,
            subarrays=subarrays,
            engine=engine.name,
            search=engine.search if engine.name == "native" else "official",
            parameters=SearchParameters.from_mapping(self.manifest["parameters"], str(self.folder / "manifest.json")),
            geometry=Geometry(frame, self.manifest.get("border", Geometry(frame).border)),
        )

    def _require_same(self, request: BuildRequest, folder: Path) -> None:
        listed = self.manifest.get("inputs", {})
        for exposure in request.exposures(self.subarray):
            for record in exposure.files:
                if record.path not in listed or remembered_digest(folder / record.path, SHA256) != listed[record.path]:
                    raise PixelError(
                        f"{folder / record.path} is not a file that the run searched: run the checks again"
                    )


def reported_set(folder: Path, detector: str | None = None, subarray: str = "FULL") -> ReportedSet:
    """Return a set of a report.

    Parameters
    ----------
    folder : Path
        Folder of a report.
    detector : str, optional
        May be left out where the report is of one.
    subarray : str

    Raises
    ------
    DarkmaskError
        When there is no whole report, or none of this detector.
    """
    results = read_results(folder / FILE)
    require_as_written(folder / FILE)
    known = results.judged
    if detector is None and len(known) != 1:
        raise PixelError(f"{folder} is of {', '.join(known) or 'no detector'}: say which with --detector=NAME.")
    detector = (detector or known[0]).upper()
    if detector not in known:
        raise PixelError(f"{folder} is not of {detector}: use {', '.join(known)}.")
    return ReportedSet(folder, results, _manifest(folder / "manifest.json"), detector, subarray.upper())


def _manifest(path: Path) -> dict[str, Any]:
    manifest = read_json(path)
    try:
        _Manifest.model_validate(manifest)
    except ValidationError as error:
        where, message = first_fault(error)
        raise PixelError(
            f"{path} is not what a run writes ({where}: {message}): bring the whole report folder back."
        ) from error
    return manifest
