"""No spelling and no order of the options makes pytest run what lies in the folders that they name."""

import itertools
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from darkmask.pytest_guard import PATH_OPTIONS
from fixtures.session.options import add_options
from tests.support.project import ROOT
from tests.support.runs import WARM

# What each of these makes pytest take the folder's settings for its own, when it looks there.
SETTINGS = {
    "pytest.ini": "[pytest]\n",
    ".pytest.ini": "[pytest]\n",
    "pyproject.toml": "[tool.pytest.ini_options]\n",
    "tox.ini": "[pytest]\n",
    "setup.cfg": "[tool:pytest]\n",
}
ORDERS = ("before", "after", "alone")
WORKING_FOLDERS = ("checkout", "above", "inside")


def test_the_guard_knows_every_option_that_names_a_path():
    known = {}
    add_options(lambda name, **given: known.update({name: given.get("metavar") or ""}))
    assert sorted(PATH_OPTIONS) == sorted(name for name, what in known.items() if "DIR" in what or "FILE" in what)


def test_pytest_loads_the_guard():
    assert [point.value for point in entry_points(group="pytest11", name="darkmask")] == ["darkmask.pytest_guard"]


@pytest.fixture
def trap(tmp_path) -> Path:
    """Make a folder in a folder, both of which would run code; what was run is told by the file ``executed``."""
    inside = tmp_path / "above" / "delivery"
    inside.mkdir(parents=True)
    for folder in (inside, inside.parent):
        for name in ("conftest.py", "test_bomb.py"):
            (folder / name).write_text(f"open({str(tmp_path / 'executed')!r}, 'a').write(__file__ + '\\n')\n")
    return inside


def lay(settings: str, *folders: Path) -> None:
    for folder in folders:
        (folder / settings).write_text(SETTINGS[settings])


def collect(trap: Path, spelling: tuple[str, bool, str, str, str]) -> tuple[int, str]:
    """Let pytest look for checks, as the command is typed in one of three folders.

    A process that begins takes seven eighths of the time: the quick ones do, and the many others are forked.
    """
    option, equals, order, where, _ = spelling
    folder, delivery = {
        "checkout": (ROOT, str(trap)),
        "above": (trap.parent, trap.name),
        "inside": (trap, "."),
    }[where]
    checks = [] if order == "alone" else ["checks/" if where == "checkout" else str(ROOT / "checks")]
    given = [f"{option}={delivery}"] if equals else [option, delivery]
    written = [*given, *checks] if order == "before" else [*checks, *given]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    command = [*written, "--collect-only", "-q"]
    if spelling not in QUICK:
        said = trap.parent.with_name("said")
        status = WARM.run(command, environment, said, folder)
        return status, said.read_text()
    ended = subprocess.run(
        # As the script `pytest` does, and other than `python -m pytest`, the current folder is no place of modules.
        [sys.executable, "-P", "-m", "pytest", *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    return ended.returncode, ended.stdout + ended.stderr


QUICK = [
    ("--delivery", False, "before", "checkout", "pytest.ini"),
    ("--delivery", False, "alone", "checkout", "tox.ini"),
    ("--delivery", False, "after", "above", "pyproject.toml"),
    ("--delivery", True, "before", "inside", ".pytest.ini"),
    ("--masks", False, "before", "above", "setup.cfg"),
    ("--previous", False, "before", "checkout", "pyproject.toml"),
]
ALL = [
    (option, equals, order, where, settings)
    for (option, equals, order, where), settings in zip(
        itertools.product(PATH_OPTIONS, (False, True), ORDERS, WORKING_FOLDERS), itertools.cycle(SETTINGS), strict=False
    )
    # Without a path, and away from the checkout, pytest was not asked for our checks at all.
    if order != "alone" or where == "checkout"
]
CASES = [*QUICK, *(pytest.param(spelling, marks=pytest.mark.slow) for spelling in ALL if spelling not in QUICK)]


@pytest.mark.parametrize("spelling", CASES, ids=lambda spelling: "-".join(map(str, spelling)))
def test_nothing_that_was_given_is_executed(trap, tmp_path, spelling):
    lay(spelling[-1], trap, trap.parent)
    status, output = collect(trap, spelling)
    assert not (tmp_path / "executed").exists(), output
    assert status in (0, 4), output
    if status == 4 and "took its settings" in output:
        assert "darkmask check" in output
        assert "--delivery=DIR" in output


def test_other_projects_are_left_alone(tmp_path):
    """A project with an option of one of our names is none of our business."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text("def pytest_addoption(parser): parser.addoption('--base')\n")
    (tmp_path / "test_own.py").write_text("def test_own(request): assert request.config.option.base == '7'\n")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "--base", "7", "test_own.py", "-q"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "1 passed" in ended.stdout
