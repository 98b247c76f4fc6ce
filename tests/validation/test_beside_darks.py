"""A mask beside what a search of darks found: what it holds of that, and what of its names the darks show."""

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.flags import dq_bits
from darkmask.validation.beside_darks import Share, caught, confirmed, without_reason

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
    assert confirmed({"HOT": hot}, found, rate, 0.05) == {"HOT": Share(5, 3, [(2, 2), (3, 3)])}


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
    right = confirmed({"RC": bent, "TELEGRAPH": jumping}, found, rate, 0.05)
    assert right == {"RC": Share(2, 2, []), "TELEGRAPH": Share(3, 3, [])}
    wrong = confirmed({"RC": jumping, "TELEGRAPH": bent}, found, rate, 0.05)
    assert (wrong["RC"].agree, wrong["TELEGRAPH"].agree) == (0, 0)


def test_what_a_mask_holds_is_counted_by_what_the_darks_show():
    """A pixel of two categories is of both kinds, and what the search leaves usable is asked of nobody."""
    found = images({(2, 2): Category.HOT, (4, 4): Category.SATURATED, (6, 6): Category.RC, (8, 8): Category.NOISY})
    found[6, 6] |= Category.HOT.bit
    unusable = found != 0
    unusable[8, 8] = False
    shares = caught(found, unusable, called((2, 2), (6, 6), (9, 9)))
    assert shares == {"hot": Share(3, 2, [(4, 4)]), "rc": Share(1, 1, []), "noisy": Share(0, 0, [])}


def test_a_pixel_is_out_of_use_for_a_reason_of_its_own_or_of_one_that_it_touches():
    """A flag, a dead neighbour, one that darks show, the mask in force, and no rate are reasons; a column has none."""
    unusable = dq_bits("DO_NOT_USE")
    mask = np.zeros(SHAPE, np.uint32)
    mask[:, 15] = mask[2, 2] = mask[2, 4] = mask[6, 6] = mask[9, 9] = mask[12, 12] = unusable
    mask[2, 3] = unusable | dq_bits("DEAD")
    rate = np.zeros(SHAPE, np.float32)
    rate[12, 12] = np.nan
    found = images({(7, 7): Category.RC, (10, 14): Category.WARM})
    without = without_reason(mask, called((9, 9)), found, rate)
    y, x = np.nonzero(without)
    assert set(x) == {15}
    assert set(range(20)) - set(y) == {9, 10, 11}


def test_a_flag_without_do_not_use_is_no_reason_for_a_neighbour():
    mask = np.zeros(SHAPE, np.uint32)
    mask[5, 5], mask[5, 6] = dq_bits("DO_NOT_USE"), dq_bits("LOW_QE")
    assert without_reason(mask, np.zeros(SHAPE, bool), images({}), np.zeros(SHAPE, np.float32)).sum() == 1
