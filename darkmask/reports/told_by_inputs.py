"""What ground, base and the run before said of a report's pixels, from where the run read them.

A source that is no more what the run compared with says so in place of what it would say now.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from darkmask.build.cached import build_cached
from darkmask.build.request import BuildRequest
from darkmask.build.told import Teller, always, flags_of
from darkmask.core.atomic import sha256_file
from darkmask.core.digests import SHA256, remembered_digest
from darkmask.core.errors import DarkmaskError
from darkmask.delivery import DeliveryIndex, scan
from darkmask.delivery.records import Kind
from darkmask.masks.file import read_mask
from darkmask.masks.folder import scan_masks
from darkmask.pipeline.in_force import mask_in_force

from .files import FILE
from .history import Earlier
from .results import read_results

_CRDS = "crds:"
_DARKS = tuple(f"_{kind}.fits" for kind in Kind)


class OtherInputError(DarkmaskError):
    """An input is not the one that the run had."""


def told_by_ground(
    ground: str, listed: Mapping[str, str], detector: str, request_of: Callable[[DeliveryIndex], BuildRequest]
) -> Teller:
    """Return what the ground test says of the pixels of a detector's full frame.

    Parameters
    ----------
    ground : str
        What the run compared with: a folder of masks or of darks, or ``crds:`` and a date.
    listed : mapping of str to str
        SHA-256 of its files, by name.
    detector : str
    request_of : callable
        From darks to the request of a search like the run's.
    """
    if ground.startswith(_CRDS):
        return _or_why(lambda: _from_crds(ground.removeprefix(_CRDS), listed, detector))
    if any(name.endswith(_DARKS) for name in listed):
        return _or_why(lambda: _from_darks(Path(ground), listed, detector, request_of))
    return told_by_masks(Path(ground), listed, detector)


def told_by_masks(folder: Path, listed: Mapping[str, str], detector: str) -> Teller:
    """Return what a folder of masks says, if it holds what the run compared with."""

    def read() -> Teller:
        path = scan_masks(folder).path_of(detector)
        _require_listed(path, sha256_file(path), listed.get(path.relative_to(folder).as_posix()))
        return flags_of(read_mask(path).decoded)

    return _or_why(read)


def told_by_previous(folder: Path, listed: Mapping[str, str], detector: str) -> Teller:
    """Return what the run before says, if its results are those that the run compared with."""

    def read() -> Teller:
        path = folder / FILE
        earlier = Earlier.of(path, read_results(path))
        if earlier.sha256 not in listed.values():
            raise OtherInputError(f"{path} is not the file that was compared with")
        return earlier.told(detector)

    return _or_why(read)


def require_all_darks(index: DeliveryIndex, listed: Iterable[str], detector: str) -> None:
    """Refuse darks of which some are missing: those that are left would be searched, and say something else.

    Parameters
    ----------
    index : DeliveryIndex
    listed : iterable of str
        Names of the files that the run read; those with the detector's name and a product's ending count.
    detector : str

    Raises
    ------
    OtherInputError
        When a file is gone, or can no more be read.
    """
    there = {record.path for record in index.files}
    for name in sorted(listed):
        if name.endswith(_DARKS) and detector.lower() in name.lower() and name not in there:
            raise OtherInputError(f"{Path(index.folder) / name} is gone, or cannot be read: bring it back")


def _from_crds(date: str, listed: Mapping[str, str], detector: str) -> Teller:
    path = mask_in_force(detector, date)
    _require_listed(path, sha256_file(path), listed.get(path.name))
    return flags_of(read_mask(path).decoded)


def _from_darks(
    folder: Path, listed: Mapping[str, str], detector: str, request_of: Callable[[DeliveryIndex], BuildRequest]
) -> Teller:
    if not folder.is_dir():
        raise OtherInputError(f"the darks in {folder} are gone: bring them back")
    index = scan(folder)
    require_all_darks(index, listed, detector)
    request = request_of(index)
    if not request.exposures("FULL"):
        raise OtherInputError(f"{folder} holds no full frame of {detector}")
    for name, path in request.input_files().items():
        _require_listed(path, remembered_digest(path, SHA256), listed.get(name))
    return flags_of(read_mask(build_cached(request).mask_path).decoded)


def _require_listed(path: Path, digest: str, expected: str | None) -> None:
    if digest != expected:
        raise OtherInputError(f"{path} is not the file that was compared with")


def _or_why(make: Callable[[], Teller]) -> Teller:
    try:
        return make()
    except DarkmaskError as error:
        return always(f"not told: {str(error).rstrip('.')}")
    except OSError as error:
        return always(f"not told: {error.filename} cannot be read ({error.strerror})")
