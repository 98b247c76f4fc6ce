"""``darkmask run``: from the number of a program to a report."""

import argparse
import contextlib
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from darkmask.core.atomic import storing, write_text
from darkmask.core.errors import ArchiveError, CommandError, DarkmaskError
from darkmask.core.given import require_apart
from darkmask.harness import check_command, harness_folder, run_checks

from .parsing import add_scheduler, require_own_memory
from .raw_darks import add_processing, add_program, elsewhere_of, require_jobs

if TYPE_CHECKING:
    from darkmask.acquire.fetch import ListedDark, Product
    from darkmask.acquire.prepare import GivenReferences
    from darkmask.cluster.connection import Cluster

# What a run itself says to the checks.
_OWN = ("--delivery", "--criteria", "--detectors", "--masks")
# Of what a run may leave: where it is found.
RAW, PLAN, REPORTS = "raw", "plan.toml", "reports"


def add_run(commands) -> None:
    """Add the command that does all."""
    run = commands.add_parser(
        "run",
        help="from a program's number to a report: fetch, prepare, check; run again, it goes on",
        example="darkmask run nrc09 --program=1062 --observations=1,2",
        description="What stands after -- goes to the checks, e.g. -- --ground=crds -n 2.",
        further="check",
    )
    run.add_argument(
        "out", type=Path, metavar="OUT", help=f"folder of {RAW}, of the triplets, of {PLAN} and of {REPORTS}"
    )
    add_program(run)
    run.add_argument(
        "--criteria", default="nircam", metavar="NAME|FILE", help="criteria that the plan adds to (default: nircam)"
    )
    add_processing(run)
    add_scheduler(run)
    run.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    require_jobs(chosen.jobs)
    require_own_memory(chosen, "jobs", "memory")
    _require_usable(chosen)
    require_apart({"--references": chosen.references, "OUT": chosen.out}, inputs=1)
    criteria = _criteria(chosen.criteria)
    out = Path(os.path.abspath(chosen.out))
    # The report has the name of the folder that was judged.
    raw, delivery = out / RAW, out / f"jw{chosen.program:05d}"
    from darkmask.acquire.prepare import read_given

    given = read_given(chosen.references, chosen.reference)
    with _workers(chosen, out, given) as cluster:
        darks, products = _listed(chosen)
        if cluster is not None:
            _require_memory(cluster, products)
    _fetch(chosen, darks, products, criteria, out, raw)
    _prepare(chosen, raw, delivery, given)
    print(f"Judging {delivery} by {out / PLAN}.", flush=True)
    return run_checks(
        [
            f"--delivery={delivery}",
            f"--criteria={out / PLAN}",
            f"--reports={out / REPORTS}",
            # Of a whole program all ten are expected: naming those that are there would let a missing one pass.
            *([f"--detectors={','.join(chosen.detectors)}"] if chosen.detectors else []),
            *([f"--scheduler={chosen.scheduler.given}"] if chosen.scheduler else []),
            *chosen.check,
        ]
    )


def _require_usable(chosen: argparse.Namespace) -> None:
    """Refuse options of the checks that are the run's own, and a run whose last stage could not begin."""
    for option in chosen.check:
        name = option.partition("=")[0]
        if name in _OWN:
            raise CommandError(f"{option} after -- would have the checks judge something else: leave it out.")
        if chosen.scheduler is not None and name == "--scheduler":
            raise CommandError(f"{option} after -- names a second scheduler: give one before -- for the whole run.")
        if chosen.scheduler is not None and chosen.scheduler.address is not None and name == "--memory":
            raise CommandError(
                f"{option} after -- says how much of this machine is taken, and the workers of --scheduler="
                f"{chosen.scheduler.given} are not started here: leave it out."
            )
    try:
        check_command([])
    except DarkmaskError as error:
        raise CommandError(str(error)) from error


def _workers(
    chosen: argparse.Namespace, out: Path, given: "GivenReferences"
) -> "AbstractContextManager[Cluster | None]":
    """Give a connection to workers of others that were looked at; None where this machine does the work.

    What they cannot do is found before anything is downloaded, which may take hours.
    """
    if chosen.scheduler is None:
        return nullcontext()
    from darkmask.cluster.opening import require_package

    require_package()
    return nullcontext() if chosen.scheduler.address is None else _looked_at(chosen, out, given)


@contextlib.contextmanager
def _looked_at(chosen: argparse.Namespace, out: Path, given: "GivenReferences") -> "Iterator[Cluster]":
    from darkmask.cluster.connection import connected
    from darkmask.cluster.opening import LocalWorkers
    from darkmask.cluster.process import seen

    with connected(chosen.scheduler, LocalWorkers(1, 0)) as cluster:
        files = [seen(reference.path) for reference in given.files]
        cluster.look_at_workers(files)
        there = out.exists()
        with storing(out, "give another folder"):
            out.mkdir(parents=True, exist_ok=True)
        try:
            cluster.look_at_workers(files, out)
            yield cluster
        except DarkmaskError:
            if not there:
                with contextlib.suppress(OSError):
                    out.rmdir()
            raise


