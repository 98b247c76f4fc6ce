"""``python -m darkmask`` as its users type it."""

import subprocess
import sys

import pytest
from astropy.table import Table

from darkmask.cli import main
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


def test_compare_counts_flags(small, tmp_path, capsys):
    first = next(small.ground.glob("*nrca1*"))
    assert main(["compare", str(first), str(first)]) == 0
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert lines["HOT"][1:] == ["0", "0"]
    assert int(lines["HOT"][0]) > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search", "no_such_folder", "out"], "does not exist"),
        (["compare", "no_such.fits", "no_such.fits"], "no_such.fits does not exist"),
    ],
)
def test_bad_input_is_one_sentence(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
