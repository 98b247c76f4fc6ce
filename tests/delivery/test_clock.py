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


AVERAGED = {"tgroup": 214.7352, "tframe": 10.73676}


# Ten groups of 10.73676 s take 107.4 s, a frame of reset between them not counted.
@pytest.mark.parametrize(
    ("apart", "lasting", "changed", "said"),
    [
        (118.1, 107.4, {}, None),
        (118.1, 118.1, {}, None),  # the reset counts
        (128.8, None, {}, None),  # another reset
        (600.0, None, {}, None),  # a pause, for all that is known
        (600.0, 107.4, {}, None),
        (225.5, 214.7, {}, 214.7),  # twenty frames: BRIGHT1, or twice as many groups
        (139.6, 128.9, {}, 128.9),  # two groups were left out
        (96.6, None, {}, 85.86),  # no time for so many groups
        (96.6, 85.9, {}, 85.9),
        (118.1, 1.0, {}, None),  # one of both is no clock
        (None, 214.7, {}, 214.7),
        (None, 107.4, {}, None),
        (None, 85.9, {}, 85.9),
        # Ten groups of eight frames and twelve dropped ones; the last twelve are not waited for.
        (2018.5, 2007.8, AVERAGED, None),
        (2158.1, 2147.4, AVERAGED, None),
        (1803.0, 1793.0, AVERAGED, 1793.0),
    ],
)
def test_integrations_last_as_long_as_their_groups(apart, lasting, changed, said):
    times = tuple(NOON + (60 + k * (apart or 0)) / DAY for k in range(3 if apart else 1))
    one = taken(1, times=times, lasting=lasting, **changed)
    sentences = clock.time_problems([one], [one])
    assert sentences == [] if said is None else f"has integrations of {said:.2f} s by" in only(sentences)


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
