"""Simulate a whole delivery on all cores, and keep the demo delivery in the user's cache."""

import json
import os
import shutil
import time
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

from darkmask.core.atomic import sha256_text, storing, working_folder
from darkmask.core.cores import one_thread
from darkmask.core.detectors import detector
from darkmask.core.errors import DeliveryError
from darkmask.core.progress import progress_bar
from darkmask.core.provenance import source_digest
from darkmask.pipeline.offline import stay_offline
from darkmask.pipeline.steps import set_aside_garbage

from .headers import ExposureName, require_known_to_headers
from .registry import REALISTIC
from .spec import SimulationSpec, Subarray

# These folders lie beside a delivery; each is a suffix of its name.
BESIDE = ("truth", "ground", "base")
# Bytes that one worker takes for each pixel and group (counts, flags, and the optional results of the fit, which are
# larger than both), and bytes besides (imports, one band in the ramp fit), measured on 2048 x 2048 x 120 groups. All
# workers together may take _MEMORY.
_BYTES_PER_SAMPLE, _BYTES_FIXED, _MEMORY = 14, 1.5e9, 9.5e9
# These layers lie below this one, and the simulator does not use them: it imports core, the writer of masks and the
# pipeline's steps, so that a delivery stays the same while searches change. tests/core/test_provenance.py checks its
# imports.
_NOT_USED = ("delivery", "search", "build")
# The demo of an older version is removed when nobody has used it for two weeks.
_KEEP_SECONDS = 14 * 86_400.0


@dataclass(frozen=True)
class DemoPaths:
    """Folders of the demo delivery."""

    delivery: Path
    ground: Path
    base: Path
    truth: Path

    @classmethod
    def of(cls, delivery: Path) -> "DemoPaths":
        """Return the folders that belong to a simulated delivery."""
        return cls(delivery, *(_beside(delivery, kind) for kind in ("ground", "base", "truth")))


def simulate_delivery(out: Path, spec: SimulationSpec, *, workers: int | None = None, progress: bool = True) -> None:
    """Simulate a delivery of darks.

    The triplets go into ``out``. The files ``out.truth/<DETECTOR>.ecsv``, ``out.ground/*.fits`` (ground masks) and
    ``out.base/*.fits`` (masks in force) go beside it; with raw exposures, ``out.references/*.fits`` too. The bytes
    depend on ``spec`` alone, not on ``workers``.

    Parameters
    ----------
    out : Path
        Folder of the delivery. It is made by renaming, last of all: when it exists, everything is there.
    spec : SimulationSpec
    workers : int, optional
        Number of processes; by default one per core, and fewer when the exposures are so large that memory would run
        out.
    progress : bool
        Whether to show a bar on standard error.

    Raises
    ------
    DeliveryError
        When ``out`` or a folder beside it exists and is not empty, or a worker died.
    ParameterError
        When headers cannot hold a value of ``spec``: a READPATT that the installed stdatamodels does not know.
    StorageError
        When the delivery cannot be written.
    """
    require_known_to_headers(spec)
    out = Path(out).absolute()
    kinds = (*BESIDE, "references") if spec.raw else BESIDE
    targets = [_beside(out, kind) for kind in kinds] + [out]
    for target in targets:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise DeliveryError(f"{target} exists and is not empty: remove it, or give another folder to write to.")
    with storing(out, "free some space, or give another folder to write to"):
        out.parent.mkdir(parents=True, exist_ok=True)
        with working_folder(out.parent, out.name) as temporary:
            built = temporary / out.name
            for folder in [_beside(built, kind) for kind in kinds] + [built]:
                folder.mkdir()
            _run(built, spec, workers or _default_workers(spec), progress)
            for target in targets:
                if target.exists():
                    target.rmdir()
                os.rename(built.parent / target.name, target)


def demo_delivery(*, progress: bool = True) -> DemoPaths:
    """Return the simulated delivery that a run without ``--delivery`` checks; make it on first use, in the cache.

    Its detectors do what real ones do, at realistic strength, and have pixels that are difficult to name.

    Parameters
    ----------
    progress : bool
        Whether to show a bar on standard error while it is made.

    Returns
    -------
    DemoPaths
        Folders in ``<cache>/darkmask/demo/<digest>/``, where the digest covers the specification, the code that
        simulates and the versions of what it uses. Processes that ask at the same time wait for the one that makes it.
    """
    from filelock import FileLock

    from darkmask.core.cache_folder import cache_root

    spec = SimulationSpec(effects=REALISTIC)
    demos = cache_root() / "demo"
    home = demos / _digest(spec)
    paths = DemoPaths.of(home / "demo")
    if not paths.delivery.is_dir():
        demos.mkdir(parents=True, exist_ok=True)
        with FileLock(demos / f"{home.name}.lock"):
            if not paths.delivery.is_dir():
                _remove_unused(demos, home)
                shutil.rmtree(home, ignore_errors=True)
                simulate_delivery(paths.delivery, spec, progress=progress)
    with suppress(OSError):  # a shared cache may be read-only
        os.utime(home)
    return paths


