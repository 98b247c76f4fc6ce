"""A scheduler of Dask and workers, started by hand on this machine as a user would start them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from darkmask.core.cache_folder import cache_root


class ByHand:
    """A scheduler and its workers, each a process of its own.

    Parameters
    ----------
    folder : Path
        Holds their logs and the file that the scheduler writes.
    """

    def __init__(self, folder: Path):
        self.folder, self.file = folder, folder / "scheduler.json"
        self.scheduler: subprocess.Popen | None = None
        self.workers: list[subprocess.Popen] = []

    def start_scheduler(self, *options: str, port: int = 0, environment: dict[str, str] | None = None) -> None:
        self.file.unlink(missing_ok=True)
        named = ("--scheduler-file", str(self.file), "--port", str(port), "--no-dashboard")
        self.scheduler = self._start("scheduler", *(options or ("--host", "127.0.0.1")), *named, more=environment)
        end = time.monotonic() + 120
        while not (self.file.is_file() and self.file.read_text().rstrip().endswith("}")):
            assert self.scheduler.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.05)

    def start_worker(
        self, *options: str, threads: int = 1, nanny: bool = False, environment: dict[str, str] | None = None
    ) -> subprocess.Popen:
        """Start a worker with a cache of its own, as on another machine; kernels that are compiled may be shared."""
        number = len(self.workers)
        own = {"XDG_CACHE_HOME": str(self.folder / f"cache{number}")}
        own["NUMBA_CACHE_DIR"] = os.environ.get("NUMBA_CACHE_DIR", str(cache_root()))
        started = self._start(
            "worker",
            *("--scheduler-file", str(self.file), "--nthreads", str(threads), "--no-dashboard"),
            *("--local-directory", str(self.folder / f"worker{number}")),
            *(() if "--host" in options else ("--host", "127.0.0.1")),
            *(() if nanny else ("--no-nanny",)),
            *options,
            more=own | (environment or {}),
        )
        self.workers.append(started)
        return started

    def said(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def end(self) -> None:
        for process in filter(None, (*self.workers, self.scheduler)):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _start(self, what: str, *options: str, more: dict[str, str] | None) -> subprocess.Popen:
        log = self.folder / f"{what}{len(self.workers)}.log"
        with log.open("ab") as file:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", what, *options],
                stdout=file,
                stderr=file,
                env={**os.environ, **(more or {})},
                # Python would import our package from here.
                cwd=self.folder,
                start_new_session=True,
            )


@contextmanager
def by_hand(folder: Path) -> Iterator[ByHand]:
    folder.mkdir(parents=True, exist_ok=True)
    started = ByHand(folder)
    try:
        yield started
    finally:
        started.end()
