"""Make the mask of one detector once: the next time that it is asked for it lies in the cache."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from darkmask.core.cache import cached, key_of
from darkmask.core.cores import usable_cores
from darkmask.core.digests import known_digest, remembered_digest, take_long
from darkmask.core.errors import DarkmaskError
from darkmask.core.provenance import source_digest
from darkmask.core.remote import files_at_once, is_copy, stated
from darkmask.core.version import __version__

from .products import BuiltMask
from .request import BuildRequest

if TYPE_CHECKING:
    from darkmask.search.maps.parts import SetRows
    from darkmask.search.outcome import SearchOutcome

# The family of entries of the cache that masks are.
MASKS = "masks"
# A mask depends on the arithmetic or the files of these packages.
_DECIDING_PACKAGES = ("astropy", "jwst", "jwst_reffiles", "numba", "numpy", "scipy", "stdatamodels")


def build_cached(
    request: BuildRequest,
    keep: bool = False,
    begun: Callable[[], None] | None = None,
    inputs: Mapping[str, str] | None = None,
    measured: "Sequence[SetRows]" = (),
) -> BuiltMask:
    """Make the mask of a detector, or take it from the cache when the same inputs were searched before.

    Parameters
    ----------
    request : BuildRequest
    keep : bool
        Keep the maps of each integration of the full frames, for whoever combines them otherwise; see
        :mod:`darkmask.search.maps.kept`.
    begun : callable, optional
        Is called when there is no such mask, before it is made.
    inputs : mapping of str to str, optional
        The digests of all inputs by name, see :func:`hash_inputs`, where they are known; else every input is hashed
        that is not remembered.
    measured : sequence of SetRows
        All rows of the full frames, where they were measured before.

    Raises
    ------
    DarkmaskError
        When there is nothing to search, or a file has changed.
    """
    ahead = None
    # Files that lie elsewhere arrive one by one to be hashed.
    if inputs is None and not measured and request.exposures("FULL") and not is_copy(Path(request.index.folder)):
        ahead = _search_ahead(request, keep) if take_long(request.input_files().values()) else None
    digests = hash_inputs(request) if inputs is None else dict(inputs)

    def make(out: Path) -> None:
        if begun is not None:
            begun()
        # Where the mask is there, no kernels have to be loaded, which is a third of the time that it takes.
        from darkmask.search.engines import measure_maps, search_set

        from .detector import build

        def searched() -> "SearchOutcome":
            nonlocal ahead
            full = request.set_request("FULL")
            if ahead is None:
                return search_set(full, keep, partial(measure_maps, full, keep, measured))
            # Maps are given up one by one, and nobody else should keep them.
            outcome, ahead = ahead.result(), None
            return outcome

        build(request, out, digests, keep, searched)

    return BuiltMask.read(cached(MASKS, _key(request, digests), make))


def _search_ahead(request: BuildRequest, keep: bool) -> "Future[SearchOutcome]":
    """Search the full frames while the files that hold them are hashed, in a thread of its own.

    Files that nobody hashed before are those of a mask that is not there, but for copies of a delivery: then what is
    found is given away. The kernels are loaded meanwhile too, which keeps one core busy.
    """

    def search() -> "SearchOutcome":
        from darkmask.search.engines import search_set

        return search_set(request.set_request("FULL"), keep)

    threads = ThreadPoolExecutor(1, thread_name_prefix="search ahead")
    try:
        return threads.submit(search)
    finally:
        threads.shutdown(wait=False)


def mask_key(request: BuildRequest, inputs: Mapping[str, str] | None = None) -> str:
    """Return the key of a mask's entry in the cache, for which every input is hashed that is not remembered.

    Parameters
    ----------
    request : BuildRequest
    inputs : mapping of str to str, optional
        The digests of all inputs by name, where they are known.

    Raises
    ------
    DarkmaskError
        When a file has changed, or cannot be read.
    """
    return _key(request, hash_inputs(request) if inputs is None else inputs)


def hash_inputs(request: BuildRequest, names: Sequence[str] | None = None) -> dict[str, str]:
    """Return the BLAKE3 digests of what a mask is made from, by name.

    Parameters
    ----------
    request : BuildRequest
    names : sequence of str, optional
        Some of the names of :meth:`BuildRequest.input_files`; all by default.

    Raises
    ------
    DarkmaskError
        When a file has changed, or cannot be read.
    """
    files = request.input_files()
    if names is not None:
        files = {name: files[name] for name in names}

    def digest(name: str) -> str:
        found = remembered_digest(files[name])
        # Without this the mask of other bytes than those scanned would come from the cache.
        request.require_unchanged(name)
        return found

    try:
        # A thread for each core: neither reading nor hashing holds Python's lock.
        number = usable_cores()
        if sizes := [stated(path)[0] for path in files.values() if is_copy(path)]:
            number = files_at_once(max(sizes))
        with ThreadPoolExecutor(number, thread_name_prefix="blake3") as threads:
            return dict(zip(files, threads.map(digest, files), strict=True))
    except OSError as error:
        raise DarkmaskError(f"{error.filename} can no longer be read ({error.strerror}): run again.") from error


def remembered_inputs(request: BuildRequest) -> dict[str, str] | None:
    """Return the digests of what a mask is made from, by name, without reading a byte; None when one is not known."""
    found: dict[str, str] = {}
    for name, path in request.input_files().items():
        with suppress(OSError):
            if (digest := known_digest(path)) is not None:
                found[name] = digest
                continue
        return None
    return found


def _key(request: BuildRequest, inputs: Mapping[str, str]) -> str:
    """Return the digest of all that the mask depends on; our own code counts, so another version has another entry."""
    depends = {
        "inputs": dict(inputs),
        "code": source_digest("build"),
        # HISTORY names it, and a checkout has another one after each commit.
        "version": __version__,
        "packages": deciding_versions(),
        "detector": request.detector,
        "engine": [request.engine, request.search_made],
        "parameters": request.parameters.model_dump(mode="json"),
        # The name stands in HISTORY, and the digest of the file stands for its pixels.
        "manual": [request.manual.name, request.manual.sha256] if request.manual else None,
        "geometry": [request.geometry.frame, request.geometry.border],
        "header": [
            request.author,
            request.description,
            request.pedigree,
            request.useafter,
            request.history,
            request.mask_subarray,
            request.mask_file,
        ],
    }
    return key_of(depends)


def deciding_versions() -> dict[str, str]:
    """Return the versions of the packages that a mask depends on, of those that are installed."""
    return {name: version(name) for name in _DECIDING_PACKAGES if _installed(name)}


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
