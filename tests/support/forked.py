"""Commands in forks of a process that has imported what they import, which takes longer than what they do."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.project import ROOT

_SERVER = """
import json, os, signal, sys, traceback

exec(sys.argv[1])
for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if child:
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    code = 1
    try:
        signal.alarm(job["seconds"])
        os.environ.clear()
        os.environ.update(job["environment"])
        for number, name in ((0, os.devnull), (1, job["out"]), (2, job["err"])):
            os.dup2(os.open(name, os.O_RDWR), number)
        sys.argv = ["-c", *job["arguments"]]
        from darkmask.cli import main

        code = main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)
"""


class Forked:
    """Runs ``darkmask`` in children of one process.

    Parameters
    ----------
    prepare : str
        What that process does before: Python code.
    """

    def __init__(self, prepare: str):
        self._prepare = prepare
        self._server: subprocess.Popen[str] | None = None

    def run(
        self, arguments: Sequence[str], environment: dict[str, str], seconds: int = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; one that takes longer than so many seconds is killed."""
        if self._server is None:
            command = [sys.executable, "-W", "error", "-c", _SERVER, self._prepare]
            self._server = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, bufsize=1
            )
        assert self._server.stdin
        assert self._server.stdout
        with tempfile.TemporaryDirectory(prefix="darkmask-said-") as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            for path in (out, err):
                path.touch()
            job = {
                "arguments": [*arguments],
                "environment": environment,
                "out": str(out),
                "err": str(err),
                "seconds": seconds,
            }
            self._server.stdin.write(json.dumps(job) + "\n")
            self._server.stdin.flush()
            code = int(self._server.stdout.readline())
            return subprocess.CompletedProcess([*arguments], code, out.read_text(), err.read_text())

    def close(self) -> None:
        if self._server is not None:
            self._server.communicate()
