"""SUB: do subarrays show bad pixels that the full frames do not, and do they show those of the full frames?"""

import numpy as np
import pytest

from darkmask.build.differences import Difference, Part
from darkmask.reports.pictures import comparison_map
from fixtures.session.endings import NotEvaluated


@pytest.fixture
def difference(check, products) -> Difference:
    """Return how the subarray differs from the full frame."""
    return Difference(**products.searched.set(check.detector, check.subarray).summary["difference"])


@pytest.mark.asks("SUB-ADDITIONAL")
def test_additional_bad_pixels(check, products, difference):
    """Are there more bad pixels in the subarray alone than chance gives?"""
    built = products.searched.built(check.detector)
    parts = built.difference(check.subarray)
    title = f"{check.detector} {check.subarray}: bad in the full frame and in the subarray"
    seen = np.isin(parts, (Part.BOTH, Part.MISSING)), np.isin(parts, (Part.BOTH, Part.ADDITIONAL))
    check.show(comparison_map, *seen, ("full frame, cut out", "subarray"), title)
    check.judge(
        difference.additional_sigma,
        f"{difference.additional} pixels of {check.detector} {check.subarray} are bad there and not in the full frame, "
        f"where they would show; {difference.expected:.1f} are expected, {difference.both} are bad in both, "
        f"{difference.faint} too faint or slow for one of the two, {difference.edge} on the rim",
        because=products.searched.borrowed(check.detector, check.subarray),
    )


@pytest.mark.asks("SUB-MISSING")
def test_missing_bad_pixels(check, products, difference):
    """Does the subarray miss more of the full frame's bad pixels than chance does?"""
    visible = difference.both + difference.missing
    if not visible:
        raise NotEvaluated(f"no bad pixel of the full frame would show in {check.detector} {check.subarray}")
    check.judge(
        difference.missing_sigma,
        f"{difference.missing} of {visible} bad pixels of the full frame that {check.detector} {check.subarray} would "
        "show are not bad there",
        because=products.searched.borrowed(check.detector, check.subarray),
    )
