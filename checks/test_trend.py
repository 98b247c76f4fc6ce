"""TRD: what changed since the delivery before?"""

from datetime import UTC, datetime

import pytest

from darkmask.core.flags import has_flag
from darkmask.masks.changes import Changes, relative_change


@pytest.fixture
def before(check):
    """Return the latest of the earlier results."""
    return check.run.settings.previous[-1]


@pytest.fixture
def grown(check, products, before) -> tuple[float, str]:
    """Return how many pixels may have become bad since then, and the time between, in words."""
    days = check.run.settings.index and check.run.settings.index.days
    years = before.years_until(days and days[1], datetime.now(UTC))
    return (check.criterion.growth or 0.0) * years * int(products.science_pixels.sum()), f"{years:.2g} years later"


@pytest.mark.asks("TRD-COUNT")
def test_count(check, products, before, grown):
    """By what share did the number of pixels change that may not be used?"""
    then = before.value("CNT-DO_NOT_USE", check.detector) + before.carried(check.detector)
    science = products.science_pixels
    unusable = has_flag(products.judged.mask(check.detector).decoded, "DO_NOT_USE") & science
    now = unusable.sum() / science.sum()
    more, later = grown
    said = f"{100 * now:.4g} % of {check.detector} is DO_NOT_USE, {later} than {100 * then:.4g} % of {_day(before)}"
    check.judge(relative_change(then, now), said, growth=more / max(then * science.sum(), 1))


@pytest.fixture
def changed(check, products, before) -> tuple[Changes, str]:
    """Return how the bad pixels changed, and in words how each kind did."""
    found = products.judged.changes(check.detector)
    told = found.told() or "every kind as it was"
    return found, f"of {check.detector} since {_day(before)} ({told})"


@pytest.mark.asks("TRD-APPEARED")
def test_appeared(check, changed, grown):
    """How many pixels became bad, as a share of those that were?"""
    found, how = changed
    more, _ = grown
    said = f"{found.all.new} pixels became bad beside {found.all.reference} {how}"
    check.judge(found.appeared, said, growth=more / max(found.all.reference, 1))


@pytest.mark.asks("TRD-DISAPPEARED")
def test_disappeared(check, changed):
    """What share of the bad pixels is bad no more?"""
    found, how = changed
    check.judge(found.disappeared, f"{found.all.gone} of {found.all.reference} bad pixels are good now {how}")


def _day(before) -> str:
    return before.observed or before.finished[:10]
