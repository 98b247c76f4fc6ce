"""Pixels flagged by hand beside what darks show: lists that count from 1, or write the row first, are seen."""

import numpy as np
import pytest

from darkmask.core.categories import Category
from darkmask.core.flags import bits_of
from darkmask.validation.by_hand import told_by_darks, where_meant

BAD = [(10 + 13 * i % 90, 5 + 7 * i % 83) for i in range(30)]
CERTAIN = 3


def darks() -> np.ndarray:
    """Show each of ``BAD``, and light that decays, or too few groups, everywhere else."""
    image = np.full((100, 100), Category.TRANSIENT.bit | Category.UNDETERMINED.bit, np.uint16)
    for x, y in BAD:
        image[y, x] |= Category.HOT.bit
    return image


def test_the_right_places_are_right():
    found = where_meant(BAD, darks())
    assert (found.astray, found.sigma, found.places) == (0, 0, [])


@pytest.mark.parametrize(
    ("listed", "place"),
    [
        ([(x + 1, y + 1) for x, y in BAD], "x - 1, y - 1"),
        ([(x - 1, y) for x, y in BAD], "x + 1"),
        ([(y, x) for x, y in BAD], "x and y exchanged"),
        ([(y + 1, x + 1) for x, y in BAD], "x and y exchanged, each - 1"),
    ],
)
def test_the_place_that_was_meant_is_told(listed, place):
    """Also where half of a list is right."""
    found = where_meant(listed, darks())
    assert found.place == place
    assert found.found >= 28
    assert found.sigma > CERTAIN
    assert set(found.places) <= set(listed)
    half = where_meant(BAD[:15] + listed[15:], darks())
    assert (half.place, half.sigma > CERTAIN) == (place, True)


def test_pixels_that_darks_do_not_show_hide_no_list_that_counts_from_1():
    elsewhere = [(x, y) for x in range(5, 95, 9) for y in range(5, 95, 9)]
    found = where_meant([*elsewhere, *((x + 1, y + 1) for x, y in BAD)], darks())
    assert found.place == "x - 1, y - 1"
    assert found.sigma > CERTAIN


def test_pixels_that_somebody_saw_elsewhere_fit_no_place():
    numbers = np.random.default_rng(5)
    listed = [(int(x), int(y)) for x, y in {tuple(at) for at in numbers.integers(4, 96, (200, 2))}]
    found = where_meant(listed, darks())
    assert found.astray > 100
    assert found.sigma == 0


@pytest.mark.parametrize(
    "around",
    [
        [(0, 1), (1, 0), (0, -1), (-1, 0)],
        [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)],
        [(-1, 0), (1, 0)],
        [(0, 0), (1, 0)],
    ],
    ids=["cross", "cross and centre", "left and right", "trail"],
)
def test_neighbours_of_bad_pixels_are_no_shift(around):
    found = where_meant([(x + dx, y + dy) for x, y in BAD for dx, dy in around], darks())
    assert found.sigma < CERTAIN


def test_what_lies_along_a_bad_column_is_one_observation():
    image = np.zeros((100, 100), np.uint16)
    image[:, 50] = Category.NOISY.bit
    found = where_meant([(51, y) for y in range(10, 90)], image)
    assert (found.groups, found.found) == (1, 1)
    assert found.sigma < CERTAIN


def test_only_what_darks_can_show_is_asked():
    names = [("HOT", "DO_NOT_USE"), ("DO_NOT_USE",), ("DEAD", "DO_NOT_USE"), ("OTHER_BAD_PIXEL",), ("LOW_QE",)]
    assert told_by_darks([(i, i, bits_of(some)) for i, some in enumerate(names)]) == [(0, 0), (1, 1), (3, 3)]
