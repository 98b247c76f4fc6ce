"""DLV: is the delivery what was ordered, whole, and fit to be searched?"""

import pytest

from darkmask.core.flags import has_flag
from darkmask.delivery import inspection, made
from darkmask.delivery.borrowed import borrowed_ramps
from darkmask.delivery.headers import name_root
from darkmask.delivery.index import ProblemKind
from darkmask.delivery.planned import differences
from fixtures.criteria.causes import NOTHING_WHOLE, TOO_LITTLE
from fixtures.session.endings import NotEvaluated
from fixtures.text import some_pixels


@pytest.fixture
def exposures(check, delivery):
    """Return the whole exposures of the subarray that is asked about, from all its sets."""
    found = [e for es in delivery.sets(check.detector, check.subarray).values() for e in es]
    if not found:
        raise NotEvaluated(
            f"there is no whole exposure of {check.detector} {check.subarray} in the delivery", because=NOTHING_WHOLE
        )
    return found


@pytest.mark.asks("DLV-EXPOSURES")
def test_the_expected_set_is_there(check, delivery):
    """How many whole exposures does the set have?"""
    count = len(delivery.main_set(check.detector, check.subarray))
    expected = check.criterion.low or 1
    problems = delivery.problems_of(check.detector, check.subarray, *ProblemKind)
    if not problems and check.detector not in delivery.detectors:
        check.judge(count, f"The delivery holds no file of {check.detector}")
        return
    why = f" The first problem: {problems[0].sentence}" if problems and count < expected else ""
    # What is spoilt explains why exposures are missing, unless some were not sent besides.
    spoilt = {name_root(problem.file) for problem in problems if problem.file}
    apart = sum(len(exposures) for exposures in delivery.sets(check.detector, check.subarray).values()) - count
    because = ("DLV-FILES", "DLV-TRIPLETS", "DLV-GEOMETRY", "DLV-PLAN", "DLV-SETS")
    explained = count + len(spoilt) + apart >= expected or any(not problem.file for problem in problems)
    check.judge(
        count,
        f"The delivery holds {count} whole exposures of {check.detector} {check.subarray}.{why}".rstrip("."),
        because=because if explained else (),
    )


@pytest.mark.asks("DLV-INTEGRATIONS")
def test_enough_integrations(check, delivery, exposures, products):
    """How many integrations does the set have that differ and have rates?"""
    counted = sum(e.integrations for e in delivery.main_set(check.detector, check.subarray))
    usable = len(products.searched.measured(check.detector, check.subarray).numbers)
    said = f"{check.detector} {check.subarray} has {counted} integrations, {usable} of them different and with rates"
    check.judge(usable, said, because=("DLV-DISTINCT", *NOTHING_WHOLE) if usable < counted else NOTHING_WHOLE)


@pytest.mark.asks("DLV-DISTINCT")
def test_each_integration_is_a_measurement(check, delivery, exposures, products):
    """Which integrations are copies, constant, without rates, cut off or rounded?"""
    measured = products.searched.measured(check.detector, check.subarray)
    borrowed = borrowed_ramps(delivery, check.detector, check.subarray)
    found = [*measured.left_out, *measured.doubted, *borrowed]
    wrong = [f"{one}: deliver the right files" for one in found]
    check.judge_problems(wrong, "Each integration is a measurement of its own")


@pytest.mark.asks("DLV-FILES")
def test_files_are_whole(check, delivery):
    """Which files are damaged, have a header card that cannot be right, or are not of the detector that they claim?"""
    problems = delivery.problems_of(check.detector, None, ProblemKind.FILE, ProblemKind.FOLDER)
    if not problems and check.detector not in delivery.detectors:
        raise NotEvaluated(f"there is no file of {check.detector} in the delivery", because=NOTHING_WHOLE)
    check.judge_problems([p.sentence for p in problems], f"Every file of {check.detector} is whole")


@pytest.mark.asks("DLV-TRIPLETS")
def test_triplets_are_whole(check, delivery):
    """Which exposures lack a partner file or a segment?"""
    problems = delivery.problems_of(check.detector, check.subarray, ProblemKind.TRIPLET)
    if not problems and not delivery.main_set(check.detector, check.subarray):
        raise NotEvaluated(
            f"there is no file of {check.detector} {check.subarray} in the delivery", because=NOTHING_WHOLE
        )
    check.judge_problems(
        [p.sentence for p in problems],
        "Every exposure has its _jump, _fitopt and _rate file",
        because=("DLV-FILES",) if all(p.because for p in problems) else (),
    )


@pytest.mark.asks("DLV-SETS")
def test_one_set(check, delivery, exposures):
    """Are all exposures of the detector and subarray of one set?"""
    sets = list(delivery.sets(check.detector, check.subarray))
    apart = "; ".join(dict.fromkeys(sets[0].differences(other) for other in sets[1:]))
    others = f", which differ in {apart}; the largest is searched, the others are not" if apart else ""
    check.judge(len(sets), f"The exposures are of: {', and '.join(map(str, sets))}{others}")


