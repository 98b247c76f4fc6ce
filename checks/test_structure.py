"""STR: does an amplifier, a row, a column or a clump hold more than its share of the bad pixels?"""

import numpy as np
import pytest

from darkmask.core.flags import dq_bits
from darkmask.masks.compare import COMPARED_MNEMONICS
from darkmask.masks.structure import amplifier_excess, amplifier_surprise, largest_clump, line_excess
from fixtures.session.endings import NotEvaluated

# A sentence names so many findings; the table beside the catalogue holds all.
_LISTED = 5


def _listed(found: list[str]) -> str:
    return "; ".join([*found[:_LISTED], *(["..."] if len(found) > _LISTED else [])]) or "none"


@pytest.fixture
def spread(check, products) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Return the bad pixels now, those before, the science pixels, and in words what was compared."""
    bits = dq_bits(*COMPARED_MNEMONICS)
    bad = (products.judged.mask(check.detector).decoded & bits) != 0
    if check.run.settings.ground is None:
        return bad, np.zeros_like(bad), products.science_pixels, "in all"
    ground = products.ground.mask(check.detector)
    return (
        bad,
        (ground.decoded & bits) != 0,
        products.science_pixels,
        f"beyond those of {products.ground.name(check.detector)}",
    )


@pytest.mark.asks("STR-ROW", "STR-COLUMN")
def test_line(check, spread):
    """Which row or column has most bad pixels beyond those it had?"""
    *masks, how = spread
    name, axis = ("row", 1) if check.key.criterion == "STR-ROW" else ("column", 0)
    excess, line, now, before = line_excess(*masks, axis)
    had = f", {before} before" if how != "in all" else ""
    check.judge(excess, f"{name} {line} of {check.detector} has the most bad pixels {how}: {now}{had}")


@pytest.mark.asks("STR-AMPLIFIER")
def test_amplifier(check, products, spread):
    """Which amplifier has more new bad pixels than the others?"""
    *masks, how = spread
    excess, worst, new = amplifier_excess(*masks, products.geometry.amplifier_columns())
    counts = ", ".join(map(str, new))
    check.judge(
        excess, f"the amplifiers of {check.detector} have {counts} bad pixels {how}, number {worst + 1} the most"
    )


@pytest.mark.asks("STR-FINDINGS")
def test_findings(check, products):
    """How many columns, rows, amplifiers and clumps does the search find to do something as one?"""
    found = products.searched.set(check.detector, "FULL").summary["structures"]
    check.judge(len(found), f"{len(found)} findings in {check.detector}: {_listed(found)}")


@pytest.mark.asks("STR-PATCHES")
def test_patches(check, products):
    """How many patches of pixels does the search find to decay together?"""
    built = products.searched.set(check.detector, "FULL").summary
    if not built["in_time"]:
        raise NotEvaluated(
            f"the headers of {check.detector} do not say when each integration was taken", because=("DLV-TIMES",)
        )
    check.judge(
        len(built["patches"]), f"{len(built['patches'])} patches in {check.detector}: {_listed(built['patches'])}"
    )


@pytest.mark.asks("STR-SHARES")
def test_shares(check, products, spread):
    """How surprising is the number of bad pixels of one amplifier beside those of the others?"""
    *masks, how = spread
    sigma, worst, new = amplifier_surprise(*masks, products.geometry.amplifier_columns())
    counts = ", ".join(map(str, new))
    check.judge(
        sigma,
        f"the amplifiers of {check.detector} have {counts} bad pixels {how}, number {worst + 1} unlike the others",
    )


@pytest.mark.asks("STR-CLUMP")
def test_clump(check, spread):
    """How large is the largest clump of bad pixels that were good?"""
    *masks, how = spread
    pixels, (x, y) = largest_clump(*masks)
    check.judge(pixels, f"the largest clump of {check.detector} {how} begins at x {x}, y {y} (from 0)")
