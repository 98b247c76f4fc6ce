"""The pipeline in a process that stays: it puts ramps through the steps, and answers questions about masks.

One process does both, since loading the pipeline takes longer than most of the jobs.
"""

import sys
from importlib import import_module

from .certification import write_stub_context
from .offline import offline_crds
from .steps import set_aside_garbage, silence_logs
from .worker import OWN_CRDS, serve


def work(job: dict):
    """Do one job.

    Parameters
    ----------
    job : dict
        ``module``, the name of our module whose ``answer`` does the job, and what that takes.
    """
    try:
        return import_module(job["module"]).answer(job)
    finally:
        # CRDS and the steps collect garbage up to twenty times a job, and would go through all that was imported.
        set_aside_garbage()


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
