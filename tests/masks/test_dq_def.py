"""A DQ_DEF that does not give one bit one name is found, and one that only moves bits is not."""

import numpy as np
import pytest
from astropy.io import fits

from darkmask.masks.file import decode, read_mask
from darkmask.masks.quality import changed_pixels, definition_errors

COMPACT = [(0, 1, "DO_NOT_USE"), (1, 2, "HOT"), (2, 4, "RC")]


def _read(path, rows):
    table = np.array(rows, dtype=[("BIT", "i4"), ("VALUE", "i8"), ("NAME", "S40")])
    dq = np.zeros((8, 8), np.uint32)
    dq[1, 1:4] = 1, 3, 5
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(dq, name="DQ"), fits.BinTableHDU(table, name="DQ_DEF")]
    fits.HDUList(hdus).writeto(path)
    return read_mask(path)


def test_a_consistent_compact_dq_def_is_fine(tmp_path):
    mask = _read(tmp_path / "mask.fits", COMPACT)
    assert definition_errors(mask.raw, mask.dq_def, mask.dq_def_bits) == (0, [])
    assert not changed_pixels(mask.raw, mask.decoded, mask.dq_def).any()


@pytest.mark.parametrize(
    ("row", "said", "changed"),
    [
        ((0, 1, "NONLINEAR"), "a value that stands there more than once", 3),
        ((3, 7, "NONLINEAR"), "which is not one bit of 32", 3),
        ((3, 0, "NONLINEAR"), "which is not one bit of 32", 0),
        ((3, 8, "HOT"), "a name that stands there more than once", 0),
        ((5, 8, "NONLINEAR"), "whose BIT is 5 and not 3", 0),
    ],
)
def test_an_ambiguous_row_is_named(tmp_path, row, said, changed):
    mask = _read(tmp_path / "mask.fits", [*COMPACT, row])
    count, errors = definition_errors(mask.raw, mask.dq_def, mask.dq_def_bits)
    assert count >= 1
    assert said in "; ".join(errors)
    assert changed_pixels(mask.raw, mask.decoded, mask.dq_def).sum() == changed


def test_a_pixel_that_gains_one_flag_and_loses_another_is_counted(tmp_path):
    mask = _read(tmp_path / "mask.fits", [(0, 1, "DO_NOT_USE"), (0, 1, "NONLINEAR"), (1, 2, "HOT")])
    changed = changed_pixels(mask.raw, mask.decoded, mask.dq_def)
    # 5 is DO_NOT_USE and a bit without a name; it becomes DO_NOT_USE and NONLINEAR: two before, two after.
    assert mask.raw[1, 3].item().bit_count() == mask.decoded[1, 3].item().bit_count()
    assert changed[1, 3]
    assert changed.sum() == 3


def test_a_lost_flag_of_a_pixel_that_stays_bad_is_counted(tmp_path):
    mask = _read(tmp_path / "mask.fits", COMPACT[:2])
    assert mask.decoded[1, 3]
    assert np.argwhere(changed_pixels(mask.raw, mask.decoded, mask.dq_def)).tolist() == [[1, 3]]


@pytest.mark.parametrize("value", [2**33, 2**33 + 8, -(2**33), -(2**40) + 8, -8])
def test_a_value_of_more_than_32_bits_is_not_cut(tmp_path, value):
    mask = _read(tmp_path / "mask.fits", [*COMPACT, (3, value, "NONLINEAR")])
    count, errors = definition_errors(mask.raw, mask.dq_def, mask.dq_def_bits)
    assert count >= 1
    assert "which is not one bit of 32" in "; ".join(errors)


def test_the_highest_bit_in_a_plain_column_is_no_error(tmp_path):
    mask = _read(tmp_path / "mask.fits", [*COMPACT, (31, -(2**31), "REFERENCE_PIXEL")])
    assert mask.dq_def[3] == (2**31, "REFERENCE_PIXEL")
    assert definition_errors(mask.raw, mask.dq_def, mask.dq_def_bits) == (0, [])


def test_a_stored_bit_above_31_is_a_change():
    raw = np.array([[1, 2**33 + 1]])
    assert changed_pixels(raw, decode(raw, []), []).tolist() == [[False, True]]
