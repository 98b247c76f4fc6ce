"""RES: what does the mask leave that still stands out in an exposure?"""

import pytest

from darkmask.core.categories import Category, in_category
from darkmask.core.flags import has_flag
from darkmask.validation.residuals import HOT, NOISY, TESTS, count_left

KINDS = {"RES-HOT": HOT, "RES-NOISY": NOISY}
# What a search of all darks calls so; saturated pixels are hot.
CATEGORIES = {
    HOT: (Category.SATURATED, Category.HOT),
    NOISY: (Category.NOISY, Category.TELEGRAPH, Category.INTERMITTENT),
}


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
    places = "".join(f", x {x} y {y}" for x, y in found["places"])
    check.judge(
        found["beyond"],
        f"{found['left']} of {found['judged']} pixels of {check.detector} outside the mask are {kind} {seen}; chance "
        f"makes {found['chance']:.2g}{'; some are' + places[1:] if places else ''}",
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
