"""What the mask of one detector is made from."""

from dataclasses import dataclass
from pathlib import Path

from darkmask.core.detectors import Geometry
from darkmask.delivery import DeliveryIndex, Exposure, FileRecord, require_unchanged
from darkmask.delivery.index import ProblemKind
from darkmask.masks.carrying import path_beside
from darkmask.masks.manual_flags import ManualFlags
from darkmask.search.choices import search_made
from darkmask.search.left_out import leave_out
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest


@dataclass(frozen=True)
class BuildRequest:
    """What the mask of one detector is made from; equal requests on equal files give equal bytes.

    Attributes
    ----------
    index : DeliveryIndex
    detector : str
    subarrays : tuple of str
        Subarrays searched besides FULL if the delivery has them.
    engine, search : str
        See :class:`SetRequest`.
    parameters : SearchParameters
    geometry : Geometry
    base : Path or None
        The mask in force; bits of it that darks cannot see are carried over.
    manual : ManualFlags or None
        Pixels flagged by hand; their flags are added.
    flats : tuple of Path
        Slope files of flats; jwst_reffiles searches them for dead, low-QE and open pixels.
    author, description : str
    pedigree, useafter : str or None
        Taken from DATE-OBS when not given.
    history : tuple of str
    mask_subarray : str
        SUBARRAY of the mask.
    mask_name : str
        File name of the mask, in which ``{detector}`` is replaced.
    """

    index: DeliveryIndex
    detector: str
    subarrays: tuple[str, ...]
    engine: str
    search: str
    parameters: SearchParameters
    geometry: Geometry
    base: Path | None = None
    manual: ManualFlags | None = None
    flats: tuple[Path, ...] = ()
    author: str = "NIRCam dark checks"
    description: str = "Bad pixel mask from dark exposures"
    pedigree: str | None = None
    useafter: str | None = None
    history: tuple[str, ...] = ()
    mask_subarray: str = "GENERIC"
    mask_name: str = "jwst_nircam_mask_{detector}.fits"

    @property
    def mask_file(self) -> str:
        """The mask's file name, with the detector's name in small letters."""
        return self.mask_name.format(detector=self.detector.lower())

    @property
    def search_made(self) -> str:
        """The search whose rules the engine follows, as products and their records name it."""
        return search_made(self.engine, self.search)

    def exposures(self, subarray: str) -> tuple[Exposure, ...]:
        return self.index.main_set(self.detector, subarray)

    def input_files(self) -> dict[str, Path]:
        """Return every file that the mask is made from, by the name that lists of inputs give it."""
        files = {record.path: Path(self.index.folder) / record.path for record in self._records()}
        if self.base is not None:
            files[f"base/{self.base.name}"] = self.base
            if (carried := path_beside(self.base)).is_file():
                files[f"base/{carried.name}"] = carried
        return files | {f"flats/{path.name}": path for path in self.flats}

    def input_bytes(self) -> int:
        """Return the bytes of all files that the mask is made from, which need not lie on this disk yet."""
        listed = {record.path: record.size for record in self._records()}
        return sum(listed.get(name) or path.stat().st_size for name, path in self.input_files().items())

    def require_unchanged(self, name: str) -> None:
        """Make sure that a file of the delivery is the one that was scanned; others are not asked.

        Parameters
        ----------
        name : str
            One of the names of :meth:`input_files`.

        Raises
        ------
        DeliveryError
            When it is gone, or has another size or date.
        """
        for record in self._records():
            if record.path == name:
                require_unchanged(Path(self.index.folder) / name, record)

    def _records(self) -> list[FileRecord]:
        named = ("FULL", *self.subarrays)
        return [record for subarray in named for exposure in self.exposures(subarray) for record in exposure.files]

    def set_request(self, subarray: str) -> SetRequest:
        """Return the request of one of the sets, without integrations that are no measurement."""
        request = SetRequest(
            self.exposures(subarray),
            Path(self.index.folder),
            self.engine,
            self.search,
            self.parameters,
            self.geometry,
        )
        return leave_out(request) if request.exposures else request


def nothing_to_search(index: DeliveryIndex, detector: str) -> str:
    """Return why there is no exposure of a detector to search, as a sentence."""
    problems = index.problems_of(detector, None, *ProblemKind)
    if problems:
        return problems[0].sentence
    return (
        f"The delivery {index.place} holds no whole full-frame exposure of {detector}: deliver its _jump, _fitopt and "
        "_rate files."
    )
