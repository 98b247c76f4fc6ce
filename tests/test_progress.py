"""Who watches a run is told which mask is being made; a log that nobody watches holds nothing more than before."""

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

TOLD = re.compile(r"^(NRC\w+): (making the mask|the mask is there after \d+ s, \d of 2)$", re.MULTILINE)


def begun_and_there(output: str) -> list[tuple[str, str]]:
    return [(detector, said.split()[0]) for detector, said in TOLD.findall(output)]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "workers"])
def test_each_mask_is_told_once(run_checks, small, workers):
    run = run_checks(f"--delivery={small.delivery}", f"--criteria={small.criteria}", "-v", *workers, expect=0)
    told = begun_and_there(run.output)
    assert sorted(told) == [(name, word) for name in ("NRCA1", "NRCBLONG") for word in ("making", "the")]
    for detector in ("NRCA1", "NRCBLONG"):
        assert told.index((detector, "making")) < told.index((detector, "the"))
    assert "2 of 2" in run.output


def test_a_log_and_a_run_on_given_masks_are_not_disturbed(run_checks, small, good_masks):
    assert begun_and_there(run_checks(f"--delivery={small.delivery}", f"--criteria={small.criteria}").output) == []
    assert begun_and_there(run_checks(f"--masks={good_masks}", f"--criteria={small.criteria}", "-v").output) == []


def test_a_mask_that_cannot_be_made_is_never_there(run_checks, small, tmp_path):
    folder = small.copy(tmp_path)
    for path in folder.glob("*_nrca1_*"):
        path.unlink()
    run = run_checks(f"--delivery={folder}", f"--criteria={small.criteria}", "-v", expect=1)
    assert ("NRCA1", "the") not in begun_and_there(run.output)
    assert ("NRCBLONG", "the") in begun_and_there(run.output)


def test_on_a_terminal_no_option_is_needed(small, tmp_path):
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pytest.ini"), "checks/", "-k", "CNT-HOT"]
    command += [f"--delivery={small.delivery}", f"--criteria={small.criteria}", f"--reports={tmp_path}"]
    with subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs) as run:
        os.close(theirs)
        output = b""
        # Reading the end of a terminal is an error.
        try:
            while chunk := os.read(ours, 4096):
                output += chunk
        except OSError:
            pass
        run.wait(timeout=120)
    os.close(ours)
    assert len(begun_and_there(output.decode().replace("\r", ""))) == 4
