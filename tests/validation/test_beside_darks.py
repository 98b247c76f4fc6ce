"""A mask beside what a search of darks found: what it holds of that, and what of its names the darks show."""

import numpy as np

from darkmask.core.categories import USABLE, Category
from darkmask.core.flags import dq_bits
from darkmask.validation import beside_darks
from darkmask.validation.beside_darks import Share

SHAPE = (20, 20)


def images(categories: dict[tuple[int, int], Category]) -> np.ndarray:
    made = np.zeros(SHAPE, np.uint16)
    for at, category in categories.items():
        made[at] |= category.bit
    return made


def called(*places: tuple[int, int]) -> np.ndarray:
    made = np.zeros(SHAPE, bool)
    made[tuple(np.transpose(places))] = True
    return made


def test_what_a_mask_calls_hot_is_looked_for_in_the_darks():
    """A saturated pixel, its neighbour, a warm one, a bright one without a name, one without a rate and good ones."""
    found = images({(5, 5): Category.SATURATED, (9, 9): Category.WARM})
    rate = np.full(SHAPE, 0.001, np.float32)
    rate[5, 5] = rate[12, 3] = np.nan
    rate[15, 15] = 0.2
    hot = called((5, 5), (5, 6), (9, 9), (15, 15), (12, 3), (2, 2), (3, 3))
    assert beside_darks.confirmed({"HOT": hot}, found, rate, 0.05) == {"HOT": Share(5, 3, [(2, 2), (3, 3)])}


def test_names_that_were_exchanged_are_not_confirmed():
    """A bright rate confirms HOT alone; a pixel that is noisy, switches or comes and goes may be called either."""
    found = images(
        {
            (2, 2): Category.RC,
            (3, 3): Category.INVERSE_RC,
            (6, 6): Category.TELEGRAPH,
            (7, 7): Category.NOISY,
            (8, 8): Category.INTERMITTENT,
            (11, 11): Category.UNDETERMINED,
        }
    )
    rate = np.full(SHAPE, 9.0, np.float32)
    bent, jumping = called((2, 2), (3, 3), (11, 11)), called((6, 6), (7, 7), (8, 8))
    right = beside_darks.confirmed({"RC": bent, "TELEGRAPH": jumping}, found, rate, 0.05)
    assert right == {"RC": Share(2, 2, []), "TELEGRAPH": Share(3, 3, [])}
    wrong = beside_darks.confirmed({"RC": jumping, "TELEGRAPH": bent}, found, rate, 0.05)
    assert (wrong["RC"].agree, wrong["TELEGRAPH"].agree) == (0, 0)


def test_what_a_mask_holds_is_counted_by_what_the_darks_show():
    """A pixel of two categories is of both kinds, and what the search leaves usable is asked of nobody."""
    found = images({(2, 2): Category.HOT, (4, 4): Category.SATURATED, (6, 6): Category.RC, (8, 8): Category.NOISY})
    found[6, 6] |= Category.HOT.bit
    unusable = found != 0
    unusable[8, 8] = False
    shares = beside_darks.caught(found, unusable, called((2, 2), (6, 6), (9, 9)))
    assert shares == {
        "hot": Share(3, 2, [(4, 4)]),
        "rc": Share(1, 1, []),
        "noisy": Share(0, 0, []),
    }


def test_a_pixel_is_out_of_use_for_a_reason_of_its_own_or_of_one_that_it_touches():
    """A flag, a dead neighbour, one that darks show, the mask in force, and no rate are reasons; a column has none."""
    unusable = dq_bits("DO_NOT_USE")
    mask = np.zeros(SHAPE, np.uint32)
    mask[:, 15] = mask[2, 2] = mask[2, 4] = mask[6, 6] = mask[9, 9] = mask[12, 12] = unusable
    mask[2, 3] = unusable | dq_bits("DEAD")
    rate = np.zeros(SHAPE, np.float32)
    rate[12, 12] = np.nan
    found = images({(7, 7): Category.RC, (10, 14): Category.WARM})
    without = beside_darks.without_reason(mask, called((9, 9)), found, rate)
    y, x = np.nonzero(without)
    assert set(x) == {15}
    assert set(range(20)) - set(y) == {9, 10, 11}


def test_a_flag_without_do_not_use_is_no_reason_for_a_neighbour():
    mask = np.zeros(SHAPE, np.uint32)
    mask[5, 5], mask[5, 6] = dq_bits("DO_NOT_USE"), dq_bits("LOW_QE")
    assert beside_darks.without_reason(mask, np.zeros(SHAPE, bool), images({}), np.zeros(SHAPE, np.float32)).sum() == 1


def test_a_warm_pixel_is_brighter_than_good_ones_whoever_cuts_it():
    """One that the search calls warm, one between its cut and the noise, and two in the noise."""
    rate = np.random.default_rng(3).normal(0.002, 0.001, SHAPE).astype(np.float32)
    rate[5, 5], rate[9, 9], rate[12, 12], rate[2, 2] = 0.08, 0.01, 0.003, np.nan
    warm = called((5, 5), (9, 9), (12, 12), (2, 2))
    found = beside_darks.confirmed({"WARM": warm, "HOT": warm}, images({(5, 5): Category.WARM}), rate, 0.05)
    assert found == {"WARM": Share(3, 2, [(12, 12)]), "HOT": Share(3, 1, [(9, 9), (12, 12)])}


def test_what_changes_is_not_asked_of_a_mask_as_what_is_bad_throughout():
    """One of two hot pixels turned so, and one of two noisy ones may be used; others switch, or come and go."""
    found = images(
        {
            (2, 2): Category.HOT,
            (3, 3): Category.SATURATED,
            (6, 6): Category.RC,
            (8, 8): Category.NOISY,
            (9, 9): Category.NOISY,
            (11, 11): Category.TELEGRAPH,
            (13, 13): Category.INTERMITTENT,
        }
    )
    found[13, 13] |= Category.HOT.bit
    found[9, 9] |= USABLE
    shares = beside_darks.caught_of_steady(found, found != 0, called((3, 3), (6, 6)), called((2, 2)))
    assert shares == {
        "hot": Share(1, 1, []),
        "rc": Share(1, 1, []),
        "noisy": Share(1, 0, [(8, 8)]),
    }


def test_a_good_mask_has_a_few_pixels_that_darks_do_not_show():
    """Of 400 pixels 0.5 % are two, and one mask in a thousand has more than eight; of 20 one has more than two."""
    assert [beside_darks.others_beyond_chance(others, 400) for others in (0, 8, 9, 40)] == [0, 0, 1, 32]
    assert Share(400, 360, []).beyond_chance == 0.92
    assert [beside_darks.others_beyond_chance(others, 20) for others in (2, 3)] == [0, 1]


def test_a_vague_name_is_none():
    some = [("DO_NOT_USE",), ("DO_NOT_USE", "OTHER_BAD_PIXEL"), ("DO_NOT_USE", "RC"), ("OTHER_BAD_PIXEL",)]
    mask = np.array([[dq_bits(*names) for names in some]], np.uint32)
    assert beside_darks.without_a_name(mask).tolist() == [[True, True, False, False]]
