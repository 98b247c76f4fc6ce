"""BAS: did the mask in force lose a flag that nobody measured, and is it of this detector?"""

import numpy as np
import pytest

from darkmask.masks import quality as maskquality
from darkmask.masks.compare import Comparison, compare, lost_bits
from darkmask.masks.header import misplaced, used_after
from darkmask.masks.registration import register
from darkmask.masks.untold import not_in, shared_unlit_pixels
from fixtures.session.endings import NotEvaluated
from fixtures.session.radiation import judge_radiation, without_charge
from fixtures.text import some_pixels

# A share of fewer pixels is known to a tenth and worse.
_FEWEST = 20


@pytest.mark.asks("BAS-KEPT")
def test_no_flag_was_lost(check, products):
    """Which pixels lost a flag of the mask in force that the search did not judge anew?"""
    mask, base = products.judged.mask(check.detector), products.base.mask(check.detector)
    measured, carried = products.judged.measured(check.detector, base.decoded), products.base.carried(check.detector)
    count, flags = lost_bits(base.decoded, mask.decoded, measured, carried)
    # What its own DQ_DEF has no name for was lost before anything could be carried.
    unread = maskquality.changed_pixels(base.raw, base.decoded, base.dq_def)
    lost = "; ".join(f"{name} of {n} pixels, from x {x}, y {y} on" for name, (n, x, y) in flags.items())
    said = (
        f"{mask.path.name} lost of {base.path.name}: {lost}" if lost else f"Every such flag of {base.path.name} is kept"
    )
    if unread.any():
        bits = maskquality.undefined_bits(base.raw, base.dq_def)[1]
        what = f"does not define {', '.join(bits[:6])}" if bits else "gives one bit two names, or two bits one name"
        said = f"DQ_DEF of {base.path.name} {what}, so that {int(unread.sum())} of its pixels cannot be carried. {said}"
    check.judge(count + int(unread.sum()), said)


@pytest.mark.asks("BAS-HEADER")
def test_the_mask_in_force_is_of_this_detector(check, delivery, products):
    """Which keywords of the mask in force do not belong to the detector and its frame, or say a day to come?"""
    base = products.base.mask(check.detector)
    problems = misplaced(base, check.detector, products.geometry)
    said = f"The header of {base.path.name} belongs to {check.detector}"
    of_detector = [file for file in delivery.files if file.detector == check.detector] if delivery else []
    last, day = max((file.date_obs for file in of_detector), default=""), used_after(base)
    # A mask of later darks may be the better one to carry from; whoever signs should know.
    if last and day > last:
        said += f"; its USEAFTER is {day} and the last dark was taken on {last}: it was not in force for these darks"
    check.judge_problems(problems, said)


@pytest.mark.asks("BAS-ADDED")
def test_no_flag_came_from_nowhere(check, products):
    """Which pixels have a flag that darks cannot tell, and that the mask in force does not have?"""
    mask, base = products.judged.mask(check.detector), products.base.mask(check.detector)
    found = not_in(mask.decoded, base.decoded, products.science_pixels)
    check.judge(
        found.differing / products.science_pixels.sum(),
        f"{found.differing} pixels of {mask.path.name} have flags that darks cannot tell and {base.path.name} does not "
        f"have{found.said}{some_pixels(found.places)}",
    )


@pytest.mark.asks("BAS-OWN")
def test_the_mask_in_force_is_its_detectors_own(check, products):
    """What share of its unlit pixels does the mask in force of another detector have in the same places?"""
    base, science = products.base.mask(check.detector), products.science_pixels
    counts = {
        name: shared_unlit_pixels(base.decoded, other.decoded, science)
        for name, other in products.base.beside(check.detector).items()
        if other.decoded.shape == base.decoded.shape
    }
    if not counts:
        raise NotEvaluated("there are no masks in force of other detectors beside it")
    name, (number, shared) = max(counts.items(), key=lambda item: item[1][1])
    if number < _FEWEST:
        raise NotEvaluated(f"{number} unlit pixels of {base.path.name} are too few to judge a share by")
    check.judge(
        shared / number,
        f"{shared} of {number} unlit pixels of {base.path.name} are unlit in the mask in force of {name} too, which "
        "shares most",
    )


@pytest.mark.asks("BAS-FLAGGED")
def test_the_mask_in_force_says_something(check, products):
    """How many science pixels does the mask in force flag?"""
    base = products.base.mask(check.detector)
    count = int(np.count_nonzero(base.decoded[products.science_pixels]))
    check.judge(count, f"{base.path.name} flags {count} science pixels of {check.detector}")


@pytest.fixture
def beside_base(check, products) -> tuple[Comparison, str]:
    """Compare the mask with the mask in force on the flags that a search of darks looks for; say on which."""
    base = products.base.mask(check.detector)
    found = compare(base.decoded, products.judged.mask(check.detector).decoded, products.science_pixels)
    if not found.by_flag:
        raise NotEvaluated(f"{base.path.name} flags no pixel that a search of darks looks for")
    return found, f"on {', '.join(found.by_flag)} beside {base.path.name}"


@pytest.mark.asks("BAS-REGISTRATION")
def test_the_mask_in_force_lies_on_the_mask(check, beside_base):
    """Do the mask and the mask in force agree best as they lie?"""
    found, how = beside_base
    registration = register(found.reference & found.where, found.other & found.where)
    if registration.why_not:
        raise NotEvaluated(f"{registration.why_not} ({how})")
    best, fewer = registration.best, min(registration.reference, registration.other)
    check.judge(
        registration.margin,
        f"The mask in force fits the mask {best}: {registration.common[best]} of {fewer} clumps agree {how}",
    )


@pytest.mark.asks("BAS-RETAINED")
def test_bad_pixels_of_the_mask_in_force_are_bad(check, beside_base):
    """What share of the bad pixels of the mask in force is still bad?"""
    found, how = beside_base
    total = found.total
    if total.both + total.gone < _FEWEST:
        raise NotEvaluated(f"{total.both + total.gone} pixels are too few to judge a share by ({how})")
    check.judge(total.retained_fraction, f"{total.both} of {total.both + total.gone} bad pixels are still bad {how}")


@pytest.mark.asks("BAS-DEAD")
def test_dead_pixels_of_the_mask_in_force_see_no_radiation(check, products):
    """How many cosmic rays have the pixels that the mask in force calls DEAD or OPEN, as a share of good pixels'?"""
    base = products.base.mask(check.detector)
    judge_radiation(check, products, without_charge(base.decoded), base.path.name, "there")
