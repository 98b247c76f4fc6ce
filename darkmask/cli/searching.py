"""``darkmask search``: the masks of a delivery, without a judgement."""

import argparse
from pathlib import Path

from darkmask.core.given import file, folder, folder_or_address, require_apart
from darkmask.core.memory import MEMORY_HELP, gigabytes
from darkmask.search.choices import ENGINES, SEARCHES

from .next_command import check_words, criteria_for, next_line
from .parsing import FRAME_HELP, add_detectors, add_scheduler, require_own_memory


def add_search(commands) -> None:
    """Add the command."""
    search = commands.add_parser(
        "search",
        help="find the bad pixels of a delivery and write one mask per detector",
        example="darkmask search darks found --detectors=NRCA1,NRCALONG --base=masks_in_force",
    )
    search.add_argument(
        "delivery",
        type=folder_or_address("the darks"),
        metavar="DELIVERY",
        help="folder of the darks, which is only read, or its address (https://, s3://)",
    )
    search.add_argument("out", type=Path, metavar="OUT", help="folder for masks, categories and catalogues")
    search.add_argument("--engine", choices=ENGINES, default="native", help="what finds the bad pixels")
    search.add_argument("--search", choices=SEARCHES, default="flight", help="preset of the native engine")
    add_detectors(search, "detectors to search, with commas between them (default: all that are there)")
    search.add_argument("--frame", type=int, metavar="N", help=FRAME_HELP)
    search.add_argument(
        "--base",
        type=folder("the masks in force"),
        metavar="DIR",
        help="masks in force, whose bits darks cannot see are kept",
    )
    search.add_argument(
        "--manual-flags",
        type=file("the table of the pixels flagged by hand (ECSV or CSV)"),
        metavar="FILE",
        help="pixels flagged by hand (ECSV or CSV), to be added",
    )
    search.add_argument(
        "--flats",
        type=folder("the flats"),
        metavar="DIR",
        help="_rate or _rateints of flats, for jwst_reffiles to search as well",
    )
    search.add_argument(
        "--dead-search-type",
        choices=("sigma_rate", "absolute_rate"),
        default="sigma_rate",
        help="how jwst_reffiles tells dead pixels in flats: 5 sigma below the mean (default), or below 5 %% of it",
    )
    search.add_argument("--memory", type=gigabytes, metavar="GB", help=MEMORY_HELP)
    add_scheduler(search)
    search.set_defaults(run=_search)


def _search(chosen: argparse.Namespace) -> int:
    require_apart(
        {"DELIVERY": chosen.delivery, "--base": chosen.base, "--flats": chosen.flats, "OUT": chosen.out}, inputs=3
    )
    require_own_memory(chosen, "memory")
    from darkmask.api.commands import write_search
    from darkmask.delivery import scan

    index = scan(chosen.delivery)
    for line in write_search(
        index,
        chosen.out,
        engine=chosen.engine,
        search=chosen.search,
        detectors=chosen.detectors,
        frame=chosen.frame,
        base=chosen.base,
        manual_flags=chosen.manual_flags,
        flats=chosen.flats,
        dead_search_type=chosen.dead_search_type,
        memory=chosen.memory,
        scheduler=chosen.scheduler,
        progress=True,
    ):
        print(line, flush=True)
    # Of real darks all ten are expected: naming those that are there would let a missing one pass.
    searched = chosen.detectors or (index.detectors if index.simulated else ())
    words = check_words(
        searched,
        simulated=index.simulated,
        delivery=chosen.delivery,
        criteria=criteria_for(chosen.delivery),
        masks=chosen.out,
        base=chosen.base,
    )
    print(next_line(*words))
    return 0
