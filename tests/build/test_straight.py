"""Hits are counted where ramps only rise, and found to be flagged or not."""

import numpy as np
import pytest

from darkmask.build.straight import Hits, hits_of, least_flagged

GOOD = np.ones((1, 4), bool)
JUMP, SATURATED = 4, 2


def reads() -> tuple[np.ndarray, np.ndarray]:
    """Return flags (group, 1, x), and differences of a hit, a hot pixel, one that falls again, and one that fills."""
    differences = np.zeros((7, 1, 4))
    differences[3] = [100, 0, 100, 100]
    differences[:, 0, 1] = 100
    differences[5, 0, 2] = -100
    flags = np.zeros((8, 1, 4), np.uint8)
    flags[6:, 0, 3] = SATURATED
    return flags, differences


def test_a_hit_is_a_step_of_a_ramp_that_does_not_fall():
    flags, differences = reads()
    assert hits_of(flags, differences, GOOD, 5.0) == Hits(1, 0)
    flags[4, 0, 0] = JUMP
    assert hits_of(flags, differences, GOOD, 5.0) == Hits(1, 1)
    flags[4, 0, 0], flags[5, 0, 0] = 0, JUMP
    assert hits_of(flags, differences, GOOD, 5.0) == Hits(1, 0)


@pytest.mark.parametrize("noise", [0.0, float("nan"), 50.0])
def test_without_a_noise_that_tells_nothing_is_counted(noise):
    assert hits_of(*reads(), GOOD, noise) == Hits(0, 0)


def test_the_integration_with_fewest_flags_is_named_and_few_hits_tell_together():
    names = ["one", "two", "three"]
    assert least_flagged([Hits(30, 30), Hits(40, 10), Hits(3, 0)], names) == (10, 40, "two")
    assert least_flagged([Hits(8, 8), Hits(8, 7), Hits(8, 8)], names) == (23, 24, "all integrations")
    assert least_flagged([Hits(1, 1)] * 3, names) is None
