"""``darkmask cache``: what is kept, how to be rid of it, and how much it may be."""

import argparse
from datetime import datetime


def add_cache(commands) -> None:
    """Add the command and what can be asked of it."""
    cache = commands.add_parser(
        "cache",
        help="look into the cache of searched masks, empty it, or hold it to a size",
        example="darkmask cache ls",
    )
    asked = cache.add_subparsers(dest="asked", required=True, metavar="ls|clear|limit")
    ls = asked.add_parser("ls", help="families of entries, their number, size and age", example="darkmask cache ls")
    ls.set_defaults(run=_ls)
    clear = asked.add_parser(
        "clear", help="remove entries; what is needed again is made again", example="darkmask cache clear masks"
    )
    clear.add_argument("families", nargs="*", metavar="FAMILY", help="as ls names them (default: all but kernels)")
    clear.set_defaults(run=_clear)
    limit = asked.add_parser(
        "limit", help="hold all entries together to a size: the oldest go first", example="darkmask cache limit 20"
    )
    limit.add_argument("gigabytes", type=_gigabytes, metavar="GB", help="a number, or none")
    limit.set_defaults(run=_limit)


def _gigabytes(text: str) -> float | None:
    return None if text == "none" else float(text)


def _ls(_: argparse.Namespace) -> int:
    from darkmask.core import cache_limit
    from darkmask.core.cache_folder import cache_root
    from darkmask.core.display import text_table

    found = cache_limit.entries()
    rows = []
    for family in sorted({entry.family for entry in found}):
        of_it = [entry for entry in found if entry.family == family]
        used = datetime.fromtimestamp(of_it[-1].used).strftime("%Y-%m-%d %H:%M")
        rows.append((family, str(len(of_it)), _in_megabytes(of_it), used))
    most = cache_limit.limit()
    held = "no limit" if most is None else f"limit {most / 1e9:g} GB"
    print(f"{cache_root()}: {_in_megabytes(found)} MB, {held}")
    if rows:
        print(text_table(("family", "entries", "MB", "last used"), rows))
    return 0


def _clear(chosen: argparse.Namespace) -> int:
    from darkmask.core import cache_limit

    gone = list(cache_limit.clear(chosen.families))
    print(f"{len(gone)} entries removed, {_in_megabytes(gone)} MB.")
    return 0


def _limit(chosen: argparse.Namespace) -> int:
    from darkmask.core import cache_limit

    cache_limit.set_limit(chosen.gigabytes)
    left = cache_limit.entries()
    print(f"{len(left)} entries are kept, {_in_megabytes(left)} MB.")
    return 0


def _in_megabytes(entries) -> str:
    return f"{sum(entry.size for entry in entries) / 1e6:.1f}"
