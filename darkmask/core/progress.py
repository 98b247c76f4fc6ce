"""One progress bar on standard error for work that takes minutes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(
    what: str, total: int, shown: bool, *, counts_bytes: bool = False, estimates: bool = True
) -> Iterator[Callable[..., None]]:
    """Show a progress bar on standard error while the block runs.

    Parameters
    ----------
    what : str
        Text before the bar.
    total : int
        Steps, or bytes, of the whole work.
    shown : bool
        Whether to show a bar at all.
    counts_bytes : bool
        Whether the steps are bytes: then the bar shows amount and speed instead of the count and the time gone by.
    estimates : bool
        Whether to show how long it will still take.

    Yields
    ------
    callable
        A function that is told how many steps are done, 1 by default.
    """
    # rich is imported here because that takes a tenth of a second, and most runs show no bar.
    from rich import progress
    from rich.console import Console

    columns = [progress.TextColumn(what), progress.BarColumn()]
    if counts_bytes:
        columns += [progress.DownloadColumn(), progress.TransferSpeedColumn()]
    else:
        columns += [progress.MofNCompleteColumn(), progress.TimeElapsedColumn()]
    if estimates:
        columns.append(progress.TimeRemainingColumn())
    with progress.Progress(*columns, console=Console(stderr=True), disable=not shown) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps=1: bar.advance(task, steps)
