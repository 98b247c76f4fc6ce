"""SUB: do subarrays have bad pixels that the full frames do not?"""

import pytest

from darkmask.compare import additional_pixels
from darkmask.pictures import comparison_map


@pytest.mark.asks("SUB-ADDITIONAL")
def test_additional_bad_pixels(check, products):
    """What fraction of the subarray's pixels is bad there and good in the full frame?"""
    built, part = products.built(check.detector), products.set(check.detector, check.subarray)
    xstart, ystart = part.summary["xstart"], part.summary["ystart"]
    additional = additional_pixels(built.unusable("FULL"), built.unusable(check.subarray), xstart, ystart)
    count = int(additional.sum())
    rows, columns = additional.shape
    cut = built.unusable("FULL")[ystart - 1 : ystart - 1 + rows, xstart - 1 : xstart - 1 + columns]
    title = f"{check.detector} {check.subarray}: bad in the full frame and in the subarray"
    names = ("full frame, cut out", "subarray")
    check.show(title, comparison_map(cut, built.unusable(check.subarray), names, title))
    check.judge(
        count / part.summary["science_pixels"],
        f"{count} pixels of {check.detector} {check.subarray} are bad there and not in the full frame",
    )
