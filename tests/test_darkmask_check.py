"""``darkmask check``: ``pytest checks/`` from any folder, and from hostile ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from darkmask import harness
from darkmask.cli import main
from tests.support.project import ROOT

# What the script `darkmask` does: unlike `python -m darkmask`, it imports nothing from the current folder.
SCRIPT = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from darkmask.__main__ import main; sys.exit(main())"
PATIENCE = 240


def start(*arguments: str | Path, cwd: Path) -> subprocess.Popen:
    # Nor may the environment name the current folder.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PYTHON"))}
    command = [sys.executable, "-P", "-c", SCRIPT, "check", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def check(*arguments: str | Path, cwd: Path) -> tuple[int, str]:
    child = start(*arguments, cwd=cwd)
    output, _ = child.communicate(timeout=PATIENCE)
    return child.returncode, output


@pytest.fixture
def hostile(small, tmp_path) -> Path:
    """Make a delivery that would run code if anything of it, or of the folder above, were executed."""
    above = tmp_path / "above"
    above.mkdir()
    delivery = small.copy(above, "hostile")
    proof = tmp_path / "executed"
    above_names = ("conftest.py", "checks/conftest.py", "checks/test_counts.py")
    names = (*above_names, "struct.py", "numpy.py", "pytest.py", "darkmask/__init__.py", "fixtures/__init__.py")
    for bomb in [*(delivery / name for name in names), *(above / name for name in above_names)]:
        bomb.parent.mkdir(exist_ok=True)
        bomb.write_text(f"open({str(proof)!r}, 'a').write(__file__ + '\\n')\n")
    for folder in (delivery, above):
        (folder / "pytest.ini").write_text("[pytest]\naddopts = -p conftest\npythonpath = .\n")
    return delivery


@pytest.mark.parametrize(
    ("inside", "equals"),
    [
        pytest.param(True, False, id="in_the_delivery-space"),
        pytest.param(True, True, id="in_the_delivery-equals", marks=pytest.mark.slow),
        pytest.param(False, False, id="above_it-space", marks=pytest.mark.slow),
        pytest.param(False, True, id="above_it-equals", marks=pytest.mark.slow),
    ],
)
def test_nothing_in_the_working_directory_is_executed(hostile, small, inside, equals):
    folder, delivery, reports, more = (
        (hostile, ".", "../reports", ["-n", "1"]) if inside else (hostile.parent, "hostile", "reports", [])
    )
    (hostile.parent / "small.toml").write_text(small.criteria.read_text())
    options = {
        "--delivery": delivery,
        "--reports": reports,
        "--criteria": "../small.toml" if inside else "small.toml",
        "--junitxml": f"{reports}.xml",
    }
    written = [f"{k}={v}" for k, v in options.items()] if equals else [w for pair in options.items() for w in pair]
    status, output = check(*written, "-k", "DLV-FILES", *more, cwd=folder)
    assert status == 1, output  # a selected run is never a pass
    assert "incomplete" in output.lower()
    assert not (hostile.parent.parent / "executed").exists()
    # Whatever root pytest was given, names are relative to where they were typed.
    assert (hostile.parent / "reports" / "hostile" / "results.json").is_file()
    assert (hostile.parent / "reports.xml").is_file()
    assert not (hostile / "reports").exists()


@pytest.mark.parametrize(
    "arguments", [["hostile"], ["--delivry", "hostile"], ["-k", "CNT", "hostile/conftest.py::test"]], ids=str
)
def test_a_path_is_refused_before_it_is_loaded(hostile, arguments):
    status, output = check(*arguments, cwd=hostile.parent)
    assert status == 4, output
    assert f"no path but its own, and {arguments[-1]} belongs to no option that it knows" in output
    assert not (hostile.parent.parent / "executed").exists()
    assert not (hostile.parent / "reports").exists()


@pytest.mark.parametrize("option", ["-c", "--config-file"])
def test_the_settings_of_others_are_refused(hostile, option):
    other = hostile.parent / "other.ini"
    other.write_text("[pytest]\naddopts = -p fixtures.session.options\npythonpath = " + str(ROOT) + "\n")
    status, output = check(f"--delivery={hostile}", option, other, cwd=hostile.parent)
    assert status == 4, output
    assert "use `darkmask check`" in output


def test_help_shows_our_options(tmp_path):
    status, output = check("--help", cwd=tmp_path)
    assert status == 0, output
    assert output.startswith("usage: darkmask check [OPTION ...]\n\nJudge a delivery")
    for option in ("--delivery DIR", "--criteria NAME|FILE", "--reports DIR"):
        assert option in output
    assert "--junitxml" not in output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        pytest.param(["--describe"], 0, marks=pytest.mark.slow),
        pytest.param(["--delivery=empty"], 1, marks=pytest.mark.slow),
        (["--delivery=no_such_folder"], 4),
        pytest.param(["--criteria=no_such.toml"], 4, marks=pytest.mark.slow),
        (["--no-such-option"], 4),
        pytest.param(["--masks=masks", "--criteria=demo", "-k", "no_such_check"], 5, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_exit_codes_are_those_of_the_run(tmp_path, arguments, status):
    (tmp_path / "masks").mkdir()
    (tmp_path / "empty").mkdir()
    ended, output = check(*arguments, cwd=tmp_path)
    assert ended == status, output


def test_without_the_extra_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(harness, "find_spec", lambda name: None if name in ("pytest", "pytest_html") else name)
    assert main(["check", "--delivery=x"]) == 4
    error = capsys.readouterr().err
    assert error == (
        "darkmask check: The checks need pytest, pytest-html, not installed here: run pip install 'darkmask[checks]'.\n"
    )


def test_without_checks_it_says_so(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(harness, "PACKAGE", tmp_path / "darkmask")
    monkeypatch.setattr(harness, "_IN_WHEEL", tmp_path / "darkmask" / "_harness")
    assert main(["check"]) == 4
    assert "has no checks" in capsys.readouterr().err


def test_a_checkout_uses_its_own_checks():
    assert harness.harness_folder() == ROOT
