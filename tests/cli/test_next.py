"""Each command of the way from raw darks to a verdict ends with the next one, which works as it was printed."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from astropy.io import fits

from darkmask.cli import main
from darkmask.cli.next_command import criteria_for, hand_on_criteria

DEMO = "demo 'a demo' --frame=128 --exposures=5 --groups=16"


def next_of(output: str) -> str:
    """Return the command that the last line tells."""
    *_, last = output.splitlines()
    assert last.startswith("Next: ")
    return last.removeprefix("Next: ")


def typed(command: str, folder: Path) -> subprocess.CompletedProcess:
    """Return what a shell makes of a command line."""
    where = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | {"PATH": where}
    return subprocess.run(
        command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("detectors", "options"),
    # One of the two has a subarray in the demo's plan. One detector alone goes through the steps of the pipeline.
    [(["NRCA1", "NRCB1"], ""), (["NRCB1"], " --uncal --no-subarrays")],
)
def test_the_way_from_a_demo_to_a_verdict(tmp_path, detectors, options):
    """Without another word of its user, a demo passes; only simulated darks are judged by the criteria of the demo."""
    made = typed(f"python -m darkmask {DEMO} --detectors={','.join(detectors)}{options}", tmp_path)
    assert made.returncode == 0, made.stderr
    if "--uncal" in options:
        made = typed(next_of(made.stdout), tmp_path)
        assert made.returncode == 0, made.stderr
    judge = next_of(made.stdout)
    assert shlex.split(judge)[:4] == ["python", "-m", "darkmask", "check"]
    judged = typed(judge, tmp_path)
    assert judged.returncode == 0, judged.stdout
    (path,) = (tmp_path / "reports").glob("*/results.json")
    results = json.loads(path.read_text())
    assert results["verdict"] == "pass"
    assert "not for delivery" in results["scope"]
    assert results["delivery"]["detectors"] == detectors


@pytest.mark.slow
def test_masks_of_darks_with_the_effects_of_real_detectors_pass_too(tmp_path):
    """Somewhat noisy pixels, which a search leaves usable, are nothing that its mask left out."""
    made = typed(
        "python -m darkmask demo darks --frame=256 --detectors=NRCA1 --effects=realistic --no-subarrays", tmp_path
    )
    assert made.returncode == 0, made.stderr
    searched = typed("python -m darkmask search darks masks", tmp_path)
    assert searched.returncode == 0, searched.stderr
    judged = typed(next_of(searched.stdout), tmp_path)
    assert judged.returncode == 0, judged.stdout
    (path,) = (tmp_path / "reports").glob("*/results.json")
    outcomes = {check["id"]: check["outcome"] for check in json.loads(path.read_text())["checks"]}
    assert outcomes["RES-NOISY"] == outcomes["RES-HOT"] == "pass"


def test_criteria_of_raw_darks_hold_for_what_is_made_of_them(tmp_path):
    raw, darks, other = (tmp_path / name for name in ("uncal", "darks", "other"))
    (tmp_path / "uncal.criteria.toml").write_text('schema = 1\nextends = "demo"\n')
    hand_on_criteria(raw, darks)
    assert criteria_for(darks) == str(tmp_path / "darks.criteria.toml")
    assert (tmp_path / "darks.criteria.toml").read_text() == (tmp_path / "uncal.criteria.toml").read_text()
    # What lies there is somebody's own.
    (tmp_path / "darks.criteria.toml").write_text("mine")
    hand_on_criteria(raw, darks)
    assert (tmp_path / "darks.criteria.toml").read_text() == "mine"
    hand_on_criteria(other, tmp_path / "more")
    assert criteria_for(tmp_path / "more") == "demo"


def test_search_ends_with_the_check_of_its_masks(small, tmp_path, capsys, run_checks):
    """Also for a mini frame, whose size nobody names."""
    out = tmp_path / "o u t"
    assert main(["search", str(small.delivery), str(out), "--detectors=NRCBLONG", f"--base={small.base}"]) == 0
    words = shlex.split(next_of(capsys.readouterr().out))
    options = words[words.index("check") + 1 :]
    assert options == [
        f"--delivery={small.delivery}",
        f"--masks={out}",
        f"--base={small.base}",
        "--criteria=demo",
        "--detectors=NRCBLONG",
    ]
    assert run_checks(*options).failed() == set()


def test_real_darks_are_judged_by_the_criteria_of_real_darks(small, tmp_path, capsys):
    """Frames that do not call themselves simulated have 2048 pixels, and a smaller one is refused."""
    darks = tmp_path / "darks"
    darks.mkdir()
    for path in small.delivery.glob("*_nrca1_*.fits"):
        fits.setval(shutil.copy(path, darks), "SIMULATD", value=False)
    assert main(["search", str(darks), str(tmp_path / "out")]) == 1
    assert "2048" in capsys.readouterr().err
    assert main(["search", str(darks), str(tmp_path / "out"), "--frame=128"]) == 0
    words = shlex.split(next_of(capsys.readouterr().out))
    # All ten are expected of real darks: a detector that is missing must not drop out of what is asked.
    assert words[-1] == f"--masks={tmp_path / 'out'}"
    assert main(["search", str(darks), str(tmp_path / "out"), "--frame=128", "--detectors=nrca1"]) == 0
    assert shlex.split(next_of(capsys.readouterr().out))[-1] == "--detectors=NRCA1"
