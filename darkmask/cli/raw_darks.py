"""``darkmask fetch`` and ``prepare``: from the archive to a delivery."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from darkmask.acquire.fetch.query import PRODUCTS
from darkmask.cluster.address import Where
from darkmask.core.errors import CommandError
from darkmask.core.given import folder, folder_or_address, require_apart
from darkmask.core.memory import MEMORY_HELP, gigabytes

from .next_command import beside, check_words, criteria_for, hand_on_criteria, next_line, sibling
from .parsing import FRAME_HELP, CommaList, add_detectors, add_scheduler, require_own_memory

if TYPE_CHECKING:
    from darkmask.acquire.prepare import Elsewhere


def add_program(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what to take of the archive, and from where.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    parser.add_argument(
        "--program", type=program_number, required=True, metavar="NUMBER", help="APT program, e.g. 1062"
    )
    add_detectors(parser, "with commas between them (default: all)")
    parser.add_argument(
        "--observations",
        action=CommaList,
        kind=positive,
        default=(),
        metavar="1,2",
        help="with commas between them (default: all)",
    )
    parser.add_argument(
        "--cloud",
        action="store_true",
        help="take from the archive's public bucket what lies there, without logging in",
    )


def add_processing(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how raw darks are processed.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    parser.add_argument(
        "--references",
        type=folder("the reference files"),
        metavar="DIR",
        help="reference files to use; CRDS is asked for what is not there",
    )
    parser.add_argument(
        "--reference",
        action="append",
        default=[],
        metavar="KIND=FILE",
        help="one reference file (saturation, superbias, linearity, gain, readnoise); KIND=N/A leaves a step out, also "
        "refpix=N/A; may be repeated",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="exposures at a time, or fewer where --memory holds fewer (default: as cores and memory allow)",
    )
    parser.add_argument("--memory", type=gigabytes, metavar="GB", help=MEMORY_HELP)
    parser.add_argument("--frame", type=int, metavar="N", help=FRAME_HELP)


def require_jobs(jobs: int | None) -> None:
    """Refuse a number of exposures at a time that is none; raise a `CommandError`."""
    if jobs is not None and jobs < 1:
        raise CommandError(f"--jobs={jobs} is less than 1: give how many exposures to process at a time.")


def elsewhere_of(scheduler: Where | None) -> "Elsewhere | None":
    """Return what processes exposures in place of processes of this command; None where these do.

    Parameters
    ----------
    scheduler : Where or None
        As given with ``--scheduler``.
    """
    if scheduler is None:
        return None
    from darkmask.acquire.prepare import Elsewhere
    from darkmask.cluster.exposures import perform_at

    return Elsewhere(partial(perform_at, scheduler), scheduler.given if scheduler.address else "")


def add_fetch(commands) -> None:
    """Add the command that asks the archive."""
    fetch = commands.add_parser(
        "fetch",
        help="list and download raw darks of the archive (MAST)",
        example="darkmask fetch raw --program=1062 --detectors=NRCA1,NRCALONG --observations=1,2",
    )
    fetch.add_argument("out", type=Path, nargs="?", metavar="OUT", help="folder of the files; not needed with --list")
    add_program(fetch)
    fetch.add_argument(
        "--product",
        action=CommaList,
        kind=_product,
        metavar="A,B",
        help=f"{', '.join(PRODUCTS)}, with commas between them (default: uncal)",
    )
    fetch.add_argument("--list", action="store_true", help="say what there is, and download nothing")
    fetch.set_defaults(run=_fetch)


def add_prepare(commands) -> None:
    """Add the command that makes a delivery of raw darks."""
    prepare = commands.add_parser(
        "prepare",
        help="make a delivery of _uncal files with the pipeline's real steps",
        example="darkmask prepare raw darks --references=my_references --reference=linearity=N/A",
    )
    prepare.add_argument(
        "folder",
        type=folder_or_address("the raw darks"),
        metavar="UNCAL_DIR",
        help="folder of _uncal files, which is only read, or its address (https://, s3://)",
    )
    prepare.add_argument(
        "out", type=Path, metavar="OUT", help="folder of the triplets; a second run goes on from there"
    )
    add_processing(prepare)
    add_scheduler(prepare)
    prepare.add_argument(
        "--fit-segments",
        action="store_true",
        help="keep the results of each ramp segment in _fitopt (much larger files)",
    )
    prepare.set_defaults(run=_prepare)


def positive(text: str) -> int:
    """Return the number that a text says, which is 1 or more."""
    number = int(text)
    if number < 1:
        raise ValueError("less than 1")
    return number


def program_number(text: str) -> int:
    """Return the number of an APT program."""
    # The archive names files by five digits.
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 99_999):
        raise CommandError(f"--program={text} is no APT program, whose number has one to five digits: give 1062, say.")
    return int(text)


def _product(text: str) -> str:
    if text not in PRODUCTS:
        raise CommandError(f"--product names {text!r}, which is none: use some of {', '.join(PRODUCTS)}.")
    return text


def _fetch(chosen: argparse.Namespace) -> int:
    if not chosen.list and chosen.out is None:
        raise CommandError("No folder OUT to download into was given: name one, or say --list.")
    from darkmask.acquire.fetch import fetch, find_products

    kinds = chosen.product or ("uncal",)
    found = find_products(chosen.program, products=kinds, detectors=chosen.detectors, observations=chosen.observations)
    if chosen.list:
        for product in found:
            print(f"{product.name}  {product.size}")
    total = sum(product.size for product in found)
    print(f"{len(found)} files, {total / 1e9:.3g} GB.", flush=True)
    if chosen.list:
        print(next_line(*_without_list(chosen, kinds)))
        return 0
    for line in fetch(found, chosen.out, cloud=chosen.cloud):
        print(line, flush=True)
    if "uncal" in kinds:
        print(next_line("prepare", chosen.out, sibling(chosen.out, "prepared")))
    return 0


def _without_list(chosen: argparse.Namespace, kinds: tuple[str, ...]) -> list[str | Path]:
    """Return the command that downloads what was listed."""
    words = ["fetch", chosen.out or Path("raw"), f"--program={chosen.program}"]
    words += ["--cloud"] if chosen.cloud else []
    for name, values in (("product", kinds), ("detectors", chosen.detectors), ("observations", chosen.observations)):
        if values and (name, values) != ("product", ("uncal",)):
            words.append(f"--{name}={','.join(map(str, values))}")
    return words


def _prepare(chosen: argparse.Namespace) -> int:
    require_jobs(chosen.jobs)
    require_own_memory(chosen, "jobs", "memory")
    require_apart({"UNCAL_DIR": chosen.folder, "--references": chosen.references, "OUT": chosen.out}, inputs=2)
    from darkmask.acquire.prepare import PrepareSettings, prepare, read_given
    from darkmask.core.detectors import Geometry
    from darkmask.delivery import scan
    from darkmask.delivery.frames import frame_of

    index = scan(chosen.folder)
    given = read_given(chosen.references, chosen.reference)
    settings = PrepareSettings(Geometry(frame_of(index.raw, chosen.frame)), fit_segments=chosen.fit_segments)
    elsewhere = elsewhere_of(chosen.scheduler)
    for line in prepare(
        index, chosen.out, given, settings, jobs=chosen.jobs, memory=chosen.memory, elsewhere=elsewhere
    ):
        print(line, flush=True)
    simulated = any(record.simulated for record in index.raw)
    hand_on_criteria(chosen.folder, chosen.out)
    words = check_words(
        # Of real darks all ten are expected: naming those that are there would let a missing one pass.
        {record.detector for record in index.raw} if simulated else (),
        simulated=simulated,
        delivery=chosen.out,
        criteria=criteria_for(chosen.out),
        # What was simulated with raw darks is that of the triplets made of them.
        ground=beside(chosen.folder, "ground") if simulated else None,
        base=beside(chosen.folder, "base") if simulated else None,
    )
    print(next_line(*words))
    return 0
