"""DLV: is the delivery what was ordered, whole, and fit to be searched?"""

import pytest

from darkmask.delivery import clock, inspection, made
from darkmask.delivery.borrowed import borrowed_ramps
from darkmask.delivery.headers import name_root
from darkmask.delivery.index import ProblemKind
from darkmask.delivery.planned import differences
from fixtures.criteria.causes import NOTHING_WHOLE
from fixtures.session.endings import NotEvaluated


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
    """Which exposures were not taken when, or as long as, their headers say, or lack a time that others have?"""
    if not any(exposure.times for exposure in exposures):
        raise NotEvaluated(f"no header says when the exposures of {check.detector} {check.subarray} were taken")
    of_detector = [e for e in delivery.exposures if e.set_key.detector == check.detector]
    check.judge_problems(clock.time_problems(exposures, of_detector), "Every exposure was taken when its headers say")


@pytest.mark.asks("DLV-GEOMETRY")
def test_geometry(check, delivery, exposures, products):
    """Do size, position and axes belong to the detector and subarray?"""
    known = [p.sentence for p in delivery.problems_of(check.detector, check.subarray, ProblemKind.GEOMETRY)]
    found = known + inspection.geometry_problems(exposures, products.geometry)
    check.judge_problems(found, "Size, position and axes of every file are those of its detector")
