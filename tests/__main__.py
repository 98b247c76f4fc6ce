"""All tests, and how much of the code they reach: ``python -m tests [options of pytest]``.

Coverage is measured with the interpreter's own monitoring, which costs a tenth of the time; Python 3.11 has none, and
the other way of measuring costs three quarters. What counts is what runs in the tests' own process, in processes that
they start and in forks of the one that has loaded everything (`tests/support/warm.py`), but for those that are killed.
Compiled kernels are left out: nobody sees into them. A selection of tests, which misses the floor, is not measured.
"""

import os
import subprocess
import sys

from tests.support.project import ROOT

# Options that leave tests out.
SELECTING = ("-k", "-m", "--lf", "--last-failed", "--deselect", "--ignore", "tests/", "-x", "--maxfail")


def command(options: list[str], version: tuple[int, int]) -> list[str]:
    """Return the call of pytest, with coverage where it is cheap and means something.

    Parameters
    ----------
    options : list of str
        Of pytest.
    version : tuple of int
        Of Python.

    Returns
    -------
    list of str
    """
    measured = version >= (3, 12) and not any(option.startswith(SELECTING) for option in options)
    coverage = ["--cov", "--cov-report=term:skip-covered"] if measured else []
    return [sys.executable, "-m", "pytest", "tests/", *options, *coverage]


if __name__ == "__main__":
    environment = os.environ | {"COVERAGE_CORE": "sysmon"}
    called = command(sys.argv[1:], sys.version_info[:2])
    sys.exit(subprocess.run(called, cwd=ROOT, env=environment, check=False).returncode)
