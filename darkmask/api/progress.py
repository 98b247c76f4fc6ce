"""A bar for who waits, in a terminal or a notebook; nothing in a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec


@contextmanager
def progress_bar(total: int, shown: bool | None) -> Iterator[Callable[[str], None]]:
    """Show how many detectors have been searched, and for how long.

    Parameters
    ----------
    total : int
        Detectors.
    shown : bool or None
        None shows it where somebody watches: in a terminal, or in a notebook that can draw it (with ipywidgets).

    Yields
    ------
    callable
        Takes the name of the detector that begins; the one before is done.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    notebook = console.is_jupyter
    # Without ipywidgets rich would write a warning in place of a bar.
    if notebook and find_spec("ipywidgets") is None:
        shown = False
    elif shown is None:
        shown = notebook or console.is_interactive
    columns = (TextColumn("searching {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # A bar that stayed would be longer than the result below it.
    with Progress(*columns, console=console, disable=not shown, transient=True) as bar:
        task = bar.add_task("", total=total, visible=False)
        names = []

        def begin(name: str) -> None:
            bar.update(task, description=name, completed=len(names), visible=True, refresh=True)
            names.append(name)

        yield begin
