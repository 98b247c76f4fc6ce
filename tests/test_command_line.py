"""``python -m darkmask`` as its users type it."""

import shutil
import subprocess
import sys

import pytest
from astropy.table import Table

from darkmask.cli import main
from darkmask.core.detectors import READOUT_PATTERNS, ReadoutPattern
from darkmask.masks.file import read_mask


def test_help_is_light():
    code = """
import sys
import darkmask.cli
try:
    darkmask.cli.main(["--help"])
except SystemExit:
    print(sorted({"astropy", "jwst", "scipy", "matplotlib", "pydantic"} & set(sys.modules)))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "search" in ended.stdout
    # The package's docstring goes on for readers of the library.
    assert "==" not in ended.stdout
    assert ended.stdout.splitlines()[-1] == "[]"


def test_search_writes_masks_and_catalogues(small, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["search", str(small.delivery), str(out), "--frame", "128", "--detectors", "NRCBLONG"]) == 0
    assert "NRCBLONG: saturated" in capsys.readouterr().out
    mask = read_mask(out / "jwst_nircam_mask_nrcblong.fits")
    assert mask.header["DETECTOR"] == "NRCBLONG"
    assert mask.header["FASTAXIS"] == 1
    assert mask.header["SLOWAXIS"] == -2
    assert "hot_rate = 0.275" in str(mask.header["HISTORY"])
    full, part = (Table.read(out / f"nrcblong_{s}.ecsv") for s in ("full", "sub64p"))
    assert set(part["x"]) <= set(range(32, 96))
    assert [line.startswith("circle(") for line in (out / "nrcblong_full.reg").read_text().splitlines()].count(
        True
    ) == len(full)
    assert {"x", "y", "categories", "dq", "rate", "rate_error"} <= set(full.colnames)
    saturated = [row for row in full if row["categories"] == "saturated"]
    assert all(mask.decoded[row["y"], row["x"]] == row["dq"] for row in saturated)


def test_a_search_whose_mask_is_there_loads_neither_kernels_nor_models(small, tmp_path):
    code = f"""
import sys
from darkmask.cli import main
main(["search", {str(small.delivery)!r}, {str(tmp_path / "out")!r}, "--frame", "128", "--detectors", "NRCA1"])
print(sorted({{"asdf", "jwst", "matplotlib", "numba", "scipy"}} & set(sys.modules)))
"""
    for _ in range(2):
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_compare_counts_flags(small, tmp_path, capsys):
    first = next(small.ground.glob("*nrca1*"))
    assert main(["compare", str(first), shutil.copy(first, tmp_path)]) == 0
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert lines["HOT"][1:] == ["0", "0"]
    assert int(lines["HOT"][0]) > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["demo", "out", "--readpatt", "MEDIUM4"], "readpatt = 'MEDIUM4': use one of RAPID"),
        (["demo", "out", "--readpatt", ""], "readpatt = '': use one of RAPID"),
        (["demo", "out", "--frame", "-3"], "the frame must be a multiple of 4"),
        (["demo", "out", "--groups", "1"], "groups = 1: it must lie between 2 and 1000"),
        (["demo", "out", "--exposures", "0"], "exposures = 0: it must lie between 1"),
        (["demo", "out", "--seed", "-1"], "seed = -1: it must not be negative"),
        (["demo", "out", "--epochs", "nan"], "each epoch needs an exposure"),
        (["demo", "out", "--effects", "one_over_f=nan"], "a strength is a number from 0"),
        (["demo", "out", "--effects", "one_over_f=1e300"], "a strength is a number from 0 to 100000"),
        (["demo", "out", "--detectors", "NRCA5"], "NRCA5 is called NRCALONG in headers: use that name"),
        (["demo", "out", "--detectors", "NRCA11"], "There is no NIRCam detector 'NRCA11': the nearest is 'NRCA1'"),
        (["demo", "out", "--detectors", "NRCA1,"], "nothing before or after a comma: write A,B"),
        (["demo", "out", "--groups", "many"], "--groups: invalid int value: 'many': `darkmask demo --help` shows"),
        (["demo", "out", "more"], "more belongs to nothing that this command takes: `darkmask demo --help` shows"),
        (["demo", "out", "--exposure", "3"], "--exposure 3 belongs to nothing"),
        (["demo", "."], ". is the current folder: give a new one, inside it or elsewhere"),
        (["demo"], "arguments are required: OUT: `darkmask demo --help` shows what it takes"),
        (["fetch", "out"], "arguments are required: --program"),
        (["fetch", "out", "--program", "1062a"], "--program=1062a is no APT program"),
        (["fetch", "out", "--program=0"], "--program=0 is no APT program, whose number has one to five digits"),
        (["fetch", "out", "--program=106200"], "--program=106200 is no APT program"),
        (["fetch", "out", "--program=1062", "--product=uncal,raw"], "--product names 'raw', which is none"),
        (["fetch", "out", "--program=1062", "--observations=0"], "'0' cannot be used (less than 1)"),
        (["forget", "it"], "invalid choice: 'forget'"),
    ],
)
def test_an_unusable_command_is_one_sentence(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 4
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["demo", "o" * 300], "ooo cannot be used (File name too long): give another path"),
        (["demo", "/proc/none/out"], "/proc/none cannot be used (No such file or directory): give another path"),
    ],
)
def test_what_the_system_refuses_is_one_sentence(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_read_pattern_that_headers_cannot_hold_is_one_sentence(capsys, tmp_path, monkeypatch):
    """Add a pattern that stdatamodels has no word for, as a mission may before its next release."""
    monkeypatch.setitem(READOUT_PATTERNS, "MEDIUM4", ReadoutPattern(4, 6))
    assert main(["demo", str(tmp_path / "out"), "--readpatt", "MEDIUM4"]) == 4
    error = capsys.readouterr().err
    assert "readpatt = 'MEDIUM4' is no READPATT of the installed stdatamodels: use one of RAPID, BRIGHT1" in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--frame", "-1"], "the criteria say -1x-1"),
        pytest.param(["--frame", "0"], "the criteria say 0x0", marks=pytest.mark.slow),
        pytest.param(["--frame", "127"], "the criteria say 127x127", marks=pytest.mark.slow),
        (["--frame", "2048"], "128"),
        (["--flats", "{copy}"], "was given as a flat"),
        (["--detectors", "NRCA2"], "holds no whole full-frame exposure of NRCA2"),
    ],
)
def test_a_senseless_option_of_search_is_one_sentence(small, options, said, capsys, tmp_path):
    copy = small.copy(tmp_path)
    given = [option.format(copy=copy) for option in options]
    common = [] if "--frame" in options else ["--frame", "128"]
    chosen = [] if "--detectors" in options else ["--detectors", "NRCBLONG"]
    assert main(["search", str(small.delivery), str(tmp_path / "out"), *common, *chosen, *given]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
