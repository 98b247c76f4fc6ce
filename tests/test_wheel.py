"""What is distributed: the checks travel in the wheel, and judge without a checkout."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from filelock import FileLock

from tests.support.project import ROOT

pytestmark = pytest.mark.slow

# What a build may read; tests as well, to see that they are left out.
SOURCES = ("checks", "darkmask", "fixtures", "tests")
FILES = ("LICENSE", "MANIFEST.in", "README.md", "conftest.py", "pyproject.toml", "pytest.ini", "setup.py")
BUILD = "import sys; from setuptools import build_meta as b; getattr(b, 'build_' + sys.argv[1])(sys.argv[2])"


def build(kind: str, source: Path, out: Path) -> Path:
    """Build by the installed setuptools, without a network, in a copy: a build writes beside its sources."""
    command = [sys.executable, "-c", BUILD, kind, str(out)]
    ended = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return next(out.glob({"sdist": "*.tar.gz", "wheel": "*.whl"}[kind]))


@pytest.fixture(scope="session")
def distributed(shared: Path) -> Path:
    """Make a folder with the source distribution, and the wheel that was built from that and not from the checkout."""
    home = shared / "distributed"
    with FileLock(shared / "distributed.lock"):
        if not home.exists():
            copy, out = shared / "copied", shared / "building"
            for name in SOURCES:
                shutil.copytree(ROOT / name, copy / name)  # with __pycache__, which must be left out too
            for name in FILES:
                shutil.copy(ROOT / name, copy)
            out.mkdir()
            with tarfile.open(build("sdist", copy, out)) as packed:
                packed.extractall(shared / "unpacked", filter="data")
            (unpacked,) = (shared / "unpacked").iterdir()
            build("wheel", unpacked, out)
            out.rename(home)
    return home


@pytest.fixture(scope="session")
def installed(distributed: Path, shared: Path) -> Path:
    """Make the ``bin`` of an environment that has the wheel, and of the checkout nothing."""
    home = shared / "installed"
    with FileLock(shared / "installed.lock"):
        if not (home / "whole").exists():
            venv.create(home, with_pip=True)
            pip = [home / "bin" / "python", "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
            subprocess.run([*pip, next(distributed.glob("*.whl"))], check=True)
            # The dependencies are those of this environment. Python adds the folder alone and does not read the .pth
            # files in it, that of an editable install of the checkout say.
            (packages,) = home.glob("lib/python*/site-packages")
            outside = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
            (packages / "dependencies.pth").write_text("\n".join(outside) + "\n")
            (home / "whole").touch()
    return home / "bin"


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PYTHON"))}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=400, check=False)


def files_below(*folders: str) -> set[str]:
    paths = [path for name in folders for path in (ROOT / name).rglob("*") if path.is_file()]
    return {path.relative_to(ROOT).as_posix() for path in paths if "__pycache__" not in path.parts}


def test_the_wheel_holds_the_library_and_the_harness(distributed):
    with zipfile.ZipFile(next(distributed.glob("*.whl"))) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    harness = files_below("checks", "fixtures") | {"conftest.py", "pytest.ini"}
    assert names == files_below("darkmask") | {f"darkmask/_harness/{name}" for name in harness}
    # The comparison would hold of a checkout that lost them as well.
    suffixes = {Path(name).suffix for name in names}
    assert suffixes >= {".py", ".toml", ".html", ".css", ".js", ".json", ".ini"}


def test_the_source_distribution_holds_what_the_wheel_is_built_from(distributed):
    with tarfile.open(next(distributed.glob("*.tar.gz"))) as packed:
        names = {m.name.partition("/")[2] for m in packed.getmembers() if m.isfile()}
    made = {name for name in names if name.startswith("darkmask.egg-info/")} | {"PKG-INFO", "setup.cfg"}
    assert names - made == files_below("checks", "darkmask", "fixtures") | set(FILES)


def test_the_wheel_judges_from_an_empty_folder(installed, small, good_masks, tmp_path):
    where = run(installed / "python", "-P", "-c", "import darkmask; print(darkmask.__file__)", cwd=tmp_path)
    assert Path(where.stdout.strip()).is_relative_to(installed.parent), where.stdout + where.stderr

    listed = run(installed / "darkmask", "check", "--describe", cwd=tmp_path)
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert "CNT-HOT" in listed.stdout
    assert list(tmp_path.iterdir()) == []

    options = (f"--criteria={small.criteria}", f"--base={small.base}", "-n", "2")
    runs = {"small": f"--delivery={small.delivery}", good_masks.name: f"--masks={good_masks}"}
    for name, given in runs.items():
        ended = run(installed / "darkmask", "check", given, *options, cwd=tmp_path)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert f"rootdir: {installed.parent}" in ended.stdout
        results = json.loads((tmp_path / "reports" / name / "results.json").read_text())
        assert results["verdict"] == "pass"
        assert {check["nodeid"].partition("/")[0] for check in results["checks"]} == {"checks"}
        page = (tmp_path / "reports" / name / "report.html").read_text()
        for asset in (ROOT / "fixtures" / "report" / "assets").glob("*.js"):
            assert asset.read_text().strip().splitlines()[0] in page
    assert len(list((tmp_path / "reports" / "small" / "masks").glob("jwst_nircam_mask_*.fits"))) >= 2
    assert [path.name for path in tmp_path.iterdir()] == ["reports"]
    # Nor does a run write among the installed packages.
    (harness,) = installed.parent.glob("lib/python*/site-packages/darkmask/_harness")
    assert {path.name for path in harness.iterdir()} - {"__pycache__"} == {
        *("checks", "conftest.py", "fixtures", "pytest.ini")
    }
