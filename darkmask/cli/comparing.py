"""``darkmask compare``: two masks, or two folders of them, flag by flag."""

import argparse

from darkmask.core.errors import CommandError
from darkmask.core.given import file_or_folder, require_apart

from .parsing import comparing

_EXIT = (
    "Exit code: 0 when every flag of every pixel is the same, 1 when something differs, 4 when they cannot be compared."
)


def add_compare(commands) -> None:
    """Add the command."""
    compare = commands.add_parser(
        "compare",
        help="compare two masks, or the masks of two folders detector by detector, flag by flag",
        description=_EXIT,
        example="darkmask compare reports/march/masks reports/april/masks",
    )
    what = file_or_folder("a MASK file, or a folder of masks")
    compare.add_argument("first", type=what, metavar="A", help="a MASK file, or a folder of one mask per detector")
    compare.add_argument("second", type=what, metavar="B", help="as A, of the same detector")
    compare.set_defaults(run=_compare)


def _compare(chosen: argparse.Namespace) -> int:
    require_apart({"A": chosen.first, "B": chosen.second})
    if chosen.first.is_dir() != chosen.second.is_dir():
        raise CommandError(f"{chosen.first} and {chosen.second} are a file and a folder: give two of one kind.")
    from darkmask.api.comparison import compare_folders, compare_masks

    compare = compare_folders if chosen.first.is_dir() else compare_masks
    with comparing():
        comparison = compare(chosen.first, chosen.second)
    print(comparison)
    return int(comparison.differs)
