"""Groups that are another group again."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from darkmask.search.copied_groups import copied_groups, repeated_noise

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


def measured(number: int, groups: int = 12) -> list[np.ndarray]:
    """Return ramps of noise, dark, a row's own level and hits, of three rows of a small frame."""
    random = np.random.default_rng(11)
    rate = random.exponential(0.5, (3, 128))
    made = []
    for _ in range(number):
        common = random.normal(0, 3, (groups, 3, 1))
        ramp = rate * np.arange(groups)[:, None, None] + common + random.normal(0, 5, (groups, 3, 128))
        ramp += np.cumsum(random.random(ramp.shape) < 0.002, axis=0) * 900.0
        made.append(ramp.astype(np.float32))
    return made


@given(scale=st.floats(0.2, 5), pedestal=st.floats(-500, 500), slope=st.floats(-5, 5), groups=st.integers(3, 20))
def test_no_scale_pedestal_or_rate_hides_whose_noise_it_is(scale, pedestal, slope, groups):
    made = measured(3, groups)
    made.append((made[1] * scale + pedestal + slope * np.arange(groups)[:, None, None]).astype(np.float32))
    names = [*NAMES, "the fourth"]
    assert repeated_noise(made[:3], names) == {}
    (said,) = repeated_noise(made, names).items()
    assert said[0] == 3
    assert f"that of {names[1]} (correlation 1.00)" in said[1]


def test_the_mean_of_two_integrations_is_no_third():
    made = measured(3)
    made.append((made[0] + made[1]) / 2)
    assert list(repeated_noise(made, [*NAMES, "the fourth"])) == [3]


def test_what_has_no_noise_tells_nothing():
    made = measured(2)
    made[0][:] = np.nan
    made[1][:] = 4
    assert repeated_noise(made, NAMES) == {}
    assert repeated_noise([ramp[:2] for ramp in measured(2)], NAMES) == {}