@pytest.mark.asks("DLV-PLAN")
def test_nothing_beyond_the_plan(check, delivery):
    """Which subarrays and readouts were delivered and are not in the plan?"""
    unsupported = delivery.problems_of(check.detector, None, ProblemKind.READOUT)
    delivered = {file.subarray for file in delivery.files if file.detector == check.detector}
    if not delivered and not unsupported:
        raise NotEvaluated(f"there is no file of {check.detector} in the delivery", because=NOTHING_WHOLE)
    planned = {"FULL", *(s.name for s in check.criteria.plan.subarrays if s.detector == check.detector)}
    others = sorted(delivered - planned)
    said = [f"{check.detector} has {', '.join(others)}"] if others else []
    if unsupported:
        more = f" and {len(unsupported) - 1} more files like it" if len(unsupported) > 1 else ""
        said.append(f"{unsupported[0].sentence.rstrip('.')}{more}")
    if not said:
        said = [f"Every file of {check.detector} is in the plan"]
    check.judge(len(others) + len(unsupported), "; ".join(said))


@pytest.mark.asks("DLV-LISTED")
def test_what_was_planned_is_there(check, delivery):
    """How many exposures of the planned sets are missing, or are there and not planned?"""
    planned = check.criteria.plan.sets_of(check.detector, check.subarray)
    there = [e for es in delivery.sets(check.detector, check.subarray).values() for e in es]
    number, said = differences(planned, there)
    check.judge(
        number,
        "; ".join(said) or f"Every planned exposure of {check.detector} {check.subarray} is there",
        because=("DLV-FILES", "DLV-TRIPLETS", "DLV-GEOMETRY", *NOTHING_WHOLE),
    )


@pytest.mark.asks("DLV-STEPS")
def test_pipeline_steps(check, exposures):
    """Were the steps run that a dark needs, the same ones in a set, and no dark subtracted?"""
    check.judge_problems(inspection.step_problems(exposures), "Every file has the steps that a dark needs")


@pytest.mark.asks("DLV-ALIKE")
def test_exposures_were_made_alike(check, exposures):
    """Which files were made by another version of the pipeline, or with other reference files, than most of a set?"""
    if not any(record.made_by for exposure in exposures for record in exposure.files):
        raise NotEvaluated(f"no header says how the files of {check.detector} {check.subarray} were made")
    check.judge_problems(made.unlike(exposures), "Every file was made as the others of its set")


@pytest.mark.asks("DLV-DARKS")
def test_exposures_are_darks(check, exposures):
    """Are all exposures darks?"""
    check.judge_problems(inspection.exposure_type_problems(exposures), "Every file is of a dark exposure")


@pytest.mark.asks("DLV-TIMES")
def test_times(check, delivery, exposures):
    """Which exposures were not taken when their headers say, or lack a time that others of the set have?"""
    if not any(exposure.times for exposure in exposures):
        raise NotEvaluated(f"no header says when the exposures of {check.detector} {check.subarray} were taken")
    of_detector = [e for e in delivery.exposures if e.set_key.detector == check.detector]
    check.judge_problems(
        inspection.time_problems(exposures, of_detector), "Every exposure was taken when its headers say"
    )


@pytest.mark.asks("DLV-GEOMETRY")
def test_geometry(check, delivery, exposures, products):
    """Do size, position and axes belong to the detector and subarray?"""
    known = [p.sentence for p in delivery.problems_of(check.detector, check.subarray, ProblemKind.GEOMETRY)]
    found = known + inspection.geometry_problems(exposures, products.geometry)
    check.judge_problems(found, "Size, position and axes of every file are those of its detector")


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
    found = products.searched.numbers(check.detector, check.subarray)
    number, places = found["ramps_without_a_rate"]
    check.judge(
        number / found["science_pixels"],
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
    check.judge(
        (len(hidden) + len(taken)) / summary["science_pixels"],
        "; ".join(said),
        because=("DLV-TOGETHER", "DLV-PLACES") if not taken else (),
    )


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
    summary = products.searched.numbers(check.detector, check.subarray)
    number, flagged, name, places = summary["most_unfilled"]
    check.judge(
        number / summary["science_pixels"],
        f"{number} of {flagged} pixels of {check.detector} {check.subarray} that are flagged SATURATED after their "
        f"first group in {name} hold less than a third of a well, and lie beside no full one{some_pixels(places)}",
    )


@pytest.mark.asks("DLV-REPLACED")
def test_no_pixel_is_made_of_those_around_it(check, exposures, products):
    """What share of the science pixels reads, to the last digit, what pixels around it read?"""
    summary = products.searched.numbers(check.detector, check.subarray)
    replaced = summary["replaced_pixels"]
    check.judge(
        len(replaced) / summary["science_pixels"],
        f"the ramps of {len(replaced)} pixels of {check.detector} {check.subarray} are those of pixels around them, or "
        f"their mean{some_pixels(replaced)}",
    )


@pytest.mark.asks("DLV-ALIGNED")
def test_exposures_lie_on_one_another(check, exposures, products):
    """What share of the bright pixels that most exposures show does each show?"""
    share, seen, number, path, turned, _ = told(check, products, "least_aligned")
    check.judge(
        share,
        f"{path} shows {seen} of the {number} bright pixels that most exposures of {check.detector} {check.subarray} "
        f"show{f', and most of them if the others are {turned}' if turned else ''}: least of all",
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
