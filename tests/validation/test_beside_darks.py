"""A mask beside what a search of darks found: what it holds of that, and what of its names the darks show."""

import numpy as np

from darkmask.core.categories import Category
from darkmask.validation.beside_darks import Share, caught, confirmed

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
