"""STB: do two halves of the integrations show the same bad pixels, by chance and in time?"""

import numpy as np
import pytest

from darkmask.build.turned import GONE, LEAST_INTEGRATIONS, NEW, passing
from darkmask.core.flags import has_flag
from darkmask.validation.halves import LEAST_IN_HALF
from fixtures.criteria.causes import TOO_LITTLE
from fixtures.session.endings import NotEvaluated


@pytest.mark.asks("STB-HALVES")
def test_halves(check, products):
    """What share of one half's clear bad pixels is good in the other?"""
    integrations = products.searched.set(check.detector, "FULL").summary["integrations"]
    if integrations < 2 * LEAST_IN_HALF:
        raise NotEvaluated(
            f"{check.detector} has {integrations} integrations and two halves of {LEAST_IN_HALF} are needed",
            because=TOO_LITTLE,
        )
    found = products.searched.stability(check.detector)
    if not found["clear"]:
        raise NotEvaluated(
            f"no pixel of {check.detector} is clearly bad in a half of its integrations", because=TOO_LITTLE
        )
    check.judge(
        found["lost"] / found["clear"],
        f"{found['lost']} of {found['clear']} pixels of {check.detector} that are clearly bad in one half of the "
        "integrations are good in the other",
    )


@pytest.mark.asks("STB-DRIFT")
def test_drift(check, products):
    """How many pixels turned hot or good between the first and the second half in time, and the mask does not say?"""
    built = products.searched.set(check.detector, "FULL")
    if not built.summary["in_time"]:
        raise NotEvaluated(
            f"the headers of {check.detector} do not say when each integration was taken", because=("DLV-TIMES",)
        )
    if built.summary["integrations"] < LEAST_INTEGRATIONS:
        number = built.summary["integrations"]
        raise NotEvaluated(
            f"{check.detector} has {number} integrations and two halves of two are needed", because=TOO_LITTLE
        )
    mask = products.judged.mask(check.detector).decoded
    passes = passing(built.categories, built.drift, check.run.settings.parameters.flight_flags(), built.lights)
    unsaid = (built.drift != 0) & ~has_flag(mask, "DO_NOT_USE") & ~passes
    places = ", ".join(f"({x}, {y})" for y, x in np.argwhere(unsaid)[:3])
    told = f", such as x, y = {places}" if places else ""
    new, gone, left = (int(where.sum()) for where in (built.drift == NEW, built.drift == GONE, unsaid))
    check.judge(
        left,
        f"{new} pixels of {check.detector} turned hot and {gone} good from the first to the second half of the "
        f"integrations, and {left} of them are usable in the mask{told}",
    )
