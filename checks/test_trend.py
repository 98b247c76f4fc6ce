"""TRD: what changed since the delivery before?"""

from datetime import UTC, datetime

import numpy as np
import pytest

from darkmask.core.flags import has_flag
from darkmask.masks.changes import ENOUGH_HOT, Changes, gone_dark, relative_change
from darkmask.masks.untold import not_in
from darkmask.reports.history import HistoryError
from fixtures.session.endings import NotEvaluated
from fixtures.text import some_pixels


@pytest.fixture
def before(check, products):
    """Return the latest of the earlier results that are of other darks or masks."""
    return products.judged.before(check.detector)


@pytest.fixture
def grown(check, products, before) -> tuple[float, str]:
    """Return how many pixels may have become bad since then, and the time between, in words."""
    days = check.run.settings.index and check.run.settings.index.days
    years = before.years_until(days and days[1], datetime.now(UTC))
    return (check.criterion.growth or 0.0) * years * int(products.science_pixels.sum()), f"{years:.2g} years later"


@pytest.fixture
def otherwise(before) -> str:
    """Return in words what differs in how the two runs were made, and that the earlier one was no pass."""
    verdict = "" if before.verdict == "pass" else f"; its verdict was {before.verdict}"
    return verdict + (f"; run otherwise: {'; '.join(before.otherwise)}" if before.otherwise else "")


@pytest.fixture
def counts(check, products, before) -> dict[str, tuple[float, float]]:
    """Return the shares of science pixels that may not be used, before and now, by whose word they may not."""
    found_then, all_then = before.unusable(check.detector)
    if found_then is None and before.another_base:
        raise HistoryError(
            f"{before.path} counts what was found and what the mask in force said as one number, and that mask was "
            "another: judge those darks again, or compare with another run."
        )
    science = products.science_pixels
    unusable = has_flag(products.judged.mask(check.detector).decoded, "DO_NOT_USE") & science
    carried = products.judged.carried(check.detector, products.base.flags(check.detector)) & unusable
    told = {"unusable by what was found": (found_then, unusable & ~carried)}
    if not before.another_base:
        # What a mask in force says of a pixel is no change of the detector, but of the same one nothing may be lost.
        told["DO_NOT_USE"] = (all_then, unusable)
    return {what: (then, now.sum() / science.sum()) for what, (then, now) in told.items() if then is not None}


@pytest.mark.asks("TRD-COUNT")
def test_count(check, products, counts, before, grown, otherwise):
    """By what share did the number of pixels change that may not be used?"""
    pixels, (more, later) = int(products.science_pixels.sum()), grown
    judged = []
    for what, (then, now) in counts.items():
        said = f"{100 * now:.4g} % of {check.detector} is {what}, {later} than {100 * then:.4g} % of {_day(before)}"
        judged.append((relative_change(then, now), more / max(then * pixels, 1), said + otherwise))
    change, growth, said = max(judged, key=lambda one: check.criterion.excess(*one[:2]))
    check.judge(change, said, growth=growth)


@pytest.fixture
def changed(check, products, before, otherwise) -> tuple[Changes, str]:
    """Return how the bad pixels changed, and in words how each kind did."""
    found = products.judged.changes(check.detector)
    told = found.told() or "every kind as it was"
    return found, f"of {check.detector} since {_day(before)} ({told}){otherwise}"


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


@pytest.fixture
def masks(check, products, before) -> tuple[np.ndarray, np.ndarray]:
    """Return the DQ of the earlier mask and of the one that is judged."""
    now, then = products.judged.mask(check.detector).decoded, before.mask(check.detector)
    if then.shape != now.shape:
        raise HistoryError(f"{before.path} has masks of another frame: compare with a run of the same frame.")
    return then, now


@pytest.mark.asks("TRD-HOT")
def test_hot_pixels_stay_hot(check, products, before, masks, otherwise):
    """What share of the earlier hot pixels is dark now?"""
    hot, dark = gone_dark(*masks, products.science_pixels)
    if products.judged.generated:
        found = products.searched.set(check.detector, "FULL")
        # Near the limit, noise takes a name; a rate that is not known, or half of the limit, is none that is gone.
        dark &= (found.categories == 0) & (found.rate < 0.5 * check.run.settings.parameters.hot_rate)
    number, (y, x) = int(hot.sum()), np.nonzero(dark)
    if number < ENOUGH_HOT:
        raise NotEvaluated(f"{number} pixels of {check.detector} were hot on {_day(before)}, which are too few to tell")
    check.judge(
        len(x) / number,
        f"{len(x)} of {number} hot pixels of {check.detector} of {_day(before)} are good now, and neither hot nor warm"
        f"{some_pixels(zip(x.tolist(), y.tolist(), strict=True))}{otherwise}",
    )


@pytest.mark.asks("TRD-KEPT")
def test_flags_that_nobody_measured_are_kept(check, products, before, masks):
    """What share of the earlier flags that darks cannot tell is gone?"""
    found = not_in(*masks, products.science_pixels)
    if not found.number:
        raise NotEvaluated(f"the mask of {check.detector} of {_day(before)} has no flag that darks cannot tell")
    check.judge(
        found.differing / found.number,
        f"{found.differing} of {found.number} pixels of {check.detector} lost a flag of {_day(before)} that darks "
        f"cannot tell{found.said}{some_pixels(found.places)}",
        because=("BAS-KEPT",),
    )


def _day(before) -> str:
    return before.observed or before.finished[:10]
