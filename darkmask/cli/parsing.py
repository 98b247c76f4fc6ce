"""What commands have in common: errors of one sentence, an example in each help, lists with commas, shared options."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from darkmask.cluster.address import SCHEDULER_HELP, where
from darkmask.core.errors import CommandError, DarkmaskError, ParameterError
from darkmask.core.given import folder
from darkmask.core.listed import detector_name, listed, refuse_spaces

FRAME_HELP = "pixels along each side of a full frame (default: 2048, and for simulated darks what their headers say)"


class CommandParser(argparse.ArgumentParser):
    """A parser that raises what is wrong with a command line, in place of printing its usage and leaving.

    Parameters
    ----------
    *args
        As for `argparse.ArgumentParser`.
    example : str
        A command line that the help shows.
    further : str
        Name of the attribute that gets what stands after ``--``, for another program; such a thing is refused where
        this is empty.
    **more
        As for `argparse.ArgumentParser`.
    """

    def __init__(self, *args, example: str = "", further: str = "", **more):
        if example:
            more["epilog"] = f"example:\n  {example}"
        more.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        # An abbreviation means something else as soon as there is another option.
        super().__init__(*args, **{**more, "allow_abbrev": False})
        self._further = further

    def error(self, message: str) -> NoReturn:
        """Raise :class:`CommandError`."""
        said = message.removeprefix("argument ").rstrip(".")
        raise CommandError(f"{said}: `{self.prog} --help` shows what it takes.")

    def parse_known_args(self, args=None, namespace=None):
        """Parse as `argparse` does, and refuse what it does not know."""
        further: list[str] = []
        if self._further and "--" in (args or ()):
            at = args.index("--")
            args, further = args[:at], args[at + 1 :]
        for action in self._actions:
            if isinstance(action, CommaList):
                for option in action.option_strings:
                    refuse_spaces(args or (), option, action.kind)
        known, others = super().parse_known_args(args, namespace)
        if others:
            self.error(f"{' '.join(others)} belongs to nothing that this command takes")
        if self._further:
            setattr(known, self._further, further)
        return known, others


class CommaList(argparse.Action):
    """An option that takes a list with commas, may be repeated, and never takes the argument after it.

    Parameters
    ----------
    *args
        As for `argparse.Action`.
    kind : callable
        Makes an item of its text.
    **more
        As for `argparse.Action`.
    """

    def __init__(self, *args, kind: Callable[[str], Any], **more):
        super().__init__(*args, **more)
        self.kind = kind

    def __call__(self, parser, namespace, values, option_string=None) -> None:  # noqa: ARG002
        """Add the items to those that were given before."""
        before = getattr(namespace, self.dest) or ()
        try:
            items = listed(values, self.kind)
        except ParameterError as error:
            raise CommandError(f"{option_string}: {error}") from error
        setattr(namespace, self.dest, tuple(dict.fromkeys((*before, *items))))


def add_detectors(parser: argparse.ArgumentParser, about: str) -> None:
    """Add ``--detectors``, a list of names; it is empty, which means all, when it is not given.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    about : str
        What the help says.
    """
    parser.add_argument("--detectors", action=CommaList, kind=detector_name, default=(), metavar="A,B", help=about)


def add_scheduler(parser: argparse.ArgumentParser) -> None:
    """Add ``--scheduler``; None when it is not given, and this process does the work in its own way.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    parser.add_argument("--scheduler", type=where, metavar="local|ADDRESS|FILE", help=SCHEDULER_HELP)


def require_own_memory(chosen: argparse.Namespace, *names: str) -> None:
    """Refuse options that say how much of this machine is taken, where the workers of others do the work.

    Raises
    ------
    CommandError
    """
    if chosen.scheduler is None or chosen.scheduler.address is None:
        return
    for name in names:
        if getattr(chosen, name) is not None:
            raise CommandError(
                f"--{name} says how much of this machine is taken, and the workers of --scheduler="
                f"{chosen.scheduler.given} are not started here: leave it out, and start as many as there may be."
            )


def add_report(parser: argparse.ArgumentParser, more: str = "") -> None:
    """Add REPORT_DIR, the folder of a report.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    more : str
        What the help says of the report besides where it lies.
    """
    parser.add_argument("report", type=folder("a report"), metavar="REPORT_DIR", help=f"reports/<delivery>{more}")


@contextmanager
def comparing() -> Iterator[None]:
    """Say that a command cannot be used when what it was given cannot be compared: code 1 says that it was compared.

    Raises
    ------
    CommandError
        With the sentence of any `DarkmaskError`.
    """
    try:
        yield
    except DarkmaskError as error:
        raise CommandError(str(error)) from error
