"""Start a scheduler here and its workers as jobs of Slurm, for --scheduler, until this is interrupted.

    python slurm_workers.py /shared/scheduler.json &
    darkmask search /shared/darks /shared/found --scheduler=/shared/scheduler.json
    darkmask run /shared/nrc09 --program=1062 --scheduler=/shared/scheduler.json

Needs dask-jobqueue and the settings of tls.yaml; /shared is the same folder on all machines.
"""

import json
import shutil
import signal
import sys
from pathlib import Path

from dask_jobqueue import SLURMCluster
from distributed import Security

WORKERS = 10
# The address of this machine that workers reach; None for that of its name.
HOST = None


def start(kind=SLURMCluster):
    """Start the scheduler and ask for its workers."""
    cluster = kind(
        cores=1,  # a process does one task at a time
        processes=1,
        memory="8GB",
        walltime="04:00:00",
        worker_extra_args=["--resources", "MEMORY=8e9", "--preload", "darkmask.cluster.ready"],
        python=sys.executable,
        protocol="tls://",
        security=Security(require_encryption=True),
        # Its pages are not encrypted.
        scheduler_options={"dashboard_address": "127.0.0.1:0"} | ({"host": HOST} if HOST else {}),
    )
    # A fixed number and not `adapt`, which begins with none: workers are looked at before there is work.
    cluster.scale(WORKERS)
    return cluster


def main(file: Path) -> None:
    """Write where the scheduler is, and wait."""
    if shutil.which("sbatch") is None:
        sys.exit("sbatch is not found: run this where jobs are submitted.")
    with start() as cluster:
        file.write_text(json.dumps({"address": cluster.scheduler_address}))
        signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
