"""Deliveries that change under a run, and runs that meet: what cannot be trusted is no pass, and the file is named."""

import os
import subprocess

import pytest

from tests.faults import PATIENCE, ROOT, checks_command, environment, require_whole_report, run, without_times

# Acts on the delivery when pytest has collected ("scanned": headers are known, nothing is read), or when the second
# file of an exposure is opened for its ramps, so that the first is open already ("read").
DISTURB = """
import os, shutil, sys
from pathlib import Path

victim, what, moment = Path(os.environ["VICTIM"]), os.environ["WHAT"], os.environ["MOMENT"]
hashed = {"times": 0}

def act():
    hashed["done"] = True
    if what == "removed":
        victim.unlink()
    elif what == "cut":
        os.truncate(victim, victim.stat().st_size // 2)
    else:
        new = victim.with_name("new")
        new.write_bytes(victim.read_bytes()[:-2880] + bytes(2880))
        os.replace(new, victim)

def pytest_collection_finish(session):
    if moment == "scanned":
        act()

def look(event, arguments):
    if event == "open" and moment == "read" and "done" not in hashed:
        if str(arguments[0]).endswith(victim.name.replace("_jump", "_fitopt")):
            hashed["times"] += 1
            # The first is for its SHA-256, the second for a map, the third for its rows.
            if hashed["times"] == 3:
                act()

sys.addaudithook(look)
"""


@pytest.fixture
def own_delivery(small, tmp_path):
    """A copy whose files may be cut: not linked."""
    folder = tmp_path / "small"
    folder.mkdir()
    for path in small.delivery.glob("*nrca1*"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.mark.parametrize(
    ("what", "moment"),
    [("replaced", "scanned"), ("removed", "scanned"), ("cut", "read"), ("replaced", "read"), ("removed", "read")],
)
def test_a_file_that_changes_under_a_run(small, own_delivery, tmp_path, what, moment):
    (tmp_path / "disturb.py").write_text(DISTURB)
    victim = sorted(own_delivery.glob("*_nrca1_jump.fits"))[1]
    env = environment(tmp_path / "cache", VICTIM=str(victim), WHAT=what, MOMENT=moment)
    env["PYTHONPATH"] = os.pathsep.join([str(tmp_path), str(ROOT), env.get("PYTHONPATH", "")])
    options = [f"--delivery={own_delivery}", f"--criteria={small.criteria}", "--detectors=NRCA1", "-p", "disturb"]
    ended = run(checks_command(tmp_path / "reports", *options, "-k", "CNT or DQ"), env)
    assert ended.returncode == 1, ended.stdout
    checks = without_times(tmp_path / "reports" / "small")["checks"]
    asked = [check for check in checks if check["id"].startswith(("CNT", "DQ"))]
    assert asked
    for check in asked:
        assert check["outcome"] == "not_evaluated", check
        assert victim.name in check["message"]
    assert "Traceback" not in ended.stdout


@pytest.mark.parametrize("where", ["two folders", "one folder"])
def test_two_runs_at_once(undisturbed, tmp_path, where):
    cache, folders = tmp_path / "cache", [tmp_path / "one", tmp_path / ("one" if where == "one folder" else "two")]
    runs = [
        subprocess.Popen(
            checks_command(folder, *undisturbed.options),
            cwd=ROOT,
            env=environment(cache),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for folder in folders
    ]
    said = [child.communicate(timeout=PATIENCE)[0] for child in runs]
    ends = sorted(child.returncode for child in runs)
    assert ends == ([0, 4] if where == "one folder" else [0, 0]), said
    if where == "one folder":
        refused = next(text for text, child in zip(said, runs, strict=True) if child.returncode == 4)
        assert "Another run is writing the report in" in refused
        assert "Traceback" not in refused
    for folder in set(folders):
        assert without_times(folder / "small") == undisturbed.results
        require_whole_report(folder / "small")
