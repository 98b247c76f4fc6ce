"""Run a job of jwst_reffiles in a process and a temporary folder of its own."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from darkmask.core.atomic import temporary_folder
from darkmask.core.errors import SearchError
from darkmask.core.processes import last_words, module_command, module_environment


@contextmanager
def run_worker(module: str, job: dict, what: str, remedy: str = "look at the files named") -> Iterator:
    """Run a worker module of this package on a job, and give the contents of its ``result.npz``.

    Parameters
    ----------
    module : str
        Name of the module.
    job : dict
        Parameters of the job, which are written as JSON into the folder.
    what, remedy : str
        For the message of a failure: what the job was on, and what to do.

    Raises
    ------
    SearchError
        When the worker failed or was killed.
    """
    environment = module_environment(MPLBACKEND="Agg")
    with temporary_folder("reffiles") as folder:
        (folder / "job.json").write_text(json.dumps(job))
        # Its 40 warnings on a run are not errors, whatever PYTHONWARNINGS says, and would hide the last line.
        command = module_command(f"{__package__}.{module}", "job.json")
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            said = last_words(done.stderr.splitlines(), "it said nothing")
            how = f"was killed by signal {-done.returncode}" if done.returncode < 0 else "failed"
            raise SearchError(f"jwst_reffiles {how} on {what} ({said}): {remedy}.")
        with np.load(folder / "result.npz") as result:
            yield result
