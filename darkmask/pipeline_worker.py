"""The pipeline in a process that stays: ramps put through its steps, and masks that it and CRDS are asked about.

One process for both, since loading the pipeline takes longer than most of the jobs.
"""

import sys
from pathlib import Path

from .acceptance_worker import answer
from .certify import write_stub_context
from .offline import offline_crds
from .pipeline import silence_logs
from .refit_worker import fit_folder
from .worker import OWN_CRDS, serve


def work(job: dict):
    """One job.

    Parameters
    ----------
    job : dict
        ``asks`` ``refit`` and a ``folder`` (see :func:`darkmask.refit_worker.fit_folder`), or what
        :func:`darkmask.acceptance_worker.answer` takes.
    """
    return fit_folder(Path(job["folder"])) if job["asks"] == "refit" else answer(job)


def main() -> None:
    """Work on the jobs on standard input."""
    if OWN_CRDS in sys.argv[1:]:
        silence_logs()
        serve(work)
        return
    with offline_crds() as cache:
        write_stub_context(cache)
        silence_logs()
        serve(work)


if __name__ == "__main__":
    main()
