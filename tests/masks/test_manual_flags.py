"""Pixels flagged by hand: read from a table, added to masks, told in HISTORY and manifest."""

import json

import pytest
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st

from darkmask.cli import main
from darkmask.core.atomic import sha256_file
from darkmask.core.detectors import Geometry
from darkmask.core.errors import ParameterError
from darkmask.core.flags import bits_of
from darkmask.masks.file import read_mask
from darkmask.masks.manual_flags import ManualFlags, read_manual_flags
from tests.support.project import ROOT

GEOMETRY = Geometry(128)
GOOD = [("NRCA1", 60, 70, "DEAD DO_NOT_USE"), ("nrcblong", 61, 9, "OPEN, DO_NOT_USE"), ("NRCA1", 0, 5, "BAD_REF_PIXEL")]


def write(path, rows, names=("detector", "x", "y", "mnemonics")):
    Table(rows=rows, names=names).write(path, format="ascii.ecsv", overwrite=True)
    return path


def test_a_table_is_read_by_detector(tmp_path):
    path = write(tmp_path / "by_hand.ecsv", GOOD)
    manual = read_manual_flags(path, GEOMETRY)
    dead, opened = bits_of(("DEAD", "DO_NOT_USE")), bits_of(("OPEN", "DO_NOT_USE"))
    assert manual.of("NRCA1") == ((0, 5, bits_of(("BAD_REF_PIXEL",))), (60, 70, dead))
    assert manual.of("NRCBLONG") == ((61, 9, opened),)
    assert manual.of("NRCB1") == ()
    assert ManualFlags.from_json(json.loads(json.dumps(manual.to_json()))) == manual
    again = read_manual_flags(write(tmp_path / "again.ecsv", GOOD[::-1]), GEOMETRY)
    assert again.of("NRCA1") == manual.of("NRCA1")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("NRCA5", 60, 70, "DEAD DO_NOT_USE"), "Row 4 of .* has the detector 'NRCA5', which NIRCam has not"),
        (("NRCA1", 128, 70, "DEAD DO_NOT_USE"), "Row 4 of .* has x 128, y 70, which lies outside a frame of 128x128"),
        (("NRCA1", 60, -1, "DEAD DO_NOT_USE"), "has x 60, y -1, which lies outside"),
        (GOOD[0], "Row 4 of .* has the pixel of row 1, x 60, y 70, again: give all its flags in one row"),
        (("NRCA1", 60, 70, "HOT DO_NOT_USE"), "has the pixel of row 1"),
        (("NRCA1", 60, 70, "NOISY"), "has NOISY among its mnemonics, which a mask cannot hold"),
        (("NRCA1", 60, 70, "JUMP_DET"), "has JUMP_DET among its mnemonics"),
        (("NRCA1", 60, 70, " "), "has none among its mnemonics"),
        (("NRCA1", 60, 70, "HOT"), "calls x 60, y 70 HOT without DO_NOT_USE"),
        (("NRCA1", 60, 70, "REFERENCE_PIXEL"), "which lies inside the border"),
        (("NRCA1", 3, 70, "HOT DO_NOT_USE"), "which is a reference pixel: use BAD_REF_PIXEL"),
    ],
)
def test_a_bad_row_is_one_sentence(tmp_path, row, said):
    with pytest.raises(ParameterError, match=said) as caught:
        read_manual_flags(write(tmp_path / "by_hand.ecsv", [*GOOD, row]), GEOMETRY)
    assert "by_hand.ecsv" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: None, "is no file"),
        (lambda path: path.write_text("x,y\n1,2\n"), "cannot be read as an ECSV table"),
        (lambda path: path.write_bytes(b"\x00\xff" * 50), "cannot be read as an ECSV table"),
        (lambda path: write(path, [("NRCA1", 1)], ("detector", "x")), "has no column y, mnemonics"),
        (lambda path: write(path, [("NRCA1", 1.5, 2, "DEAD")]), "has a column x that is not of whole numbers"),
    ],
    ids=["missing", "csv", "binary", "columns", "fractions"],
)
def test_what_is_no_such_table_is_refused_in_one_sentence(tmp_path, make, said):
    path = tmp_path / "by_hand.ecsv"
    make(path)
    with pytest.raises(ParameterError, match=said) as caught:
        read_manual_flags(path, GEOMETRY)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "detector,x,y,mnemonics\nNRCA1,60,70,DEAD DO_NOT_USE\nnrca1,0,5,BAD_REF_PIXEL\n",
        "\ufeffdetector,x,y,mnemonics\r\nNRCA1,60,70,DEAD|DO_NOT_USE\r\nNRCA1,0,5,BAD_REF_PIXEL\r\n",
        '# by hand\nwhy, y, x, detector, mnemonics\n"a, b",70,60,NRCA1,"DEAD,DO_NOT_USE"\n,5,0,NRCA1,BAD_REF_PIXEL',
    ],
    ids=["plain", "spreadsheet", "quoted"],
)
def test_csv_is_read_as_ecsv_is(tmp_path, text):
    path = tmp_path / "by_hand.CSV"
    path.write_text(text, newline="")
    expected = ((0, 5, bits_of(("BAD_REF_PIXEL",))), (60, 70, bits_of(("DEAD", "DO_NOT_USE"))))
    assert read_manual_flags(path, GEOMETRY).of("NRCA1") == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("detector;x;y;mnemonics\nNRCA1;60;70;DEAD DO_NOT_USE\n", "has no column detector, x, y, mnemonics"),
        ("detector,x,y\nNRCA1,60,70\n", "has no column mnemonics"),
        ("NRCA1,60,70,DEAD DO_NOT_USE\n", "has no column detector, x, y, mnemonics"),
        ("detector,x,y,mnemonics\nNRCA1,60,70,DEAD,DO_NOT_USE\n", "cannot be read as a CSV table"),
        ("detector,x,y,mnemonics\nNRCA1,6.5,70,OPEN DO_NOT_USE\n", "column x that is not of whole numbers"),
        ("detector,x,y,mnemonics\nNRCA1,,70,OPEN DO_NOT_USE\n", "column x that is not of whole numbers"),
        ("detector,x,y,mnemonics\nNRCA1,60,70,HOT\n", "Row 1 of .*by_hand.csv calls x 60, y 70 HOT without DO_NOT_USE"),
        ("", "by_hand.csv"),
    ],
)
def test_a_bad_csv_is_one_sentence(tmp_path, text, said):
    path = tmp_path / "by_hand.csv"
    path.write_text(text)
    with pytest.raises(ParameterError, match=said) as caught:
        read_manual_flags(path, GEOMETRY)
    assert "\n" not in str(caught.value)


