"""Groups that are another group again."""

import numpy as np

from darkmask.search.copied_groups import copied_groups

NAMES = ["integration 1 of a", "integration 2 of a", "integration 1 of b"]


def ramps() -> np.ndarray:
    """Return noise, float32 (integration, group, row, x), with a row that is full to the end in all integrations."""
    made = np.random.default_rng(8).normal(0, 7, (3, 10, 4, 64)).astype(np.float32)
    made[:, :, 3] = 60_000
    return made


def test_noise_and_full_rows_are_no_copies():
    assert copied_groups(ramps(), NAMES) == {}


def test_each_integration_is_told_with_its_first_copied_group():
    made = ramps()
    made[1, 4] = made[1, 3]
    made[1, 8] = made[1, 7]
    made[2, 6, 1] = made[0, 2, 1]
    assert copied_groups(made, NAMES) == {
        1: "integration 2 of a was altered: group 5 of its ramp is group 4 of its ramp again",
        2: "integration 1 of b was altered: group 7 of its ramp is group 3 of the ramp of integration 1 of a again",
    }


def test_rows_of_another_place_are_not_compared():
    made = ramps()
    made[1, 4, 0] = made[1, 4, 2]
    assert copied_groups(made, NAMES) == {}
