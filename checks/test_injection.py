"""INJ: are defects of known strength found, when they are put into the delivery's own ramps?"""

import pytest

from darkmask.core.flags import Category
from darkmask.reports.pictures import recovery_curves
from darkmask.validation.recovery import completeness
from fixtures.session.endings import NotEvaluated

# Below its threshold a rate has another name, and a rate is known only within its error.
_APART = 1.2
# If each of twenty defects is found with a chance of 98 %, fewer than nine in ten are found in less than 1 % of cases.
_LEAST_JUDGED = 20
_NOT_INJECTED = (Category.UNDETERMINED, Category.INTERMITTENT, Category.TRANSIENT)


def judged_strengths(check, category: Category, limits: dict[str, float]) -> tuple[float, float]:
    """Return the strengths that must be found; those of a rate begin at the search's own recovery limit."""
    parameters, recovered = check.run.settings.parameters, limits["recovery_limit_e_per_s"]
    if category is Category.HOT:
        return _APART * max(parameters.hot_rate, recovered), float("inf")
    if category is Category.WARM:
        return _APART * max(parameters.warm_rate, recovered), parameters.hot_rate / _APART
    return getattr(check.criteria.injection, category.value, 0.0), float("inf")


@pytest.mark.asks(*(f"INJ-{c.name}" for c in Category if c not in _NOT_INJECTED))
def test_completeness(check, products):
    """What share of the injected defects is found and named right?"""
    category = Category[check.key.criterion.removeprefix("INJ-")]
    recovered = products.searched.injection(check.detector)
    if category is Category.HOT:
        title = f"{check.detector}: injected defects found"
        check.show(title, recovery_curves(recovered["kinds"], title))
    kind = recovered["kinds"].get(category.value, {"strengths": [], "named_each": [], "unit": ""})
    least, most = judged_strengths(check, category, recovered["limits"])
    named, injected, (low, high) = completeness(kind, least, most)
    if injected < _LEAST_JUDGED:
        raise NotEvaluated(
            f"{injected} {category.value} pixels strong enough to be judged were injected into {check.detector} and "
            f"{_LEAST_JUDGED} are needed"
        )
    strong = f" of {least:.3g} {kind['unit']} or more" if least else ""
    limits = ", ".join(
        f"{share} % are found from {kind[name]:.3g} {kind['unit']} on"
        for share, name in ((50, "half"), (90, "most"))
        if kind[name] is not None
    )
    said = f"{named} of {injected} {category.value} pixels{strong} injected into {check.detector} were named right"
    check.judge(named / injected, "; ".join(filter(None, (f"{said}, {low:.3f} to {high:.3f} at 68 %", limits))))


@pytest.mark.asks("INJ-PURITY")
def test_purity(check, products):
    """What share of the pixels found after the injection was injected?"""
    recovered = products.searched.injection(check.detector)
    false, found = recovered["false_pixels"], recovered["found"]
    check.judge(recovered["purity"], f"{found} injected pixels of {check.detector} were found, and {false} good ones")
