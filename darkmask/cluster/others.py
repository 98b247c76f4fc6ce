"""Let the other workers of a scheduler do parts of the task of one of them."""

import contextlib
import logging
from collections.abc import Iterator

from darkmask.core.handed import helped_by


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
                executor = _executor()
                stack.enter_context(helped_by(executor, number))
        yield


def _executor():
    from distributed import get_client, get_worker

    worker = get_worker()
    client = get_client()
    # What becomes of a part is told by whoever waits for it.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL + 1)
    others = [address for address in client.scheduler_info(n_workers=-1)["workers"] if address != worker.address]
    if not others:
        raise ValueError("there is no other worker")
    # Not where they are known to be gone: a part that nobody else can do waits here, and is done here.
    return client.get_executor(pure=False, retries=0, workers=others, allow_other_workers=True)
