"""A somewhat noisy pixel stays usable: nothing asks for DO_NOT_USE on it, and nothing lets a noisier one off."""

import numpy as np
import pytest

from darkmask.core.categories import USABLE, Category
from darkmask.core.flags import FLIGHT_FLAGS, dq_bits, required_dq
from darkmask.masks.quality import missing_bits

VALUES = {category.bit: FLIGHT_FLAGS.value(category) for category in Category}
NOWHERE = np.zeros((1, 1), bool)


@pytest.mark.parametrize(
    ("categories", "mnemonics", "lacking"),
    [
        (Category.NOISY.bit | USABLE, ("UNRELIABLE_SLOPE",), 0),
        (Category.NOISY.bit | USABLE, (), 1),
        (Category.NOISY.bit, ("UNRELIABLE_SLOPE",), 1),
        (Category.NOISY.bit, ("UNRELIABLE_SLOPE", "DO_NOT_USE"), 0),
        (Category.NOISY.bit | Category.HOT.bit | USABLE, ("UNRELIABLE_SLOPE", "HOT"), 1),
        (Category.NOISY.bit | Category.HOT.bit | USABLE, ("UNRELIABLE_SLOPE", "HOT", "DO_NOT_USE"), 0),
    ],
)
def test_what_lacks_a_flag(categories, mnemonics, lacking):
    image = np.array([[categories]], np.uint16)
    dq = np.array([[dq_bits(*mnemonics) if mnemonics else 0]], np.uint32)
    assert missing_bits(dq, image, VALUES, NOWHERE) == lacking


def test_a_mask_as_the_search_writes_it_lacks_nothing():
    image = np.random.default_rng(1).integers(0, 1 << 16, (64, 64)).astype(np.uint16)
    dq = FLIGHT_FLAGS.to_dq(image)
    assert np.array_equal(dq, required_dq(image, VALUES))
    assert missing_bits(dq, image, VALUES, np.zeros(image.shape, bool)) == 0
