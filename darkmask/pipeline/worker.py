"""A process that loads the pipeline once and stays for job after job.

Loading the pipeline takes 5 to 8 s, and its CRDS client reads the environment once, when it is first imported. So the
process has an environment of its own, and the process that asks keeps its user's.
"""

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from typing import IO

from darkmask.core.processes import last_words, module_command, module_environment

# With this word on its command line a process keeps the user's CRDS configuration.
OWN_CRDS = "own-crds"
# An idle process ends in 0.05 s. One that is at work is not waited for, as nobody wants the answer any more.
_TIME_TO_END = 2.0
_SILENT = "the process ended and said nothing"


class WorkerError(Exception):
    """A job failed, in the words of whatever failed."""


class Worker:
    """A process that runs a module of ours; it is started for its first job, and again when it died.

    Parameters
    ----------
    module : str
        Module to run; its ``main`` calls :func:`serve`.
    *arguments : str
        Arguments of its command line.
    """

    def __init__(self, module: str, *arguments: str):
        self._command = module_command(module, *arguments)
        self._process: subprocess.Popen[str] | None = None
        self._said: IO[str] | None = None
        self._unread = 0
        atexit.register(self.close)

    def ask(self, job):
        """Hand a job over and wait for its answer.

        Parameters
        ----------
        job : object
            Anything that JSON can hold.

        Returns
        -------
        object
            Result of the process for the job.

        Raises
        ------
        WorkerError
            When the job failed, or the process died of it.
        """
        self._start_if_needed()
        # What was loaded ahead, or why it could not be, is no answer to this.
        while self._unread and self._answer_to(""):
            self._unread -= 1
        line = self._answer_to(f"{json.dumps(job)}\n")
        if not line:
            raise WorkerError(self._last_words())
        answer = json.loads(line)
        if answer["error"]:
            raise WorkerError(answer["error"])
        return answer["result"]

    def load(self, *modules: str) -> None:
        """Let the process load modules that later jobs need, and do not wait for it.

        Parameters
        ----------
        *modules : str
            Names of modules of ours, or of the pipeline.
        """
        self._start_if_needed()
        job = {"module": "darkmask.pipeline.loading", "modules": modules}
        if self._send(f"{json.dumps(job)}\n"):
            self._unread += 1

    def close(self) -> None:
        """End the process: by the end of its input, so that it cleans up, or at once when it is still at work."""
        process, self._process = self._process, None
        if process is not None:
            try:
                process.communicate(timeout=_TIME_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        if process is not None and self._said is not None:
            self._said.close()

    def _answer_to(self, line: str) -> str:
        """Return what the process answers next, a line; nothing when it has died."""
        process = self._process
        if not self._send(line) or process is None or process.stdout is None:
            return ""
        try:
            return process.stdout.readline()
        except OSError:
            return ""

    def _send(self, line: str) -> bool:
        process = self._process
        if process is None or process.stdin is None:
            return False
        try:
            process.stdin.write(line)
            process.stdin.flush()
        except OSError:
            return False
        return True

    def _start_if_needed(self) -> None:
        if self._process is None or self._process.poll() is not None:
            self._start()

    def _last_words(self) -> str:
        process, said = self._process, self._said
        if process is None or said is None:
            return _SILENT
        process.kill()
        process.communicate()
        said.seek(0)
        words = last_words(said, _SILENT)
        self.close()
        return words

    def _start(self) -> None:
        self.close()
        self._unread = 0
        self._said = tempfile.TemporaryFile(mode="w+", errors="replace")  # noqa: SIM115 (as long as the process)
        self._process = subprocess.Popen(
            self._command,
            env=module_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )


@cache
def pipeline(*arguments: str) -> Worker:
    """Return this process' pipeline; with `OWN_CRDS` another process, which keeps the user's CRDS configuration."""
    return Worker("darkmask.pipeline.server", *arguments)


def serve(work: Callable) -> None:
    """Answer each line of JSON on standard input with a line of JSON, until there is no more.

    Parameters
    ----------
    work : callable
        Turns a job into a result that JSON can hold.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    # Output that the steps print must not mix with the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        try:
            answer = {"error": "", "result": work(json.loads(line))}
        except (Exception, SystemExit) as caught:  # every error of a step is told to whoever asked
            answer = {"error": " ".join(f"{type(caught).__name__}: {caught}".split()), "result": None}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
