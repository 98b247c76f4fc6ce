"""DLV: are the arrays of the files whole, and of one another? A search believes each of them."""

import pytest

from darkmask.core.flags import has_flag
from fixtures.criteria.causes import TOO_LITTLE
from fixtures.session.endings import NotEvaluated
from fixtures.text import some_pixels


def judge_share(check, products, number: int, said: str, because: tuple[str, ...] = ()) -> None:
    """Judge the share of the science pixels that so many are."""
    science = products.searched.numbers(check.detector, check.subarray)["science_pixels"]
    check.judge(number / science, said, because=because)


@pytest.mark.asks("DLV-RATES")
def test_rates_are_finite(check, exposures, products):
    """Are rates finite, except where DQ says why not?"""
    share, name = products.searched.numbers(check.detector, check.subarray)["unexplained_rates"]
    check.judge(share, f"Rates that are not finite and carry no DQ flag, in {name}: the worst exposure")


@pytest.mark.asks("DLV-UNFITTED")
def test_no_rate_without_a_ramp(check, exposures, products):
    """In how many pixels is there a rate, although each group of the ramp is saturated?"""
    summary = products.searched.numbers(check.detector, check.subarray)
    found = summary["rates_without_a_ramp"]
    if found is None:
        raise NotEvaluated(
            f"groups of {check.detector} {check.subarray} are means of frames ({summary['readpatt']}), of which the "
            "first may give a full pixel its rate"
        )
    check.judge(
        len(found),
        f"{len(found)} pixels of {check.detector} {check.subarray} have a rate in integrations of which each group is "
        f"saturated{some_pixels(found)}",
    )


@pytest.mark.asks("DLV-UNRATED")
def test_no_ramp_without_a_rate(check, exposures, products):
    """In what share of the science pixels is there no rate, although groups of the ramp are usable?"""
    number, places = products.searched.numbers(check.detector, check.subarray)["ramps_without_a_rate"]
    judge_share(
        check,
        products,
        number,
        f"{number} pixels of {check.detector} {check.subarray} have no rate, and a flag, in integrations of which "
        f"groups are usable, and nothing in PIXELDQ{some_pixels(places)}",
    )


@pytest.mark.asks("DLV-HIDDEN")
def test_no_ramp_says_otherwise(check, exposures, products):
    """What share of the science pixels is good by its rate and PEDESTAL, although its ramp says otherwise?"""
    summary = products.searched.numbers(check.detector, check.subarray)
    hidden, taken = summary["hidden_pixels"], summary["taken_out"]
    if taken and check.subarray == "FULL":
        # What is known to be bad, and was carried, needs no search.
        unusable = has_flag(products.judged.mask(check.detector).decoded, "DO_NOT_USE")
        taken = [(x, y) for x, y in taken if not unusable[y, x]]
    said = [
        f"{len(hidden)} pixels of {check.detector} {check.subarray} are good by their rates, and their ramps rise or "
        f"begin otherwise than rates and PEDESTAL say{some_pixels(hidden)}"
    ]
    if taken:
        said.append(
            f"flags, or reads without a value, took {len(taken)} pixels out of the search whose ramps are those of hot "
            "ones, or have no value" + some_pixels(taken)
        )
    because = ("DLV-TOGETHER", "DLV-PLACES") if not taken else ()
    judge_share(check, products, len(hidden) + len(taken), "; ".join(said), because)


def told(check, products, name: str):
    """Return what the set's ramps tell of its other files."""
    found = products.searched.numbers(check.detector, check.subarray)[name]
    if found is None:
        raise NotEvaluated(
            f"{check.detector} {check.subarray} has too few integrations, or pixels without a flag, to tell",
            because=TOO_LITTLE,
        )
    return found


@pytest.mark.asks("DLV-TOGETHER")
def test_files_belong_together(check, exposures, products):
    """Are the rates and pedestals of each exposure those of its ramps?"""
    share, name, derived = told(check, products, "together")
    check.judge(
        share,
        f"The noise of the ramps is in the {derived} of {name} by {share:.2f} of it, where it is farthest from 1",
        because=("DLV-DISTINCT",),
    )


@pytest.mark.asks("DLV-FAINT")
def test_rates_of_faint_pixels_are_lines_through_their_ramps(check, exposures, products):
    """What share of the rates of faint pixels lies off the line through their ramp?"""
    share, name = told(check, products, "off_lines")
    check.judge(
        share,
        f"The rates of {share:.1%} of the faint good pixels of {check.detector} {check.subarray} differ from lines "
        f"through their ramps by more than a quarter of what those scatter by in {name}: most of all",
        because=("DLV-DISTINCT", "DLV-TOGETHER", "DLV-PLACES", "DLV-FLAGS", "DRK-STEP"),
    )


