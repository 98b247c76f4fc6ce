"""Of two masks of one detector none is taken, whoever reads the folder: a sentence names both."""

import re
import shutil

import pytest

from darkmask import bad_pixels, compare_masks, search_delivery
from darkmask.cli import main
from darkmask.core.errors import DarkmaskError, MaskError
from tests.support.handmade_masks import CRITERIA, good_mask

SAID = r"holds more than one mask of NRCA1 \(a_copy.fits and .*\): leave one"


@pytest.fixture
def both(tmp_path):
    """Return a folder with two masks of NRCA1, which differ in their names alone."""
    path = good_mask(tmp_path / "both", "NRCA1")
    shutil.copy(path, path.with_name("a_copy.fits"))
    return path.parent


@pytest.mark.slow
def test_the_package_takes_neither(small, both):
    with pytest.raises(MaskError, match=SAID):
        bad_pixels(small.delivery, detector="NRCA1", base=both)
    with pytest.raises(DarkmaskError, match=SAID):
        search_delivery(small.delivery, detectors=["NRCA1"], base=both)
    with pytest.raises(MaskError, match="is no regular file"):
        compare_masks(both, both / "a_copy.fits")


def test_the_command_takes_neither(small, both, capsys):
    out = both.parent / "out"
    code = main(["search", str(small.delivery), str(out), "--frame=128", "--detectors=NRCA1", f"--base={both}"])
    assert code == 1
    assert re.search(SAID, capsys.readouterr().err)
    assert not list(out.glob("*.fits"))


@pytest.mark.slow
def test_the_checks_take_neither(run_checks, both):
    criteria = both.parent / "handmade.toml"
    criteria.write_text(CRITERIA)
    given = both.parent / "given"
    good_mask(given, "NRCA1")
    options = f"--criteria={criteria}", "--detectors=NRCA1"
    run = run_checks(f"--masks={given}", f"--ground={both}", f"--base={both}", *options)
    for criterion in ("BAS-KEPT", "GND-REGISTRATION", "GND-RETAINED", "STR-CLUMP"):
        assert_refused(run, criterion)
    run = run_checks(f"--masks={both}", *options)
    for criterion in ("CNT-HOT", "DQ-DEF", "DQ-RAW", "REF-SCHEMA", "STR-CLUMP"):
        assert_refused(run, criterion)


def assert_refused(run, criterion):
    check = run.checks[criterion, "NRCA1", "FULL"]
    assert check["outcome"] == "not_evaluated"
    assert re.search(SAID, check["message"])
    assert run.results["verdict"] == "fail"
