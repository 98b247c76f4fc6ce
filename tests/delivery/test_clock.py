"""Exposures were taken when, and for as long as, their headers say."""

import pytest

from darkmask.delivery import clock
from tests.support.records import JUMP, RATE, altered, exposure, only

DAY = 86_400
# Two integrations of ten groups of 10.7 s, of an exposure that begins at noon of the day of DATE-OBS.
NOON = 59_670.5
BEGUN = {"began": NOON, "times": (NOON + 54 / DAY, NOON + 172 / DAY)}


def taken(number: int, **changed):
    """Return the exposure of a number, of those that begin every 300 s."""
    later = (number - 1) * 300 / DAY
    at = {"began": BEGUN["began"] + later, "times": tuple(time + later for time in BEGUN["times"])} | changed
    made = exposure(name=f"jw01062001001_02101_{number:05d}")
    for which in (JUMP, RATE):
        made = altered(made, which, **at)
    return made


def test_exposures_that_follow_one_another_have_no_problem():
    these = [taken(3), taken(1), taken(2)]
    assert clock.time_problems(these, these) == []
    assert clock.time_problems([exposure()], [exposure(), taken(1)]) == []


# What INT_TIMES does not say, the beginning of an exposure tells to some seconds.
def test_times_of_ramps_and_rates_may_differ_by_seconds():
    one = taken(1)
    roughly = altered(one, RATE, times=tuple(time + 12 / DAY for time in one.rate.times))
    assert clock.time_problems([roughly], [roughly]) == []


@pytest.mark.parametrize(
    ("number", "changed", "words"),
    [
        (2, {"times": ()}, "does not say when it was taken"),
        (2, {"times": taken(1).times}, "were taken by one detector at one time (MJD 59670.5006"),
        (2, {"times": taken(2).times[::-1]}, "do not follow one another"),
        (2, {"times": taken(3).times}, "begins at MJD 59670.50347 by its EXPSTART"),
        (2, {"times": tuple(t - 40 for t in taken(2).times), "began": None}, "by its DATE-OBS"),
    ],
)
def test_times_that_cannot_be(number, changed, words):
    these = [taken(1), taken(number, **changed)]
    sentences = clock.time_problems(these, these)
    assert any(words in sentence for sentence in sentences), sentences
    assert clock.time_problems(these[:1], these[:1]) == []


def clocked(apart: float, **changed):
    """Return an exposure of integrations that begin every so many seconds."""
    return taken(1, times=tuple(NOON + (60 + k * apart) / DAY for k in range(3)), **changed)


# Ten groups of 10.73676 s and a frame of reset; INT_TIMES is what the spacecraft's clock said.
@pytest.mark.parametrize(
    ("apart", "changed", "right"),
    [
        (118.1, {}, True),
        (128.8, {}, True),  # another frame of reset
        (225.5, {}, False),  # twenty frames: BRIGHT1, or twice as many groups
        (139.6, {}, False),  # two groups were left out
        (96.6, {}, False),
        # Ten groups of eight frames and twelve dropped ones; the last twelve are not waited for.
        (2018.5, {"tgroup": 214.7352, "tframe": 10.73676}, True),
        (2158.1, {"tgroup": 214.7352, "tframe": 10.73676}, True),
        (1803.0, {"tgroup": 214.7352, "tframe": 10.73676}, False),
    ],
)
def test_the_clock_goes_as_the_groups_do(apart, changed, right):
    one = clocked(apart, **changed)
    sentences = clock.time_problems([one], [one])
    assert sentences == [] if right else f"begins an integration every {apart:.2f} s" in only(sentences)


def test_a_single_integration_lasts_as_long_as_its_groups():
    one = taken(1, times=(NOON + 60 / DAY,), lasting=214.7)
    assert only(clock.time_problems([one], [one])).split(": ")[0] == (
        f"{one.jump.path} has an integration of 214.70 s by its INT_TIMES or EXPEND, where 10 groups of 10.7368 s take "
        "107.37 s"
    )
    one = taken(1, times=(NOON + 60 / DAY,), lasting=107.4)
    assert clock.time_problems([one], [one]) == []


def test_exposures_of_an_activity_are_taken_in_their_order():
    activity = ("01062", "00001", "00001", "00002", "00001", "00001")

    def numbered(number: int, when: int, *other: str):
        whole = altered(taken(when), JUMP, path=f"{number}_jump.fits")
        return altered(whole, JUMP, identity=(*(*activity, *other)[-6:], f"{number:05d}"))

    right = [numbered(2, 2), numbered(1, 1), numbered(3, 4)]
    assert clock.time_problems(right, right) == []
    another = [numbered(1, 2), numbered(2, 1, "00002")]
    assert clock.time_problems(another, another) == []
    turned = [numbered(1, 3), numbered(3, 1), numbered(2, 2)]
    first, second = clock.time_problems(turned, turned)
    assert first.startswith("3_jump.fits was taken before 2_jump.fits, by their INT_TIMES or EXPSTART")
    assert second.startswith("2_jump.fits was taken before 1_jump.fits")


def test_rates_that_were_taken_at_another_time():
    one = altered(taken(1), RATE, times=taken(2).times)
    (sentence,) = clock.time_problems([one], [one])
    assert "rate.fits have other times" in sentence


def test_no_other_set_of_the_detector_is_taken_meanwhile():
    other = altered(taken(1), JUMP, path="jw01062002001_02101_00001_nrcb1_jump.fits", subarray="SUB640")
    (sentence,) = clock.time_problems([taken(1)], [taken(1), other])
    assert "jw01062002001" in sentence
