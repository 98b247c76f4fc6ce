"""Runs of ``pytest checks/`` in processes that need not import anything first.

A run spends 4 to 6 s on imports and, where it asks the pipeline, another 5 to 8 s on loading its steps: several
hundred runs would do nothing else. A process that has imported it all forks one child for each run. The child is what a
new process would be (environment, working directory, module state, exit code), since nothing of ours has run in its
parent: the harness itself (``fixtures``, ``checks``) is imported by each child, as a user's run imports it.
"""

import atexit
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.support.project import ROOT

# In seconds; no run here takes longer, even on a busy machine.
PATIENCE = 300


class WarmRuns:
    """Starts runs in children of one process that has imported everything."""

    def __init__(self):
        self._server: subprocess.Popen | None = None

    def run(
        self, arguments: Sequence[str], env: dict[str, str], output: Path, cwd: Path = ROOT, timeout: int = PATIENCE
    ) -> int:
        """Run ``pytest`` with arguments in an environment, to its end.

        Parameters
        ----------
        arguments : sequence of str
        env : dict
            The whole environment.
        output : Path
            Gets what the run writes to standard output and error.
        cwd : Path
        timeout : int
            Seconds after which the run is killed.

        Returns
        -------
        int
            The exit code.
        """
        if self._server is None:
            self._start()
        job = {
            "arguments": [*arguments], "environment": env, "output": str(output), "folder": str(cwd), "timeout": timeout
        }  # fmt: skip
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        answer = self._server.stdout.readline()
        assert answer, "the process that forks runs has died"
        return int(answer)

    def close(self) -> None:
        """End the server; all runs have ended by then."""
        if self._server is not None:
            self._server.stdin.close()
            self._server.wait()
            self._server.stdout.close()
            self._server = None

    def _start(self) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "tests.support.warm"]
        self._server = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_neutral(os.environ)
        )


def _neutral(environment) -> dict[str, str]:
    """Return the environment without what pytest and coverage told this process."""
    return {k: v for k, v in environment.items() if not k.startswith(("PYTEST_", "COV_"))}


class ForkedPipeline:
    """What `darkmask`'s worker needs of a process, for one that was forked and has the steps loaded already."""

    def __init__(self, said: io.TextIOBase):
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            with _ends_with_this_process():
                os.dup2(theirs_in, 0)
                os.dup2(theirs_out, 1)
                os.dup2(said.fileno(), 2)
                for number in (theirs_in, ours_in, ours_out, theirs_out):
                    os.close(number)
                sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
                sys.stderr = os.fdopen(2, "w", buffering=1)
                _serve_pipeline()
        os.close(theirs_in)
        os.close(theirs_out)
        self.stdin, self.stdout = os.fdopen(ours_in, "w"), os.fdopen(ours_out)
        self._status: int | None = None

    def poll(self) -> int | None:
        """Return the process' exit code, None while it runs."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status

    def kill(self) -> None:
        """End the process at once."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def communicate(self, timeout: float = 60) -> None:
        """Wait for the end of the process."""
        for stream in (self.stdin, self.stdout):
            with suppress(OSError):
                stream.close()
        give_up = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > give_up:
                raise subprocess.TimeoutExpired("the forked pipeline", timeout)
            time.sleep(0.005)


def _serve_pipeline() -> None:
    from darkmask.pipeline import server
    from darkmask.pipeline.worker import serve

    serve(server.work)


class _ends_with_this_process:  # noqa: N801 (used like a function)
    """Ends a forked child as a process ends, and never returns into what its parent was doing."""

    def __init__(self):
        self.status = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _traceback) -> None:
        if isinstance(error, SystemExit):
            self.status = error.code if isinstance(error.code, int) else 1
        elif error is not None:
            traceback.print_exception(error)
            self.status = 1
        with suppress(Exception):
            atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(self.status)


