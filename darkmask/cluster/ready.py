"""What a worker of a search loads when it starts, and not when its first task comes.

    dask worker --preload darkmask.cluster.ready ...

Packages, compiled kernels and the schemas of masks take two or three seconds of each process. A worker that waits for
work has the time.
"""

from typing import Any


def dask_setup(_worker: Any) -> None:
    """Load what the search of a detector needs, when Dask starts a worker.

    Parameters
    ----------
    _worker : distributed.Worker
    """
    import darkmask.build.detector  # noqa: F401 (which imports what a search is made of)
    from darkmask.core.kernels import load_compiled
    from darkmask.masks.file import load_model

    load_model()
    load_compiled()
