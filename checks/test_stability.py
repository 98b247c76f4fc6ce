"""STB: do two halves of the integrations show the same bad pixels?"""

import pytest

from darkmask.validation.halves import LEAST_IN_HALF
from fixtures.session.endings import NotEvaluated


@pytest.mark.asks("STB-HALVES")
def test_halves(check, products):
    """What share of one half's clear bad pixels is good in the other?"""
    integrations = products.searched.set(check.detector, "FULL").summary["integrations"]
    if integrations < 2 * LEAST_IN_HALF:
        raise NotEvaluated(
            f"{check.detector} has {integrations} integrations and two halves of {LEAST_IN_HALF} are needed"
        )
    found = products.searched.stability(check.detector)
    if not found["clear"]:
        raise NotEvaluated(f"no pixel of {check.detector} is clearly bad in a half of its integrations")
    check.judge(
        found["lost"] / found["clear"],
        f"{found['lost']} of {found['clear']} pixels of {check.detector} that are clearly bad in one half of the "
        "integrations are good in the other",
    )
