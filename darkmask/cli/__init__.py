"""The command line: ``darkmask COMMAND``, a module for each group of commands.

Heavy packages are imported by the command that needs them, so that ``--help`` answers at once.
"""

import argparse
import sys

from darkmask import __version__
from darkmask.core.errors import CommandError, DarkmaskError, ParameterError
from darkmask.harness import run_checks

from .cache import add_cache
from .comparing import add_compare
from .differing import add_diff
from .explain import add_explain
from .parsing import CommandParser
from .raw_darks import add_fetch, add_prepare
from .reporting import add_index, add_remark
from .running import add_run
from .searching import add_search
from .signing import add_sign, add_verify
from .simulating import add_demo
from .submission import add_submission

# In the order of the help, after ``check``.
_COMMANDS = (
    *(add_run, add_demo, add_search, add_compare, add_prepare, add_fetch, add_sign, add_verify),
    *(add_diff, add_explain, add_submission, add_cache, add_index, add_remark),
)
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
        0 when the command did what was asked, 1 when its input cannot be used or something differs, 4 when the command
        cannot be used as it was typed, and nothing was written; either after one sentence on standard error. 130 when
        it was interrupted. ``check``, and ``run`` when it comes to it, end with the code of the checks and do not
        return.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["check"]:
        # Before argparse, which would look for options of its own among pytest's.
        return run_checks(arguments[1:])
    name = " ".join(["darkmask", *arguments[:1]])
    try:
        chosen = _parser().parse_args(arguments)
        return chosen.run(chosen)
    except (CommandError, ParameterError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 4
    except DarkmaskError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if not error.filename:
            raise
        # A name that is too long, a folder that is a device: whatever the system says of a path that was given.
        path = str(error.filename)[:_LONGEST_NAME]
        print(f"{name}: {path} cannot be used ({error.strerror}): give another path.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted; what has its final name is whole.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    about = (sys.modules["darkmask"].__doc__ or "").partition("\n")[0]
    parser = CommandParser(prog="darkmask", description=about, example="darkmask check --delivery=darks -n 2")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("check", help="judge a delivery or masks by every criterion, and write a report")
    for add in _COMMANDS:
        add(commands)
    return parser
