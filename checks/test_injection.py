"""INJ: are defects of known strength found, when they are put into the delivery's own ramps?"""

import pytest

from darkmask.core.categories import NO_DEFECT, Category
from darkmask.reports.pictures import recovery_curves
from darkmask.validation.completeness import completeness, found_by_time
from darkmask.validation.injection import BURSTS, EARLY_SATURATION, FASTEST, SLOW_TELEGRAPH, SLOWEST_FAST
from fixtures.criteria.causes import TOO_LITTLE
from fixtures.session.endings import NotEvaluated

# Below its threshold a rate has another name, and a rate is known only within its error.
_APART = 1.2
# If each of twenty defects is found with a chance of 98 %, fewer than nine in ten are found in less than 1 % of cases.
_LEAST_JUDGED = 20
# Groups by which found shares are told: mean time in a level, mean time between bursts, time until the well is full.
_SLOW_EDGES = (10.0, 30.0, float("inf"))
_QUIET_EDGES = (40.0, 100.0, float("inf"))
_FULL_EDGES = (2.0, float("inf"))


def judged_strengths(check, category: Category, limits: dict[str, float]) -> tuple[float, float]:
    """Return the strengths that must be found; those of a rate begin at the search's own recovery limit."""
    parameters, recovered = check.run.settings.parameters, limits["recovery_limit_e_per_s"]
    if category is Category.HOT:
        return _APART * max(parameters.hot_rate, recovered), float("inf")
    if category is Category.WARM:
        return _APART * max(parameters.warm_rate, recovered), parameters.hot_rate / _APART
    if category is Category.INTERMITTENT:
        return _APART * limits["change_limit_e_per_s"], float("inf")
    return getattr(check.criteria.injection, category.value, 0.0), float("inf")


@pytest.mark.asks(*(f"INJ-{c.name}" for c in Category if c not in NO_DEFECT))
def test_completeness(check, products):
    """What share of the injected defects is found and named right?"""
    category = Category[check.key.criterion.removeprefix("INJ-")]
    recovered = products.searched.injection(check.detector)
    if category is Category.HOT:
        title = f"{check.detector}: injected defects found"
        check.show(recovery_curves, recovered["kinds"], title)
    kind = recovered["kinds"].get(category.value, {"strengths": [], "named_each": [], "unit": ""})
    least, most = judged_strengths(check, category, recovered["limits"])
    named, injected, (low, high) = completeness(kind, least, most)
    if injected < _LEAST_JUDGED:
        raise NotEvaluated(
            f"{injected} {category.value} pixels strong enough to be judged were injected into {check.detector} and "
            f"{_LEAST_JUDGED} are needed",
            because=TOO_LITTLE,
        )
    strong = f" of {least:.3g} {kind['unit']} or more" if least else ""
    limits = ", ".join(
        f"{share} % are found from {kind[name]:.3g} {kind['unit']} on"
        for share, name in ((50, "half"), (90, "most"))
        if kind[name] is not None
    )
    said = f"{named} of {injected} {category.value} pixels{strong} injected into {check.detector} were named right"
    if category is Category.TELEGRAPH:
        said += f", all of which stay in a level for {FASTEST:g} to {SLOWEST_FAST:g} groups"
    if category in (Category.HOT, Category.WARM):
        said += f" (within {recovered['limits']['hot_border_e_per_s']:.2g} e-/s of the other name as either)"
    check.judge(named / injected, "; ".join(filter(None, (f"{said}, {low:.3f} to {high:.3f} at 68 %", limits))))


def judge_by_time(check, products, kind: str, said: str, edges: tuple[float, ...], outcome="found_each") -> None:
    """Judge the injected pixels of a kind that show in ramps, and tell how many were found by their time scale."""
    recovered = products.searched.injection(check.detector)["kinds"].get(kind)
    least = check.criteria.injection.telegraph if recovered and recovered["unit"] == "DN" else 0.0
    counts = found_by_time(recovered, least, edges, outcome) if recovered else []
    found, injected = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0)
    if injected < _LEAST_JUDGED:
        raise NotEvaluated(
            f"{injected} injected pixels that {said} show it in the ramps of {check.detector}, and {_LEAST_JUDGED} are "
            "needed",
            because=TOO_LITTLE,
        )
    times = ", ".join(
        f"{here} of {of} up to {edge:g} groups" if edge < float("inf") else f"{here} of {of} longer"
        for (here, of), edge in zip(counts, edges, strict=True)
    )
    strong = f" by {least:g} DN or more" if least else ""
    unseen = sum(strength >= least for strength in recovered["strengths"]) - injected
    besides = f"; {unseen} more never rise and fall within a ramp and are not judged" if unseen else ""
    check.judge(
        found / injected,
        f"{found} of {injected} pixels of {check.detector} that {said}{strong} were found; by time {times}{besides}",
    )


@pytest.mark.asks("INJ-SLOW_TELEGRAPH")
def test_slow_telegraph(check, products):
    """What share of the injected pixels that switch slowly, and are seen to fall and to rise, is found?"""
    judge_by_time(check, products, SLOW_TELEGRAPH, "switch slowly", _SLOW_EDGES)


@pytest.mark.asks("INJ-BURSTS")
def test_bursts(check, products):
    """What share of the injected pixels that switch in bursts, and are seen to rise and to fall, is found?"""
    judge_by_time(check, products, BURSTS, "switch in bursts", _QUIET_EDGES)


@pytest.mark.asks("INJ-EARLY_SATURATION")
def test_early_saturation(check, products):
    """What share of the injected pixels that are saturated from group 2 or 3 on is named hot?"""
    judge_by_time(check, products, EARLY_SATURATION, "fill their well early", _FULL_EDGES, "named_each")


@pytest.mark.asks("INJ-PURITY")
def test_purity(check, products):
    """What share of the pixels found after the injection was injected?"""
    recovered = products.searched.injection(check.detector)
    false, found = recovered["false_pixels"], recovered["found"]
    check.judge(
        recovered["purity"],
        f"{found} injected pixels of {check.detector} were found, and {false} good ones",
        because=("DLV-HIDDEN",),
    )
