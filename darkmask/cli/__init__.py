"""The command line: ``darkmask COMMAND``, a module for each command that is not here.

Heavy packages are imported by the command that needs them, so that ``--help`` answers at once.
"""

import argparse
import sys
from pathlib import Path

from darkmask import __version__
from darkmask.core.detectors import DETECTORS
from darkmask.core.errors import DarkmaskError
from darkmask.harness import run_checks
from darkmask.reports.commands import add_commands
from darkmask.search.choices import ENGINES, SEARCHES

from .cache import add_cache
from .explain import add_explain
from .submission import add_submission

# More of a file's name helps nobody to find it.
_LONGEST_NAME = 200


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : list of str, optional
        Arguments of the command; those of the command line by default.

    Returns
    -------
    int
        0 when the command did what was asked, 1 when its input cannot be used (one sentence goes to standard error),
        130 when it was interrupted. ``check`` ends with the code of its run, and does not return.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["check"]:
        # Before argparse, which would look for options of its own among pytest's.
        return run_checks(arguments[1:])
    chosen = _parser().parse_args(arguments)
    try:
        return chosen.run(chosen)
    except DarkmaskError as error:
        print(f"darkmask {chosen.command}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if not error.filename:
            raise
        # A name that is too long, a folder that is a device: whatever the system says of a path that was given.
        name = str(error.filename)[:_LONGEST_NAME]
        print(
            f"darkmask {chosen.command}: {name} cannot be used ({error.strerror}): give another path.", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        print(f"darkmask {chosen.command}: interrupted; what has its final name is whole.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    about = (sys.modules["darkmask"].__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="darkmask", description=about)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    own = (_add_check, _add_demo, _add_search, _add_compare, _add_prepare, _add_fetch, _add_sign, _add_verify)
    for add in (*own, add_submission, add_cache, add_explain):
        add(commands)
    add_commands(commands)
    return parser


def _add_check(commands) -> None:
    commands.add_parser("check", help="judge a delivery or masks by every criterion, and write a report")


def _add_demo(commands) -> None:
    demo = commands.add_parser("demo", help="simulate a delivery of darks through the pipeline's real steps")
    demo.add_argument(
        "out", type=Path, metavar="OUT", help="new folder of the delivery; truth, ground and base lie beside it"
    )
    demo.add_argument("--frame", type=int, default=256, help="pixels along each side of a full frame (default 256)")
    demo.add_argument("--detectors", nargs="+", choices=DETECTORS, default=list(DETECTORS), metavar="NAME")
    demo.add_argument("--exposures", type=int, default=6)
    demo.add_argument("--integrations", type=int, default=2, help="per exposure (default 2)")
    demo.add_argument("--groups", type=int, default=20, help="per integration (default 20)")
    demo.add_argument("--no-subarrays", action="store_true", help="full frames alone")
    demo.add_argument(
        "--fit-segments",
        action="store_true",
        help="keep the results of each ramp segment in _fitopt (much larger files)",
    )
    demo.add_argument(
        "--uncal", action="store_true", help="raw exposures in place of triplets, with OUT.references for prepare"
    )
    demo.add_argument(
        "--effects",
        default="none",
        metavar="NAMES",
        help="effects of real detectors: none (default), realistic, or names with a strength: NAME[=STRENGTH],...",
    )
    demo.add_argument("--readpatt", default="RAPID", help="frames averaged into a group, and gaps (default RAPID)")
    demo.add_argument(
        "--epochs", type=float, nargs="+", default=[], metavar="DAYS", help="gaps that part the exposures into epochs"
    )
    demo.add_argument("--seed", type=int, default=1)
    demo.set_defaults(run=_demo)


def _add_search(commands) -> None:
    search = commands.add_parser("search", help="find the bad pixels of a delivery and write one mask per detector")
    search.add_argument("delivery", type=Path, metavar="DELIVERY")
    search.add_argument("out", type=Path, metavar="OUT", help="folder for masks, categories and catalogues")
    search.add_argument("--engine", choices=ENGINES, default="native")
    search.add_argument("--search", choices=SEARCHES, default="flight")
    search.add_argument("--detectors", nargs="+", choices=DETECTORS, metavar="NAME", help="default: all that are there")
    search.add_argument("--frame", type=int, default=2048, help="pixels along each side of a full frame (default 2048)")
    search.add_argument("--base", type=Path, metavar="DIR", help="masks in force, whose bits darks cannot see are kept")
    search.add_argument("--manual-flags", type=Path, metavar="FILE", help="pixels flagged by hand (ECSV), to be added")
    search.add_argument(
        "--flats", type=Path, metavar="DIR", help="_rate or _rateints of flats, for jwst_reffiles to search as well"
    )
    search.add_argument(
        "--dead-search-type",
        choices=("sigma_rate", "absolute_rate"),
        default="sigma_rate",
        help="how jwst_reffiles tells dead pixels in flats: 5 sigma below the mean (default), or below 5 %% of it",
    )
    search.set_defaults(run=_search)


def _add_compare(commands) -> None:
    compare = commands.add_parser("compare", help="compare two masks flag by flag")
    compare.add_argument("first", type=Path, metavar="A")
    compare.add_argument("second", type=Path, metavar="B")
    compare.set_defaults(run=_compare)


def _add_sign(commands) -> None:
    sign = commands.add_parser("sign", help="record a reviewer's decision on a report, bound to every file of it")
    sign.add_argument("report", type=Path, metavar="REPORT_DIR", help="reports/<delivery>")
    sign.add_argument("--reviewer", required=True, metavar="NAME")
    sign.add_argument("--decision", required=True, choices=("accept", "reject"))
    sign.add_argument("--comment", required=True, metavar="TEXT", help="why")
    sign.set_defaults(run=_sign)


def _add_verify(commands) -> None:
    verify = commands.add_parser("verify", help="say whether a signed report is still what was signed")
    verify.add_argument("report", type=Path, metavar="REPORT_DIR")
    verify.set_defaults(run=_verify)


def _add_prepare(commands) -> None:
    prepare = commands.add_parser("prepare", help="make a delivery of _uncal files with the pipeline's real steps")
    prepare.add_argument("folder", type=Path, metavar="UNCAL_DIR")
    prepare.add_argument(
        "out", type=Path, metavar="OUT", help="folder of the triplets; a second run goes on from there"
    )
    prepare.add_argument(
        "--references", type=Path, metavar="DIR", help="reference files to use; CRDS is asked for what is not there"
    )
    prepare.add_argument(
        "--reference",
        action="append",
        default=[],
        metavar="KIND=FILE",
        help="one reference file (saturation, superbias, linearity, gain, readnoise); KIND=N/A leaves a step out, also "
        "refpix=N/A; may be repeated",
    )
    prepare.add_argument("--jobs", type=_positive, help="exposures at a time (default: as cores and memory allow)")
    prepare.add_argument(
        "--frame", type=int, default=2048, help="pixels along each side of a full frame (default 2048)"
    )
    prepare.add_argument(
        "--fit-segments",
        action="store_true",
        help="keep the results of each ramp segment in _fitopt (much larger files)",
    )
    prepare.set_defaults(run=_prepare)


def _add_fetch(commands) -> None:
    fetch = commands.add_parser("fetch", help="list and download raw darks of the archive (MAST)")
    fetch.add_argument("out", type=Path, nargs="?", metavar="OUT", help="folder of the files; not needed with --list")
    fetch.add_argument("--program", type=_positive, required=True, help="APT program, e.g. 1062")
    fetch.add_argument(
        "--product",
        nargs="+",
        choices=("uncal", "dark", "rate", "rateints"),
        default=["uncal"],
        metavar="PRODUCT",
        help="uncal (default), dark, rate, rateints",
    )
    fetch.add_argument("--detectors", nargs="+", choices=DETECTORS, default=[], metavar="NAME", help="default: all")
    fetch.add_argument("--observations", nargs="+", type=_positive, default=[], metavar="NUMBER", help="default: all")
    fetch.add_argument("--list", action="store_true", help="say what there is, and download nothing")
    fetch.set_defaults(run=_fetch)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _demo(chosen: argparse.Namespace) -> int:
    from darkmask.simulate import SimulationSpec, simulate_delivery
    from darkmask.simulate.registry import parse_effects

    settings = {
        "seed": chosen.seed,
        "frame": chosen.frame,
        "detectors": tuple(chosen.detectors),
        "exposures": chosen.exposures,
        "integrations": chosen.integrations,
        "groups": chosen.groups,
        "fit_segments": chosen.fit_segments,
        "raw": chosen.uncal,
        "readpatt": chosen.readpatt,
        "epochs": tuple(chosen.epochs),
        "effects": parse_effects(chosen.effects),
    }
    if chosen.no_subarrays:
        settings["subarrays"] = ()
    simulate_delivery(chosen.out, SimulationSpec(**settings))
    print(f"Simulated delivery in {chosen.out}; its truth, ground and base masks lie beside it.")
    return 0


def _search(chosen: argparse.Namespace) -> int:
    from darkmask.api.commands import write_search

    for line in write_search(
        chosen.delivery,
        chosen.out,
        engine=chosen.engine,
        search=chosen.search,
        detectors=chosen.detectors,
        frame=chosen.frame,
        base=chosen.base,
        manual_flags=chosen.manual_flags,
        flats=chosen.flats,
        dead_search_type=chosen.dead_search_type,
    ):
        print(line)
    return 0


def _compare(chosen: argparse.Namespace) -> int:
    from darkmask.api.comparison import compare_masks

    print(compare_masks(chosen.first, chosen.second))
    return 0


def _prepare(chosen: argparse.Namespace) -> int:
    from darkmask.acquire.prepare import PrepareSettings, prepare, read_given
    from darkmask.core.detectors import Geometry

    given = read_given(chosen.references, chosen.reference)
    settings = PrepareSettings(Geometry(chosen.frame), fit_segments=chosen.fit_segments)
    for line in prepare(chosen.folder, chosen.out, given, settings, jobs=chosen.jobs):
        print(line, flush=True)
    return 0


def _fetch(chosen: argparse.Namespace) -> int:
    from darkmask.acquire.fetch import fetch, find_products
    from darkmask.core.errors import ArchiveError

    if not chosen.list and chosen.out is None:
        raise ArchiveError("No folder OUT to download into was given: name one, or say --list.")
    found = find_products(
        chosen.program, products=chosen.product, detectors=chosen.detectors, observations=chosen.observations
    )
    if chosen.list:
        for product in found:
            print(f"{product.name}  {product.size}")
    total = sum(product.size for product in found)
    print(f"{len(found)} files, {total / 1e9:.3g} GB.", flush=True)
    if not chosen.list:
        for line in fetch(found, chosen.out):
            print(line, flush=True)
    return 0


def _sign(chosen: argparse.Namespace) -> int:
    from darkmask.reports.signoff import sign

    record = sign(chosen.report, reviewer=chosen.reviewer, decision=chosen.decision, comment=chosen.comment)
    print(f"{chosen.report}: {record.decision}ed by {record.reviewer}, {len(record.files)} files, at {record.signed}.")
    return 0


def _verify(chosen: argparse.Namespace) -> int:
    from darkmask.reports.signoff import read_signoff, verify

    problems = verify(chosen.report)
    for sentence in problems:
        print(f"{chosen.report}: {sentence}", file=sys.stderr)
    if problems:
        return 1
    record = read_signoff(chosen.report.absolute())
    print(f"{chosen.report}: everything is as {record.reviewer} {record.decision}ed it at {record.signed}.")
    return 0
