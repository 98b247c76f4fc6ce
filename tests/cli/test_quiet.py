"""What jwst, numba and others log or warn of is not for the user: each command in a fresh process, as it is typed."""

import subprocess
import sys
from pathlib import Path

import pytest

# What a terminal that is none gets of a bar.
BARS = ("simulating darks", "exposures")


def said(folder: Path, *arguments: str) -> tuple[int, list[str], str]:
    """Return code, lines of standard error without bars, and standard output of a command that warns of everything."""
    command = [sys.executable, "-W", "default", "-m", "darkmask", *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    lines = [line for line in ended.stderr.splitlines() if line.strip() and not line.startswith(BARS)]
    return ended.returncode, lines, ended.stdout


@pytest.mark.slow
def test_no_command_says_more_than_it_has_to(tmp_path):
    size = ("--frame=64", "--detectors=NRCA1", "--exposures=5", "--integrations=1", "--groups=6", "--no-subarrays")
    way = [
        (0, ("demo", "raw", "--uncal", *size)),
        (0, ("prepare", "raw", "darks", "--references=raw.references")),
        (0, ("search", "darks", "found")),
        (0, ("search", "darks", "published", "--engine=jwst_reffiles")),
        (1, ("compare", "found/jwst_nircam_mask_nrca1.fits", "published/jwst_nircam_mask_nrca1.fits")),
        (1, ("check", "--delivery=darks", "--base=raw.base", "--criteria=demo", "--detectors=NRCA1", "-s")),
        (1, ("check", "--masks=found", "--criteria=demo", "--detectors=NRCA1", "-k", "REF", "-n", "1")),
        (0, ("index", "reports")),
        (1, ("diff", "reports/darks", "reports/found")),
        (0, ("cache", "ls")),
    ]
    for code, arguments in way:
        status, lines, out = said(tmp_path, *arguments)
        assert (status, lines) == (code, []), arguments
        for noise in ("stpipe", "CRDS -", "Warning", "INFO", "numba"):
            assert noise not in out, (arguments, out)