@dataclass(frozen=True)
class _Task:
    """One exposure to make, or a detector's truth and masks when ``exposure`` is 0."""

    folder: Path
    spec: SimulationSpec
    detector: str
    subarray: Subarray | None = None
    observation: int = 0
    exposure: int = 0


def _run(built: Path, spec: SimulationSpec, workers: int, progress: bool) -> None:
    # Full frames come first: the short tasks fill the gaps at the end.
    tasks = [
        _Task(built, spec, name, subarray, observation, exposure)
        for name, subarray, observation in spec.sets()
        for exposure in range(1, spec.exposures + 1)
    ] + [_Task(built, spec, name) for name in spec.detectors]
    # Workers are spawned, not forked: the parent may run threads, and its CRDS configuration must stay its own.
    pool = ProcessPoolExecutor(min(workers, len(tasks)), mp_context=get_context("spawn"), initializer=_start_worker)
    with pool, progress_bar("simulating darks", len(tasks), progress, estimates=False) as advance:
        futures = [pool.submit(_perform, task) for task in tasks]
        for future in futures:
            future.add_done_callback(lambda _: advance())
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BrokenProcessPool as error:
            raise DeliveryError(
                f"a worker process died while {built.name} was simulated, for want of memory perhaps: use fewer "
                "workers or a smaller frame."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    """Prepare a worker: no CRDS, one thread, no garbage collection of what is imported once."""
    # Checking every header value as it is set doubles the time; all values are checked when a model is saved.
    os.environ["VALIDATE_ON_ASSIGNMENT"] = "false"
    one_thread()
    stay_offline()
    import jwst.jump
    import jwst.ramp_fitting
    import jwst.saturation  # noqa: F401

    set_aside_garbage()


def _perform(task: _Task) -> None:
    _make(task)
    set_aside_garbage()


def _make(task: _Task) -> None:
    properties = detector(task.detector)
    if task.exposure:
        from .products import make_triplet
        from .uncal import make_uncal

        name = ExposureName(task.detector, task.observation, task.exposure)
        make = make_uncal if task.spec.raw else make_triplet
        make(task.folder, task.spec, properties, task.subarray, name)
        return
    from .defects import draw_defects
    from .difficult import draw_difficult
    from .masks import draw_masks, write_masks
    from .truth import write_truth

    defects = draw_defects(task.spec, properties.name, properties.well / properties.gain)
    difficult = draw_difficult(task.spec, properties, defects)
    write_truth(_beside(task.folder, "truth"), task.spec, properties, defects, difficult)
    masks = draw_masks(task.spec, properties, defects, difficult)
    write_masks(_beside(task.folder, "ground"), _beside(task.folder, "base"), properties.name, masks)
    if task.spec.raw:
        from .references import write_references

        write_references(_beside(task.folder, "references"), properties, task.spec.frame)


def _beside(delivery: Path, kind: str) -> Path:
    return delivery.with_name(f"{delivery.name}.{kind}")


def _default_workers(spec: SimulationSpec) -> int:
    samples = spec.integrations * spec.groups * spec.frame**2
    fit = int(_MEMORY // (_BYTES_FIXED + _BYTES_PER_SAMPLE * samples))
    return max(1, min(os.cpu_count() or 1, fit))


def _digest(spec: SimulationSpec) -> str:
    """Return the digest of what the bytes of a simulated delivery depend on, as 16 hexadecimal digits."""
    versions = {name: version(name) for name in ("jwst", "stcal", "stdatamodels", "numpy", "astropy")}
    return sha256_text(json.dumps([spec.describe(), versions, source_digest("simulate", _NOT_USED)]))[:16]


def _remove_unused(demos: Path, home: Path) -> None:
    for other in demos.iterdir():
        if other != home and other.is_dir() and time.time() - other.stat().st_mtime > _KEEP_SECONDS:
            shutil.rmtree(other, ignore_errors=True)
