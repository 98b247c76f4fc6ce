"""What hits leave by chance in several integrations of a pixel, told by those that were hit once."""

import numpy as np
import pytest

from darkmask.search.flight.hits import Hits, usual_second

UNIT = 0.01


@pytest.mark.parametrize("together", [2, 3])
@pytest.mark.parametrize("often", [0.002, 0.02])
def test_as_many_pixels_are_hit_together_as_was_asked(together, often):
    random = np.random.default_rng(3)
    shape = (8, 400, 500)
    distances = np.where(random.random(shape) < often, 7 * (1 + random.pareto(1, shape)), 1)
    ordered = np.sort(np.minimum(distances / UNIT, 32_000).astype(np.int16), axis=0)
    good = np.ones(shape[1:], bool)
    hits = Hits.beyond(7.0, ordered[-1], ordered[-2], good, UNIT, 8)
    share = np.mean(ordered[-together] >= max(hits.reach(together, 1e-3), 7.0) / UNIT)
    # Pixels that were hit more than once are not among those that tell: hits seem rarer by the chance of no other one.
    expected = 1e-3 / (1 - often) ** (7 * together)
    assert share <= expected + 3 * np.sqrt(expected / good.size)
    # Where hits are frequent they reach farther than the limit, and no farther than that.
    if together == 2 and often == 0.02:
        assert hits.reach(2, 1e-3) > 7
        assert share > 0.5e-3
    assert hits.reach(together) >= hits.reach(together, 1e-3)


def test_without_hits_nothing_is_reached():
    none = np.zeros((4, 4), np.int16)
    assert Hits.beyond(7.0, none, none, np.ones((4, 4), bool), UNIT, 8).reach(2) == 0


def test_the_usual_second_farthest_of_gaussian_values():
    values = np.random.default_rng(2).standard_normal((8, 50_000))
    second = np.sort(np.abs(values - values.mean(axis=0)), axis=0)[-2]
    assert np.isclose(usual_second(8), np.median(second), rtol=0.02)
