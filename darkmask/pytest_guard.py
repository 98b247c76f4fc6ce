"""The plug-in that pytest loads wherever this package is installed: it keeps a delivery from being run as tests.

In ``pytest --delivery DIR checks/`` pytest takes DIR for a path of tests, since it does not know the option yet, and a
``pytest.ini`` there for the settings: ours, which name the option, are never read, and DIR's ``conftest.py`` is run.
Nothing inside the checks can refuse that, because nothing of them has been loaded by then. Any other project that
pytest serves is left alone.
"""

from pathlib import Path

import pytest

from .harness import find_harness

# The options of the checks that name a path. A test compares them with ``fixtures/session/options.py``.
PATH_OPTIONS = (
    "--base",
    "--criteria",
    "--delivery",
    "--ground",
    "--manual-flags",
    "--masks",
    "--previous",
    "--reports",
    "--scheduler",
    "--telemetry",
    "--waivers",
)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Refuse a run of the checks that has found other settings than theirs, before any ``conftest.py`` is run.

    Raises
    ------
    pytest.UsageError
        Also when the settings are in order but for their place: those of a folder above the checks, say.
    """
    if not any(argument.partition("=")[0] in PATH_OPTIONS for argument in args):
        return
    paths = [early_config.invocation_params.dir, *map(Path, early_config.known_args_namespace.file_or_dir)]
    harness = find_harness(paths)
    if harness is None or (early_config.inipath and early_config.inipath.resolve() == harness / "pytest.ini"):
        return
    raise pytest.UsageError(
        f"pytest took its settings from {early_config.inipath or 'nowhere'} and not from {harness / 'pytest.ini'}, so "
        "that it would run what lies in the folders given: use `darkmask check`, or write the options with an equals "
        "sign (--delivery=DIR) after checks/."
    )
