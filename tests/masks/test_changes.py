"""What has changed between two sets of bad pixels: which came, which went, and which are of another kind."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

from darkmask.core.categories import Category
from darkmask.core.flags import bits_of
from darkmask.masks.changes import changed_pixels, changes, gone_dark, relative_change
from darkmask.masks.kinds import kinds_of_categories

maps = arrays.arrays(bool, (5, 6))


@given(maps, maps, maps)
def test_pixels_that_came_and_went(before, now, where):
    found = changes({"hot": before}, {"hot": now}, where)
    there, here = np.flatnonzero(before & where), np.flatnonzero(now & where)
    came, went = set(here) - set(there), set(there) - set(here)
    if there.size:
        assert (found.appeared, found.disappeared) == (len(came) / there.size, len(went) / there.size)
    else:
        assert (found.appeared, found.disappeared) == (float("inf") if came else 0, 0)
    table = changed_pixels(found)
    for change, pixels in (("appeared", came), ("disappeared", went)):
        rows = table[table["change"] == change]
        assert {int(y) * 6 + int(x) for x, y in zip(rows["x"], rows["y"], strict=True)} == pixels


def test_a_pixel_of_another_kind_neither_came_nor_went():
    hot = np.zeros((4, 4), dtype=bool)
    hot[1, 2] = True
    none = np.zeros_like(hot)
    found = changes({"hot": hot, "rc": none}, {"hot": none, "rc": hot}, ~none)
    assert (found.appeared, found.disappeared) == (0, 0)
    assert found.told() == "hot +0 -1, rc +1 -0"
    (row,) = changed_pixels(found)
    assert (row["x"], row["y"], row["change"], row["before"], row["now"]) == (2, 1, "other kind", "hot", "rc")


def test_kinds_go_by_name_and_not_by_bit():
    """Another version may number categories otherwise."""
    image = np.full((2, 2), 4, dtype=np.uint16)
    assert kinds_of_categories(image, {"hot": 4, "rc": 1})["hot"].all()
    assert not kinds_of_categories(image, {"hot": 4, "rc": 1})["rc"].any()
    assert not any(there.any() for there in kinds_of_categories(np.full((2, 2), Category.WARM.bit)).values())


@pytest.mark.parametrize(
    ("before", "now", "change"), [(4, 5, 0.25), (4, 3, -0.25), (0, 0, 0), (0, 1, float("inf")), (2, 0, -1)]
)
def test_a_relative_change(before, now, change):
    assert relative_change(before, now) == change


@pytest.mark.parametrize(
    ("before", "now", "is_hot", "is_dark"),
    [
        (("HOT", "DO_NOT_USE"), (), True, True),
        # Near the limit; taken out for something else; hot in some integrations alone; switching; good before.
        (("HOT", "DO_NOT_USE"), ("WARM",), True, False),
        (("HOT", "DO_NOT_USE"), ("DEAD", "DO_NOT_USE"), True, False),
        (("HOT", "UNRELIABLE_DARK"), (), False, False),
        (("HOT", "TELEGRAPH"), (), False, False),
        (("WARM",), (), False, False),
    ],
)
def test_hot_pixels_that_have_gone_dark(before, now, is_hot, is_dark):
    then, later = (np.full((2, 3), bits_of(names), np.uint32) for names in (before, now))
    where = np.array([[True, False, True]] * 2)
    hot, dark = gone_dark(then, later, where)
    assert (hot == (where & is_hot)).all()
    assert (dark == (where & is_dark)).all()
