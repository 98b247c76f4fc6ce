"""RES: what does the mask leave that still stands out in an exposure?"""

import numpy as np
import pytest

from darkmask.core.categories import Category, in_category
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.flags import has_flag
from darkmask.validation.residuals import HOT, NOISY, TESTS, count_left, hot_in_darks
from fixtures.session.endings import NotEvaluated
from fixtures.text import some_pixels

KINDS = {"RES-HOT": HOT, "RES-NOISY": NOISY}
# What a search of all darks calls so; saturated pixels are hot.
CATEGORIES = {
    HOT: (Category.SATURATED, Category.HOT),
    NOISY: (Category.NOISY, Category.TELEGRAPH, Category.INTERMITTENT),
}
# A share of fewer pixels is known to a tenth and worse.
LEAST_CALLED = 20


@pytest.mark.asks(*KINDS)
def test_left(check, products):
    """How many pixels that the mask leaves still stand out in the darks, beyond chance?"""
    kind = KINDS[check.key.criterion]
    if not products.judged.generated:
        found = left_by_delivered(check, products, kind)
        seen = "in all darks together, which the mask may have been made from"
    else:
        exposures = products.searched.left(check.detector)
        worst = max(exposures, key=lambda each: each[kind]["beyond"])
        found, seen = worst[kind], f"in {worst['name']}, by the mask made from the other exposures"
        others = sorted(each[kind]["left"] for each in exposures if each is not worst)
        seen += f" ({', '.join(map(str, others))} in the others)"
        if kind is HOT and worst["passing"]:
            seen += f", besides {worst['passing']} that pass, which CNT-TRANSIENT counts"
    check.judge(
        found["beyond"],
        f"{found['left']} of {found['judged']} pixels of {check.detector} outside the mask are {kind} {seen}; chance "
        f"makes {found['chance']:.2g}{some_pixels(found['places'])}",
    )


def left_by_delivered(check, products, kind: str) -> dict:
    """Count what somebody else's mask leaves of what the search of all darks finds."""
    detector, parameters = check.detector, check.run.settings.parameters
    # Who leaves telegraph pixels usable is told of them by their flag.
    said = ("DO_NOT_USE",) if parameters.telegraph_do_not_use else ("DO_NOT_USE", "TELEGRAPH")
    built = products.searched.built(detector)
    categories, asked = built.set("FULL").categories, built.unusable("FULL")
    if not parameters.telegraph_do_not_use:
        asked |= in_category(categories, Category.TELEGRAPH)
    where = sum(in_category(categories, category) for category in CATEGORIES[kind]) > 0
    # The search itself leaves usable what is only somewhat noisy.
    left = where & asked & ~has_flag(products.judged.mask(detector).decoded, *said)
    request = products.searched.request(detector).set_request("FULL")
    return count_left(left, products.science_pixels, request, TESTS[kind])


@pytest.mark.asks("RES-CONFIRMED")
def test_confirmed(check, products):
    """What share of the pixels that the mask calls HOT is hot or warm in the darks?"""
    built, mask = products.searched.set(check.detector, "FULL"), products.judged.mask(check.detector)
    called = has_flag(mask.decoded, "HOT") & products.science_pixels
    least = check.run.settings.parameters.warm_rate / look_up_detector(check.detector).gain
    told, hot = hot_in_darks(called, built.categories, built.rate, least)
    number, confirmed = int(told.sum()), int(hot.sum())
    if number < LEAST_CALLED:
        raise NotEvaluated(f"{mask.path.name} calls {number} pixels HOT of which darks can tell, too few to judge")
    y, x = np.nonzero(told & ~hot)
    check.judge(
        confirmed / number,
        f"{confirmed} of {number} pixels that {mask.path.name} calls HOT are hot or warm in the darks"
        f"{some_pixels(zip(x, y, strict=True), 'some that are not:')}",
    )
