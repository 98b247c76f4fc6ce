"""Let the other workers of a scheduler do parts of the task of one of them."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any

from darkmask.core.handed import helped_by

from .process import settle_in


@contextlib.contextmanager
def helped_by_workers(number: int) -> Iterator[None]:
    """Hand parts to other workers of the scheduler whose task runs here, while the block runs.

    Where this is no worker, or where there is no other, the block does everything itself.

    Parameters
    ----------
    number : int
        How many others there are for this task.
    """
    with contextlib.ExitStack() as stack:
        if number > 0:
            with contextlib.suppress(Exception):  # the scheduler is going away, which the task notices by itself
                stack.enter_context(helped_by(_Workers(), number))
        yield


class _Workers(Executor):
    """The other workers of the scheduler whose task runs here; raises where there is none."""

    def __init__(self) -> None:
        from distributed import get_client, get_worker

        worker, client = get_worker(), get_client()
        # What becomes of a part is told by whoever waits for it.
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL + 1)
        others = [address for address in client.scheduler_info(n_workers=-1)["workers"] if address != worker.address]
        if not others:
            raise ValueError("There is no other worker.")
        # A part for which they are gone waits here, and is done here.
        self._executor = client.get_executor(pure=False, retries=0, workers=others, allow_other_workers=True)

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> "Future[Any]":
        future: Future[Any] = self._executor.submit(_in_worker, function, *arguments, **named)
        return future


def _in_worker(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    settle_in()
    return function(*arguments, **named)
