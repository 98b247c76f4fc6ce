"""Where the checks lie, and the process that asks them: ``darkmask check``."""

import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

from .core.errors import DarkmaskError
from .core.provenance import PACKAGE

# What the extra ``checks`` installs and a run cannot do without: modules, and what they are installed as.
_NEEDED = {"pytest": "pytest", "pytest_html": "pytest-html", "xdist": "pytest-xdist", "jinja2": "jinja2"}
# By these files a folder is known to hold the checks and not others' folders of the same names.
_MARKS = ("pytest.ini", "conftest.py", "checks/criteria/nircam.toml", "fixtures/places.py")
_IN_WHEEL = PACKAGE / "_harness"


def harness_folder() -> Path:
    """Return the folder that holds ``checks/``, ``fixtures/``, ``conftest.py`` and ``pytest.ini``.

    Returns
    -------
    Path
        The checkout that this package lies in, or the copy that the wheel brought.

    Raises
    ------
    DarkmaskError
        When neither holds them.
    """
    for folder in (PACKAGE.parent, _IN_WHEEL):
        if all((folder / name).is_file() for name in _MARKS):
            return folder
    raise DarkmaskError(
        f"This installation of darkmask has no checks in {PACKAGE.parent} and none in {_IN_WHEEL}: install it again."
    )


def check_command(arguments: list[str]) -> list[str]:
    """Return the command line that asks the checks, whatever the current folder is.

    Parameters
    ----------
    arguments : list of str
        As for ``pytest checks/``; they are handed on as they are.

    Returns
    -------
    list of str

    Raises
    ------
    DarkmaskError
        When the checks, or the packages that they need, are not installed.
    """
    missing = [package for module, package in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise DarkmaskError(
            f"The checks need {', '.join(missing)}, not installed here: run pip install 'darkmask[checks]'."
        )
    folder = harness_folder()
    # Settings and root are ours, or pytest would look for them near the arguments and in the current folder.
    command = [sys.executable, "-P", "-m", "pytest", "-c", str(folder / "pytest.ini"), f"--rootdir={folder}"]
    command += ["-p", "fixtures.session.darkmask_check"]
    if folder == _IN_WHEEL:
        from .core.cache import cache_root

        # What pytest remembers for --lf would go among the installed packages, where not everybody may write.
        command += ["-o", f"cache_dir={cache_root() / 'pytest'}"]
    return [*command, str(folder / "checks"), *arguments]


def run_checks(arguments: list[str]) -> int:
    """Become the process that asks the checks: exit code and terminal are its own.

    Parameters
    ----------
    arguments : list of str
        As for ``pytest checks/``.

    Returns
    -------
    int
        4, after one sentence on standard error, when the checks cannot be started; otherwise this does not return.
    """
    try:
        command = check_command(arguments)
    except DarkmaskError as error:
        print(f"darkmask check: {error}", file=sys.stderr)
        return 4
    sys.stdout.flush()
    sys.stderr.flush()
    # An interruption waits until there is somebody to answer it (fixtures/session/darkmask_check.py): before that,
    # Python ends with a traceback, or with the code of a verdict.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    # -P keeps the current folder, a delivery say, off the path of modules; the variable does so in workers.
    return os.execve(command[0], command, {**os.environ, "PYTHONSAFEPATH": "1"})
