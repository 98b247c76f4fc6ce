"""RES: what does the mask leave that still stands out in an exposure?"""

import numpy as np
import pytest

from darkmask.build.turned import LEAST_INTEGRATIONS
from darkmask.core.categories import Category, in_category
from darkmask.core.detectors import detector as look_up_detector
from darkmask.core.flags import has_flag
from darkmask.masks.header import days_in_flight
from darkmask.validation.beside_darks import (
    GROUPS,
    Share,
    caught,
    caught_of_steady,
    confirmed,
    others_beyond_chance,
    without_a_name,
    without_reason,
)
from darkmask.validation.by_hand import told_by_darks, where_meant
from darkmask.validation.residuals import count_left
from darkmask.validation.standing import HOT, NOISY, TESTS
from fixtures.session.endings import NotEvaluated
from fixtures.session.radiation import judge_radiation, without_charge
from fixtures.text import some_pixels

KINDS = {"RES-HOT": HOT, "RES-NOISY": NOISY}
# What is hot or bent stays so, and what jumps or switches does it now and then.
CAUGHT = {"RES-CAUGHT": ("hot", "rc"), "RES-CAUGHT_NOISY": ("noisy",)}
CONFIRMED = {
    "RES-CONFIRMED": ("HOT", "RC"),
    "RES-CONFIRMED_WARM": ("WARM",),
    "RES-CONFIRMED_NOISY": ("TELEGRAPH", "UNRELIABLE_SLOPE"),
    "RES-CONFIRMED_DARK": ("UNRELIABLE_DARK",),
}
# A share of fewer pixels is known to a tenth and worse.
LEAST_ASKED = 20
# Of fewer groups of listed pixels chance, or whoever lists what lies beside bad pixels, may find all at another place.
LEAST_LISTED = 10


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
    categories, asked, marked = by_darks_and_mask(check, products)
    where = sum(in_category(categories, category) for category in GROUPS[kind]) > 0
    request = products.searched.request(check.detector).set_request("FULL")
    return count_left(where & asked & ~marked, products.science_pixels, request, TESTS[kind])


