"""How far work is that takes minutes: a bar in a terminal, one line a minute where there is none."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# A log that is read later needs no more, and a job that hangs is seen within two.
SECONDS_BETWEEN_LINES = 60.0


class Shown:
    """Tells whoever waits how far the work is.

    Parameters
    ----------
    bar : rich.progress.Progress
    task : rich.progress.TaskID
    """

    def __init__(self, bar: Any, task: Any):
        self._bar, self._task = bar, task

    def __call__(self, steps: int = 1) -> None:
        """Say that so many steps more are done."""
        self._bar.advance(self._task, steps)

    def about(self, text: str) -> None:
        """Say what is being done now."""
        self._bar.update(self._task, now=text)


@contextmanager
def progress_bar(
    what: str, total: int, shown: bool, *, counts_bytes: bool = False, estimates: bool = True
) -> Iterator[Shown]:
    """Show on standard error how far the work of the block is.

    Parameters
    ----------
    what : str
        Text before the bar.
    total : int
        Steps, or bytes, of the whole work.
    shown : bool
        Whether to show anything at all.
    counts_bytes : bool
        Whether the steps are bytes: then the bar shows amount and speed instead of the count and the time gone by.
    estimates : bool
        Whether to show how long it will still take.

    Yields
    ------
    Shown
        Is told how many steps are done, 1 by default.
    """
    # rich is imported here because that takes a tenth of a second, and most runs show no bar.
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True)
    columns = [progress.TextColumn(f"{what} {{task.fields[now]}}"), progress.BarColumn()]
    if counts_bytes:
        columns += [progress.DownloadColumn(), progress.TransferSpeedColumn()]
    else:
        columns += [progress.MofNCompleteColumn(), progress.TimeElapsedColumn()]
    if estimates:
        columns.append(progress.TimeRemainingColumn())
    with progress.Progress(*columns, console=console, disable=not (shown and console.is_terminal)) as bar:
        task = bar.add_task(what, total=total, now="")
        if not shown or console.is_terminal:
            yield Shown(bar, task)
            return
        over = threading.Event()
        work = bar.tasks[0]

        def tell() -> None:
            while not over.wait(SECONDS_BETWEEN_LINES):
                console.print(line_of(what, work, counts_bytes, estimates), soft_wrap=True, highlight=False)

        thread = threading.Thread(target=tell, name="progress", daemon=True)
        thread.start()
        try:
            yield Shown(bar, task)
        finally:
            over.set()
            thread.join()


def line_of(what: str, work: Any, counts_bytes: bool, estimates: bool) -> str:
    """Return one line on how far work is.

    Parameters
    ----------
    what : str
    work : rich.progress.Task
    counts_bytes, estimates : bool
        See :func:`progress_bar`.
    """
    gone = work.elapsed or 0.0
    now = f" {work.fields['now']}" if work.fields["now"] else ""
    if counts_bytes:
        done = f"{work.completed / 1e9:.3g} of {work.total / 1e9:.3g} GB"
        done += f", {work.completed / gone / 1e6:.0f} MB/s" if work.completed and gone else ""
    else:
        done = f"{work.completed:.0f} of {work.total:.0f}"
    # By the mean of what is done: steps that take minutes give no speed of their own.
    left = gone * (work.total - work.completed) / work.completed if work.completed else None
    more = f", about {left:.0f} s left" if estimates and left is not None else ""
    return f"{what}{now}: {done}, {gone:.0f} s gone{more}"
