"""ENG: does the published search confirm ours?"""

import pytest

from darkmask.core.flags import Category
from darkmask.validation.agreement import CLAIMED_BY_BOTH
from fixtures.session.endings import NotEvaluated


@pytest.mark.asks(*(f"ENG-{category.name}" for category in CLAIMED_BY_BOTH))
def test_agreement(check, products):
    """What share of our pixels of a category does jwst_reffiles call the same?"""
    category = Category[check.key.criterion.removeprefix("ENG-")]
    counts = products.searched.agreement(check.detector)[category.value]
    if not counts["ours"]:
        raise NotEvaluated(f"{check.detector} has no {category.value} pixels to compare")
    check.judge(
        counts["both"] / counts["ours"],
        f"jwst_reffiles calls {counts['both']} of the {counts['ours']} {category.value} pixels of {check.detector} the "
        f"same, and {counts['theirs']} in all",
    )
