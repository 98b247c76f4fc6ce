"""ENG: does the published search confirm ours?"""

import pytest

from darkmask.core.categories import Category
from darkmask.validation.agreement import CLAIMED_BY_BOTH
from fixtures.criteria.causes import NOTHING_WHOLE
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


@pytest.mark.asks("ENG-ONLY")
def test_what_the_release_alone_finds(check, products):
    """What share of the pixels does jwst_reffiles alone call bad, though no known defect of it explains them?"""
    found = products.searched.agreement(check.detector)["release"]
    unexplained = sum(found["unexplained"].values())
    science = products.searched.set(check.detector, "FULL").summary["science_pixels"]
    told = ", ".join(f"{number} {names.replace(',', '+')}" for names, number in found["unexplained"].items())
    places = ", ".join(f"x {x} y {y}" for x, y in found["places"])
    check.judge(
        unexplained / science,
        f"jwst_reffiles alone calls {found['only']} of its {found['theirs']} bad pixels of {check.detector} so; "
        f"its known defects explain all but {unexplained}{f' ({told}; such as {places})' if unexplained else ''}",
        # The fewer integrations there are, the more pixels lie too near to the release's thresholds.
        because=("DLV-INTEGRATIONS", *NOTHING_WHOLE),
    )
