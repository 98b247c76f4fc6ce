"""What the command ``search`` does, as a function."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from darkmask.build.products import BuiltMask
from darkmask.build.request import BuildRequest
from darkmask.build.side_by_side import build_side_by_side, bytes_of_search
from darkmask.cluster.address import Where
from darkmask.cluster.connection import connected
from darkmask.cluster.masks import build_on
from darkmask.cluster.opening import LocalWorkers
from darkmask.core.atomic import replacing, storing
from darkmask.core.categories import Category, in_category
from darkmask.core.cores import usable_cores
from darkmask.core.detectors import Geometry
from darkmask.core.errors import DeliveryError
from darkmask.core.flags import has_flag
from darkmask.core.memory import at_once
from darkmask.delivery import DeliveryIndex, scan
from darkmask.delivery.frames import frame_of
from darkmask.masks.file import read_mask
from darkmask.masks.folder import scan_masks
from darkmask.masks.manual_flags import read_manual_flags
from darkmask.search.parameters import SearchParameters
from darkmask.search.reffiles.flats import FLAT_MNEMONICS, find_flats


def write_search(
    delivery: Path | DeliveryIndex,
    out: Path,
    *,
    engine: str = "native",
    search: str = "flight",
    detectors: Sequence[str] | None = None,
    frame: int | None = None,
    base: Path | None = None,
    manual_flags: Path | None = None,
    flats: Path | None = None,
    dead_search_type: str = "sigma_rate",
    memory: float | None = None,
    scheduler: Where | None = None,
    progress: bool = False,
) -> Iterator[str]:
    """Search a delivery and write masks, category images and catalogues.

    Parameters
    ----------
    delivery : Path or DeliveryIndex
    out : Path
    engine, search : str
        See :class:`darkmask.search.request.SetRequest`.
    detectors : sequence of str, optional
        Detectors to search; all that the delivery holds by default.
    frame : int, optional
        Pixels along each side of a full frame; by default 2048, and for simulated darks what their headers say.
    base : Path, optional
        Folder of the masks in force.
    manual_flags : Path, optional
        Table of pixels flagged by hand, see :mod:`darkmask.masks.manual_flags`.
    flats : Path, optional
        Folder of slope files of flats, which jwst_reffiles searches for dead, low-QE and open pixels.
    dead_search_type : str
        How jwst_reffiles tells dead pixels: ``sigma_rate`` or ``absolute_rate``.
    memory : float, optional
        Bytes that all searches together may take, which decides how many detectors are searched side by side; what is
        free by default.
    scheduler : Where, optional
        The scheduler of Dask whose workers search, a detector each.
    progress : bool
        Whether to say on standard error how far it is.

    Yields
    ------
    str
        One line per detector that says what was found, and before it one for each file and integration left out.

    Raises
    ------
    DarkmaskError
        When the delivery, a mask in force or the output folder cannot be used.
    """
    index = delivery if isinstance(delivery, DeliveryIndex) else scan(delivery)
    if not index.files:
        raise DeliveryError(index.problems[0].sentence)
    for detector in detectors or index.detectors:
        index.require_reached(detector)
    for problem in index.problems:
        yield f"left out: {problem.sentence}"
    geometry = Geometry(frame_of(index.files, frame))
    in_force = scan_masks(base) if base else None
    manual = read_manual_flags(manual_flags, geometry) if manual_flags else None
    requests = [
        BuildRequest(
            index=index,
            detector=detector,
            subarrays=tuple(sorted({f.subarray for f in index.files if f.detector == detector} - {"FULL"})),
            engine=engine,
            search=search,
            parameters=SearchParameters(dead_search_type=dead_search_type),
            geometry=geometry,
            base=in_force.path_of(detector) if in_force else None,
            manual=manual,
            flats=find_flats(flats, detector, geometry) if flats else (),
        )
        for detector in detectors or index.detectors
    ]
    for request, built in _built(requests, memory, scheduler, progress):
        detector = request.detector
        _publish(built, detector, out)
        # jwst_reffiles takes whole files.
        what = "searched all the same" if engine == "jwst_reffiles" else "left out"
        for subarray in built.subarrays:
            summary = built.set(subarray).summary
            yield from (f"{what}: {sentence}." for sentence in summary["left_out"])
            yield from (f"searched all the same: {sentence}." for sentence in summary["doubted"])
        categories = built.set("FULL").categories
        counts = ", ".join(f"{c.value} {int(in_category(categories, c).sum())}" for c in Category)
        yield f"{detector}: {counts}{_seen_in_flats(out / built.mask_path.name) if flats else ''}"


def _built(
    requests: Sequence[BuildRequest], memory: float | None, scheduler: Where | None, progress: bool
) -> Iterator[tuple[BuildRequest, BuiltMask]]:
    if scheduler is None:
        yield from build_side_by_side(requests, memory, progress=progress)
        return
    need = max(map(bytes_of_search, requests))
    number = at_once(need, min(len(requests), usable_cores()), memory, "the search of one detector")
    with connected(scheduler, LocalWorkers(number, need)) as cluster:
        yield from build_on(cluster, requests, progress=progress)


def _publish(built: BuiltMask, detector: str, out: Path) -> None:
    stem = detector.lower()
    for path in (built.mask_path, built.carried_path):
        _copy(path, out / path.name)
    for subarray in built.subarrays:
        _copy(built.folder / f"{subarray}_categories.fits", out / f"{stem}_{subarray.lower()}_categories.fits")
        for suffix in (".ecsv", ".reg"):
            _copy(built.folder / f"{subarray}_catalogue{suffix}", out / f"{stem}_{subarray.lower()}{suffix}")


def _seen_in_flats(mask: Path) -> str:
    decoded = read_mask(mask).decoded
    return "".join(f", {name.lower()} {int(has_flag(decoded, name).sum())}" for name in FLAT_MNEMONICS)


def _copy(source: Path, target: Path) -> None:
    with storing(target, "free some space, or give another folder for the output"), replacing(target) as temporary:
        shutil.copyfile(source, temporary)
