"""A DQ_DEF that does not give one bit one name is found, and one that only moves bits is not."""

import numpy as np
import pytest
from astropy.io import fits

from darkmask.masks.file import read_mask
from darkmask.masks.quality import added_flags, definition_errors

COMPACT = [(0, 1, "DO_NOT_USE"), (1, 2, "HOT"), (2, 4, "RC")]


def _read(path, rows):
    table = np.array(rows, dtype=[("BIT", "i4"), ("VALUE", "i4"), ("NAME", "S40")])
    dq = np.zeros((8, 8), np.uint32)
    dq[1, 1:4] = 1, 3, 5
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(dq, name="DQ"), fits.BinTableHDU(table, name="DQ_DEF")]
    fits.HDUList(hdus).writeto(path)
    return read_mask(path)


def test_a_consistent_compact_dq_def_is_fine(tmp_path):
    mask = _read(tmp_path / "mask.fits", COMPACT)
    assert definition_errors(mask.raw, mask.dq_def, mask.dq_def_bits) == (0, [])
    assert not added_flags(mask.raw, mask.decoded).any()


@pytest.mark.parametrize(
    ("row", "said", "added"),
    [
        ((0, 1, "NONLINEAR"), "a value that stands there more than once", 3),
        ((3, 7, "NONLINEAR"), "which is not one bit", 3),
        ((3, 0, "NONLINEAR"), "which is not one bit", 0),
        ((3, 8, "HOT"), "a name that stands there more than once", 0),
        ((5, 8, "NONLINEAR"), "whose BIT is 5 and not 3", 0),
    ],
)
def test_an_ambiguous_row_is_named(tmp_path, row, said, added):
    mask = _read(tmp_path / "mask.fits", [*COMPACT, row])
    count, errors = definition_errors(mask.raw, mask.dq_def, mask.dq_def_bits)
    assert count >= 1
    assert said in "; ".join(errors)
    assert added_flags(mask.raw, mask.decoded).sum() == added
