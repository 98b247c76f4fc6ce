"""A mask in which the pipeline could read another array than the one that is judged is refused."""

import numpy as np
import pytest
from astropy.io import fits

from darkmask.core.errors import MaskError
from darkmask.masks.file import read_mask


@pytest.mark.parametrize(
    ("primary", "versions", "said"),
    [(True, (1,), "primary HDU"), (False, (1, 2), "more than one DQ"), (False, (2,), "EXTVER 2")],
)
def test_a_second_array_is_refused(tmp_path, primary, versions, said):
    dq = np.zeros((8, 8), np.int32)
    hdus = [fits.PrimaryHDU(dq if primary else None), *(fits.ImageHDU(dq + 1, name="DQ", ver=v) for v in versions)]
    fits.HDUList(hdus).writeto(tmp_path / "mask.fits")
    with pytest.raises(MaskError, match=said):
        read_mask(tmp_path / "mask.fits")