def test_the_example_of_the_docs(small, tmp_path):
    example = ROOT / "docs" / "manual_flags.csv"
    assert "(manual_flags.csv)" in (ROOT / "docs" / "options.md").read_text()
    command = ["search", str(small.delivery), str(tmp_path / "out"), f"--manual-flags={example}"]
    assert main(command) == 0
    masks = {name: read_mask(tmp_path / "out" / f"jwst_nircam_mask_{name}.fits") for name in ("nrca1", "nrcblong")}
    assert masks["nrca1"].decoded[70, 60] == bits_of(("DEAD", "DO_NOT_USE"))
    assert masks["nrca1"].decoded[70, 61] == bits_of(("OPEN", "DO_NOT_USE"))
    assert masks["nrcblong"].decoded[9, 40] == bits_of(("OTHER_BAD_PIXEL",))
    history = " ".join(str(masks["nrca1"].header["HISTORY"]).split())
    assert "3 pixels flagged by hand: manual_flags.csv, SHA-256" in history


@pytest.mark.parametrize("name", ["any.ecsv", "any.csv"])
@given(content=st.binary(max_size=200))
def test_no_bytes_are_a_table_by_chance_or_end_in_a_traceback(tmp_path_factory, name, content):
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    with pytest.raises(ParameterError):
        read_manual_flags(path, GEOMETRY)


@pytest.mark.slow
def test_flags_are_added_to_the_masks_and_recorded(small, run_checks, tmp_path):
    path = write(tmp_path / "by_hand.ecsv", GOOD)
    given_ = (f"--delivery={small.delivery}", f"--criteria={small.criteria}", f"--base={small.base}")
    run = run_checks(*given_, f"--manual-flags={path}", expect=0)
    with_flags = read_mask(run.folder / "masks" / "jwst_nircam_mask_nrca1.fits")
    assert with_flags.decoded[70, 60] == bits_of(("DEAD", "DO_NOT_USE"))
    assert with_flags.decoded[5, 0] == bits_of(("BAD_REF_PIXEL", "REFERENCE_PIXEL"))
    digest = sha256_file(path)
    history = " ".join(str(with_flags.header["HISTORY"]).split())
    assert "2 pixels flagged by hand: by_hand.ecsv, SHA-256" in history
    assert json.loads((run.folder / "manifest.json").read_text())["manual_flags"] == {"by_hand.ecsv": digest}
    # Another table makes another mask, and no table makes a third.
    write(path, GOOD[:1])
    assert main(["search", str(small.delivery), str(tmp_path / "out"), "--frame", "128", "--detectors", "NRCA1",
                 "--base", str(small.base), "--manual-flags", str(path)]) == 0  # fmt: skip
    fewer = read_mask(tmp_path / "out" / "jwst_nircam_mask_nrca1.fits")
    assert (with_flags.decoded != fewer.decoded).sum() == 1
    assert fewer.decoded[5, 0] == bits_of(("REFERENCE_PIXEL",))


def test_a_table_that_cannot_be_used_ends_the_command(small, run_checks, tmp_path):
    path = write(tmp_path / "by_hand.ecsv", [("NRCA1", 500, 1, "DEAD DO_NOT_USE")])
    run = run_checks(f"--delivery={small.delivery}", f"--criteria={small.criteria}", f"--manual-flags={path}", expect=4)
    assert "has x 500, y 1, which lies outside a frame of 128x128" in run.output
    run = run_checks(f"--masks={small.base}", f"--manual-flags={path}", expect=4)
    assert "leave one out" in run.output
    assert not run.reports.exists()