@pytest.mark.asks("DLV-BRIGHT")
def test_rates_of_bright_pixels_are_those_of_their_ramps(check, exposures, products):
    """What share of the rates of bright pixels is a tenth more or less than what their ramps rise by?"""
    share, off, number, name, places = told(check, products, "rates_off_ramps")
    check.judge(
        share,
        f"The rates of {off} of {number} bright pixels of {check.detector} {check.subarray} differ by more than a "
        f"tenth from what their ramps rise by in {name}: most of all{some_pixels(places)}",
        because=("DLV-DISTINCT", "DLV-TOGETHER", "DRK-SCALE"),
    )


@pytest.mark.asks("DLV-PLACES")
def test_ramps_lie_where_their_rates_lie(check, exposures, products):
    """How much has the row, column or square in common with its rates or PEDESTAL which has least?"""
    most, name = told(check, products, "least_alike")
    check.judge(
        most,
        f"Ramps and {name} of {check.detector} {check.subarray} have {most:.2f} of what others have in common, at "
        "most: least of all",
    )


@pytest.mark.asks("DLV-FLAGS")
def test_no_group_is_flagged_in_most_pixels(check, exposures, products):
    """What share of the good pixels has a flag in one group, where most have?"""
    share, flags, where = told(check, products, "most_flagged")
    check.judge(
        share,
        f"{share:.1%} of the good pixels of {check.detector} {check.subarray} have a flag"
        f"{f' ({flags})' if flags else ''} in {where}: most of all",
    )


@pytest.mark.asks("DLV-JUMPS")
def test_jumps_are_flagged_where_ramps_jump(check, exposures, products):
    """What share of the steps that only a hit makes has the flag of a jump?"""
    flagged, seen, name = told(check, products, "least_flagged")
    check.judge(
        flagged / seen,
        f"{flagged} of {seen} steps of good pixels of {check.detector} {check.subarray} that only a hit makes have the "
        f"flag of a jump in {name}: least of all",
    )


@pytest.mark.asks("DLV-FULL")
def test_saturated_pixels_are_full(check, exposures, products):
    """What share of the science pixels is flagged SATURATED from a later group on, and holds no third of a well?"""
    number, flagged, name, places = told(check, products, "most_unfilled")
    judge_share(
        check,
        products,
        number,
        f"{number} of {flagged} pixels of {check.detector} {check.subarray} that are flagged SATURATED after their "
        f"first group in {name} hold less than a third of a well, and lie beside no full one{some_pixels(places)}",
    )


@pytest.mark.asks("DLV-REPLACED")
def test_no_pixel_is_made_of_those_around_it(check, exposures, products):
    """What share of the science pixels reads, to the last digit, what pixels around it read?"""
    replaced = told(check, products, "replaced_pixels")
    judge_share(
        check,
        products,
        len(replaced),
        f"the ramps of {len(replaced)} pixels of {check.detector} {check.subarray} are those of pixels around them, or "
        f"their mean{some_pixels(replaced)}",
    )


@pytest.mark.asks("DLV-ALIGNED")
def test_exposures_lie_on_one_another(check, exposures, products):
    """What share of the bright pixels that most exposures show does each show?"""
    share, seen, number, path, turned, rows, _ = told(check, products, "least_aligned")
    where = f" of rows {rows[0]} to {rows[1]}" if rows else ""
    check.judge(
        share,
        f"{path} shows {seen} of the {number} bright pixels{where} that most exposures of {check.detector} "
        f"{check.subarray} show{f', and most of them if the others are {turned}' if turned else ''}: least of all",
    )


@pytest.mark.asks("DLV-PIXELDQ")
def test_few_pixels_are_lost(check, exposures, products):
    """How many pixels did PIXELDQ take out before the search?"""
    share, name = products.searched.numbers(check.detector, check.subarray)["lost_pixels"]
    check.judge(
        share,
        f"Science pixels with DO_NOT_USE in PIXELDQ, of which nothing can be learnt, in {name}: the worst exposure",
    )


@pytest.mark.asks("DLV-BORDER")
def test_reference_pixels_are_marked(check, exposures, products):
    """In how many pixels do PIXELDQ and the geometry differ about reference pixels?"""
    found = products.searched.numbers(check.detector, check.subarray)["misplaced_reference_pixels"]
    if found is None:
        raise NotEvaluated(f"PIXELDQ of {check.detector} {check.subarray} marks no reference pixel")
    number, name = found
    check.judge(
        number,
        f"PIXELDQ of {name} calls {number} pixels reference pixels that are none, or leaves out reference pixels: the "
        "worst exposure",
    )
