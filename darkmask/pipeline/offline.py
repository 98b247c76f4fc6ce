"""Run pipeline steps without a CRDS server."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.util import Finalize
from pathlib import Path

from darkmask.core.atomic import temporary_folder

# The CRDS client reads this instead of asking a server. The context names no file: a step whose references all come by
# override asks for nothing else, but stpipe wants to know the context's name after each step.
_CONTEXT = "jwst_0000.pmap"
_SERVER_CONFIG = {
    "observatory": "jwst",
    "operational_context": _CONTEXT,
    "latest_context": _CONTEXT,
    "edit_context": _CONTEXT,
    "bad_files": "",
    "bad_files_list": [],
    "last_synced": "offline",
    "force_remote_mode": False,
    "crds_version": {"str": "offline"},
    "reference_url": "",
    "mapping_url": "",
}


@contextmanager
def offline_crds() -> Iterator[Path]:
    """Let pipeline steps run without a CRDS server or cache, inside a worker process.

    Every step must get its references by override. The environment variables are set for the block and restored after
    it. The CRDS client reads most of them when it is first imported, so a worker enters the block before it imports
    ``jwst``. A process that has a real CRDS configuration to keep never enters it.

    Yields
    ------
    pathlib.Path
        The dummy cache: a temporary folder of this process alone, so that parallel workers cannot meet in it.
    """
    with temporary_folder("crds") as cache:
        config = cache / "config" / "jwst"
        config.mkdir(parents=True)
        (config / "server_config").write_text(repr(_SERVER_CONFIG), encoding="utf-8")
        settings = {
            "CRDS_PATH": str(cache),
            "CRDS_CONTEXT": _CONTEXT,
            "CRDS_OBSERVATORY": "jwst",
            # A name with "serverless" in it tells the client not to connect.
            "CRDS_SERVER_URL": "https://crds-serverless-mode.invalid",
            # "1" has no effect: stpipe compares with the word.
            "STPIPE_DISABLE_CRDS_STEPPARS": "true",
        }
        before = {key: os.environ.get(key) for key in settings}
        os.environ.update(settings)
        try:
            yield cache
        finally:
            for key, value in before.items():
                if value is None:
                    os.environ.pop(key, None)
                else:
                    os.environ[key] = value


def stay_offline() -> None:
    """Enter :func:`offline_crds` for as long as this process, a worker of `multiprocessing`, lives."""
    stack = ExitStack()
    stack.enter_context(offline_crds())
    # Its own finalizers run in every worker that ends; what `atexit` was told does not where a worker was forked.
    Finalize(None, stack.close, exitpriority=1)
