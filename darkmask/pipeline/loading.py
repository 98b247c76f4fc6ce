"""Load what later jobs of the pipeline's process need, while whoever will ask for them does something else."""

from importlib import import_module


def answer(job: dict) -> None:
    """Import modules.

    Parameters
    ----------
    job : dict
        ``modules``, their names.
    """
    for name in job["modules"]:
        import_module(name)