def _run_pytest(job: dict) -> None:
    """Become the process of a run."""
    os.setsid()
    output = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w", buffering=1)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    os.environ.clear()
    os.environ.update(job["environment"])
    os.chdir(job["folder"])
    sys.argv = ["pytest", *job["arguments"]]
    # ``python -m pytest`` has the path like this.
    sys.path[:0] = [job["folder"], *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    import pytest

    raise SystemExit(int(pytest.main(job["arguments"])))


def _import_everything() -> None:
    """Import all that a run imports from elsewhere, our library, and the pipeline's steps."""
    import importlib
    import pkgutil

    import darkmask
    from darkmask.pipeline.steps import set_aside_garbage

    for module in pkgutil.walk_packages(darkmask.__path__, "darkmask."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in (
        "_pytest.junitxml", "jwst.dq_init", "jwst.jump", "jwst.ramp_fitting", "jwst.saturation",
        "matplotlib.backends.backend_agg", "matplotlib.figure", "regions", "rich.progress", "scipy.ndimage",
        "scipy.spatial", "scipy.stats",
    ):  # fmt: skip
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        _work_once(Path(folder))
    # What is here by now lives as long as the process: a child need not look at it in each garbage collection.
    set_aside_garbage()
    # The CRDS client has read the environment: this process' pipelines ask no server.
    darkmask.pipeline.worker.Worker._start = _fork_or_start(darkmask.pipeline.worker.Worker._start, dict(os.environ))


def _work_once(folder: Path) -> None:
    """Use once whatever is loaded at its first use: compiled kernels, schemas, CRDS's rules, the steps."""
    import numpy as np

    from darkmask.core.detectors import Geometry, detector
    from darkmask.pipeline import acceptance_worker
    from darkmask.pipeline.acceptance import STUB_CONTEXT
    from darkmask.search.engines import search_set
    from darkmask.search.parameters import SearchParameters
    from darkmask.search.request import SetRequest
    from darkmask.validation.refit_worker import fit_exposure
    from tests.support.handmade_masks import FRAME, good_mask
    from tests.support.raw_exposures import TGROUP, Ramps, write_exposures

    path = str(good_mask(folder, "NRCA1"))
    for question in (
        {"asks": "schema"},
        {"asks": "certify", "context": STUB_CONTEXT, "mini_frame": True},
        {"asks": "dqinit", "detector": "NRCA1", "windows": [("FULL", (1, 1, FRAME, FRAME))]},
    ):
        acceptance_worker.answer({**question, "path": path})
    shape = (5, 8, FRAME, FRAME)
    sci = np.random.default_rng(1).normal(0, 5, shape).astype(np.float32)
    timing = {"tgroup": TGROUP, "tframe": TGROUP, "nframes": 1, "groupgap": 0, "readpatt": "RAPID", "ystart": 1}
    groupdq, rate, pedestal = fit_exposure(sci, np.zeros(shape, np.uint8), detector("NRCA1"), timing)
    exposures = write_exposures(folder / "darks", Ramps(sci, groupdq, rate, pedestal), [range(5)])
    request = SetRequest(exposures, folder / "darks", "native", "flight", SearchParameters(), Geometry(FRAME))
    search_set(request)


def _fork_or_start(start, offline: dict[str, str]):
    """Fork the pipeline's process where it is ours; one with the user's CRDS is started as always."""

    def started(worker) -> None:
        if worker._command[-1] != "darkmask.pipeline.server":
            start(worker)
            return
        worker.close()
        worker._said = tempfile.TemporaryFile(mode="w+", errors="replace")  # noqa: SIM115 (as long as the process)
        kept = dict(os.environ)
        os.environ.update({k: v for k, v in offline.items() if k.startswith(("CRDS_", "STPIPE_"))})
        worker._process = ForkedPipeline(worker._said)
        os.environ.clear()
        os.environ.update(kept)

    return started


def _wait(pid: int, seconds: float) -> int:
    """Return the exit code of a child; one that takes longer is killed with its children."""
    signal.alarm(int(seconds))
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except TimeoutError:
        os.killpg(pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        signal.alarm(0)


def _too_long(*_) -> None:
    raise TimeoutError


def _serve() -> None:
    """Fork a run for each line on standard input, and write its exit code to standard output."""
    signal.signal(signal.SIGALRM, _too_long)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    jobs = os.fdopen(os.dup(0))
    os.dup2(2, 1)
    _import_everything()
    for line in jobs:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            with _ends_with_this_process():
                answers.close()
                jobs.close()
                _run_pytest(job)
        print(_wait(pid, job["timeout"]), file=answers)


def main() -> None:
    """Serve from a process that may import the pipeline, in an environment without a CRDS server."""
    from darkmask.pipeline.certification import write_stub_context
    from darkmask.pipeline.offline import offline_crds

    if sys.argv[1:] == ["serve"]:
        _serve()
        return
    # A process of its own keeps the stub, because a fork would clean up what it inherits.
    with offline_crds() as cache:
        write_stub_context(cache)
        subprocess.run([sys.executable, "-W", "ignore", "-m", "tests.support.warm", "serve"], check=True)


if __name__ == "__main__":
    main()
