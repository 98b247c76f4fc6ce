"""The version: that of the installed package, and the same fallback everywhere."""

import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import darkmask
from darkmask.core.version import FALLBACK
from tests.support.project import ROOT


def test_it_is_the_one_that_is_installed():
    installed = [each.version for each in metadata.distributions(name="darkmask")]
    assert darkmask.__version__ == next(iter([*installed, FALLBACK]))


def test_a_checkout_that_nobody_installed_has_the_fallback(tmp_path):
    # Without site-packages nothing is installed, and the package itself needs nothing. A build may have left its
    # metadata in this checkout.
    package = Path(darkmask.__file__).parent
    for name in ("__init__.py", "core/__init__.py", "core/version.py"):
        (tmp_path / "darkmask" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(package / name, tmp_path / "darkmask" / name)
    code = "import sys; sys.path.insert(0, sys.argv[1]); import darkmask; print(darkmask.__version__)"
    command = [sys.executable, "-I", "-S", "-c", code, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == [FALLBACK]


def test_the_fallback_is_the_one_of_the_build_and_of_the_last_release():
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["tool"]["setuptools_scm"]["fallback_version"] == FALLBACK
    released = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]
    assert released[0] == "## Unreleased"
    assert released[1].startswith(f"## {FALLBACK} - ")