def by_darks_and_mask(check, products) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what darks show, what of it is unusable, and what the given mask does not use."""
    # Who leaves telegraph pixels usable is told of them by their flag.
    usable = not check.run.settings.parameters.telegraph_do_not_use
    built = products.searched.built(check.detector)
    categories, asked = built.set("FULL").categories, built.unusable("FULL")
    if usable:
        asked |= in_category(categories, Category.TELEGRAPH)
    said = ("DO_NOT_USE", "TELEGRAPH") if usable else ("DO_NOT_USE",)
    # The search itself leaves usable what is only somewhat noisy.
    return categories, asked & products.science_pixels, has_flag(products.judged.mask(check.detector).decoded, *said)


@pytest.mark.asks(*CAUGHT)
def test_caught(check, products):
    """What share of the pixels that the darks show as bad does the mask take out of use?"""
    require_masks_from_elsewhere(products)
    shares = caught(*by_darks_and_mask(check, products))
    asked = {kind: shares[kind] for kind in CAUGHT[check.key.criterion]}
    name = products.judged.mask(check.detector).path.name
    judge_least(check, asked, "{agree} of {asked} {kind} pixels", f"that the darks show are out of use in {name}")


@pytest.mark.asks("RES-CAUGHT_STEADY")
def test_caught_of_steady(check, products):
    """What share of the pixels that are bad in all of the darks does the mask take out of use?"""
    require_masks_from_elsewhere(products)
    require_the_days_of_the_darks(check, products)
    built = products.searched.set(check.detector, "FULL")
    if not built.summary["in_time"] or built.summary["integrations"] < LEAST_INTEGRATIONS:
        raise NotEvaluated(
            f"fewer than {LEAST_INTEGRATIONS} integrations of {check.detector} in time do not tell what is bad in all"
        )
    hot_rate = check.run.settings.parameters.hot_rate / look_up_detector(check.detector).gain
    # What fills its well has no rate. A median that is not hot is that of a pixel that turned, or comes and goes.
    changing = in_category(built.categories, Category.HOT) & ((built.drift != 0) | (built.rate < hot_rate))
    shares = caught_of_steady(*by_darks_and_mask(check, products), changing)
    name = products.judged.mask(check.detector).path.name
    said = f"that the darks show throughout are out of use in {name}"
    judge_least(check, shares, "{agree} of {asked} {kind} pixels", said, forgiving=True)


@pytest.mark.asks(*CONFIRMED)
def test_confirmed(check, products):
    """What share of the pixels that the mask gives a name has it in the darks?"""
    require_masks_from_elsewhere(products)
    built, mask = products.searched.set(check.detector, "FULL"), products.judged.mask(check.detector)
    flags = CONFIRMED[check.key.criterion]
    called = {flag: has_flag(mask.decoded, flag) & products.science_pixels for flag in flags}
    if "UNRELIABLE_DARK" in called:
        # Ground tests flag so what may be used all the same.
        called["UNRELIABLE_DARK"] &= has_flag(mask.decoded, "DO_NOT_USE")
    warm = check.run.settings.parameters.warm_rate / look_up_detector(check.detector).gain
    shares = confirmed(called, built.categories, built.rate, warm)
    said = f"in {mask.path.name} are so in the darks"
    judge_least(check, shares, "{agree} of {asked} pixels called {kind}", said, forgiving=True)


@pytest.mark.asks("RES-REASON")
def test_a_reason_for_each(check, products):
    """How many good pixels does the mask take out of use for no reason that is told?"""
    require_masks_from_elsewhere(products)
    built, mask = products.searched.set(check.detector, "FULL"), products.judged.mask(check.detector)
    science = products.science_pixels
    elsewhere = products.judged.told_before(check.detector, products.base.flags(check.detector)) != 0
    y, x = np.nonzero(without_reason(mask.decoded, elsewhere | ~science, built.categories, built.rate))
    unnamed = int((without_a_name(mask.decoded) & science & ~elsewhere).sum())
    base = ", and in the mask in force" if check.run.settings.base else ""
    check.judge(
        others_beyond_chance(len(x), unnamed) / science.sum(),
        f"{len(x)} of {unnamed} pixels of {mask.path.name} that say DO_NOT_USE and not why are good in the darks{base}"
        f"{some_pixels(list(zip(x.tolist(), y.tolist(), strict=True)))}",
    )


@pytest.mark.asks("RES-DEAD")
def test_dead_pixels_see_no_radiation(check, products):
    """How many cosmic rays have the pixels that the mask calls DEAD or OPEN, as a share of those of good pixels?"""
    require_masks_from_elsewhere(products)
    mask = products.judged.mask(check.detector)
    before = products.judged.told_before(check.detector, products.base.flags(check.detector))
    # What the mask in force says is not of this mask's maker: BAS-DEAD asks of it.
    new = without_charge(mask.decoded, but=before)
    judge_radiation(check, products, new, mask.path.name, "there and not in the mask in force")


@pytest.mark.asks("RES-MANUAL")
def test_by_hand(check, products):
    """Does another place than the listed one fit the pixels that were flagged by hand?"""
    listed = check.run.settings.manual_flags
    if listed is None:
        raise NotEvaluated("no pixels were flagged by hand (--manual-flags=FILE)", given=False)
    pixels = told_by_darks(listed.of(check.detector))
    found = where_meant(pixels, products.searched.set(check.detector, "FULL").categories) if pixels else None
    # Those that are bad nowhere near say nothing of where the list was meant.
    told = found.groups - found.astray + found.near if found else 0
    if told < LEAST_LISTED:
        raise NotEvaluated(
            f"darks show {told} pixels, or groups of them, that {listed.name} lists of {check.detector} to be bad "
            "there or beside it, too few to say where they were meant"
        )
    shown = f"darks show {found.groups - found.astray} of {found.groups} pixels, or groups of them, that {listed.name} "
    shown += f"lists of {check.detector} to be bad where it says, x and y from 0"
    if found.astray:
        shown += f", and of the other {found.astray} they show {found.found} at {found.place}"
        shown += f" and {found.near - found.found} at others alone"
    check.judge(found.sigma, f"{shown}{some_pixels(found.places)}")


def require_masks_from_elsewhere(products) -> None:
    """Say that a mask which this search made of these darks agrees with them by itself."""
    if products.judged.generated:
        raise NotEvaluated("no masks were given (--masks) to compare with what the darks show", given=False)


def require_the_days_of_the_darks(check, products) -> None:
    """Say that a mask made from darks of other days need not hold all that these show."""
    mask = products.judged.mask(check.detector)
    said = days_in_flight(mask)
    exposures = products.searched.request(check.detector).exposures("FULL")
    days = sorted({file.date_obs for exposure in exposures for file in exposure.files if file.date_obs})
    if not days or not said or not said[0] <= days[0] <= days[-1] <= said[1]:
        made = f"of darks of {said[0]} to {said[1]}" if said else "not of which days in flight"
        given = f"the darks are of {days[0]} to {days[-1]}" if days else "the darks do not say either"
        raise NotEvaluated(f"PEDIGREE of {mask.path.name} says {made}, and {given}", given=False)


def judge_least(check, shares: dict[str, Share], counted: str, said: str, *, forgiving: bool = False) -> None:
    """Judge the least share of those that enough pixels tell, and name the pixels that are not among it.

    Where it is forgiving, those do not count that a good mask has.
    """
    told = {
        kind: one.beyond_chance if forgiving else one.agree / one.asked
        for kind, one in shares.items()
        if one.asked >= LEAST_ASKED
    }
    if not told:
        most = max(share.asked for share in shares.values())
        raise NotEvaluated(f"there are {most} pixels of a kind at most, too few to judge a share by")
    least = min(told, key=lambda kind: told[kind])
    counts = ", ".join(counted.format(kind=kind, agree=shares[kind].agree, asked=shares[kind].asked) for kind in told)
    chance = f", and with what chance explains {told[least]:.3f} of those of {least}" if forgiving else ""
    check.judge(told[least], f"{counts} {said}{chance}{some_pixels(shares[least].others, 'some that are not:')}")