def _require_memory(cluster: "Cluster", products: "Sequence[Product]") -> None:
    """Refuse workers of which none may take an exposure, as far as the sizes of the files tell."""
    from darkmask.acquire.prepare.task import BYTES_FIXED, BYTES_PER_SAMPLE

    # A raw file has two bytes for each pixel and group, and little besides.
    samples = max((product.size for product in products), default=0) / 2
    cluster.require_memory(BYTES_FIXED + BYTES_PER_SAMPLE * samples, "one exposure", declared=True)


def _listed(chosen: argparse.Namespace) -> "tuple[Sequence[ListedDark], list[Product]]":
    """Return the darks that the archive lists, and those of them that it has files of."""
    from darkmask.acquire.fetch import find_darks, find_products

    which = {"detectors": chosen.detectors, "observations": chosen.observations}
    darks = find_darks(chosen.program, **which)
    names = {dark.name for dark in darks}
    return darks, [product for product in find_products(chosen.program, **which) if product.name in names]


def _fetch(
    chosen: argparse.Namespace,
    darks: "Sequence[ListedDark]",
    products: "Sequence[Product]",
    criteria: str,
    out: Path,
    raw: Path,
) -> None:
    """Write the plan, and download what it names; say what the archive does not give."""
    from darkmask.acquire.fetch import NotGivenError, fetch
    from darkmask.acquire.plan import plan_text, unlisted

    _write_plan(out / PLAN, plan_text(chosen.program, darks, criteria))
    if absent := unlisted(darks, chosen.detectors):
        print(
            f"The archive lists no dark of {', '.join(absent)}, and the plan expects them all the same: take them out "
            f"of it, or name the others with --detectors.",
            flush=True,
        )
    names = {dark.name for dark in darks}
    public = {dark.name for dark in darks if not dark.restricted}
    total = sum(product.size for product in products if product.name in public)
    print(f"{len(names)} raw darks are listed, {len(public)} of them public ({total / 1e9:.3g} GB).", flush=True)
    try:
        for line in fetch(products, raw, cloud=chosen.cloud):
            print(line, flush=True)
    except NotGivenError as error:
        # Everything else came. What is missing fails in the report; what may still come ends the run above.
        print(error, flush=True)
    missing = sorted(name for name in names if not (raw / name).exists())
    if len(missing) == len(names):
        raise ArchiveError(
            f"None of the {len(names)} raw darks of program {chosen.program} came, {missing[0]} first: they are not "
            "public, or not yet; log in to the archive, or come back when they are."
        )
    if missing:
        print(
            f"{len(missing)} of {len(names)} raw darks are missing, and the run cannot pass without them: "
            f"{', '.join(missing)}.",
            flush=True,
        )


def _criteria(given: str) -> str:
    """Return the name of criteria, or the absolute path of their file: the plan lies elsewhere."""
    if given.endswith(".toml"):
        path = Path(os.path.abspath(os.path.expanduser(given)))
        if not path.is_file():
            raise CommandError(f"{given} does not exist: give a criteria file, or the name of one.")
        return str(path)
    known = sorted(path.stem for path in (harness_folder() / "checks" / "criteria").glob("*.toml"))
    if given not in known:
        raise CommandError(f"--criteria={given} is none of {', '.join(known)}: give one of them, or a file.")
    return given


def _write_plan(path: Path, text: str) -> None:
    """Write the plan, unless there is one: that is the reviewer's, who may have changed it."""
    if not path.exists():
        write_text(path, text)
        print(f"{path} says what is expected: keep it.", flush=True)
    elif path.read_bytes() != text.encode():
        print(
            f"{path} is kept as it is; the archive lists something else, or it was changed: remove it to have it "
            "written anew.",
            flush=True,
        )


def _prepare(chosen: argparse.Namespace, raw: Path, delivery: Path, given: "GivenReferences") -> None:
    from darkmask.acquire.prepare import PrepareSettings, prepare
    from darkmask.core.detectors import Geometry
    from darkmask.delivery import scan
    from darkmask.delivery.frames import frame_of

    index = scan(raw)
    settings = PrepareSettings(Geometry(frame_of(index.raw, chosen.frame)))
    elsewhere = elsewhere_of(chosen.scheduler)
    for line in prepare(index, delivery, given, settings, jobs=chosen.jobs, memory=chosen.memory, elsewhere=elsewhere):
        print(line, flush=True)
