"""Flags that darks cannot tell are compared by name, pixel by pixel."""

import numpy as np

from darkmask.core.flags import dq_bits
from darkmask.masks.untold import not_in, shared_unlit_pixels

SCIENCE = np.ones((6, 6), bool)


def mask(**places) -> np.ndarray:
    dq = np.zeros((6, 6), np.uint32)
    for name, (y, x) in places.items():
        dq[y, x] |= dq_bits(name, "DO_NOT_USE")
    return dq


def test_what_another_mask_lacks_is_named_and_counted_once():
    dq = mask(DEAD=(1, 2), LOW_QE=(1, 2), OPEN=(3, 3), RC=(4, 4))
    found = not_in(dq, mask(OPEN=(3, 3)), SCIENCE)
    assert (found.number, found.differing, found.places) == (2, 1, [(2, 1)])
    assert found.flags == {"DEAD": 1, "LOW_QE": 1}


def test_dead_pixels_that_darks_show_to_be_hot_are_none():
    assert not_in(mask(DEAD=(1, 2)), mask(HOT=(1, 2)), SCIENCE).differing == 0


def test_what_is_no_science_pixel_does_not_count():
    assert not_in(mask(DEAD=(1, 2)), mask(), ~SCIENCE).number == 0
    assert shared_unlit_pixels(mask(DEAD=(1, 2)), mask(DEAD=(1, 2)), ~SCIENCE) == (0, 0)


def test_unlit_pixels_of_two_masks():
    assert shared_unlit_pixels(mask(DEAD=(1, 2), OPEN=(2, 2)), mask(LOW_QE=(1, 2)), SCIENCE) == (2, 1)
