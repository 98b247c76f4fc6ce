"""What settling is said to add to the rates of good pixels is no more than these have."""

import numpy as np

from darkmask.search.flight.background import measure_settling

GROUPS, SHARE, SIZE = 20, 4, 64


def measured(amplitude: float, dark: float, bend: float = 0.0):
    """Measure ramps that settle as an exponential, with a bend besides that no exponential made."""
    random = np.random.default_rng(2)
    group = np.arange(GROUPS)
    ramp = dark * group - amplitude * np.exp(-group / 3) + bend * np.clip(5 - group, 0, None) / -5
    reads = ramp[:, None, None] + random.normal(0, 2, (GROUPS, SIZE, SIZE))
    steps = np.diff(reads, axis=0)
    weights = (group - group.mean()) / ((group - group.mean()) ** 2).sum()
    rate = np.einsum("g,gyx->yx", weights, reads)
    shape = (steps[:SHARE].sum(axis=0) - steps[-SHARE:].sum(axis=0)) / SHARE
    images = (image.astype(np.float32) for image in (rate, reads[-1] - reads[0], shape))
    return measure_settling(*images, np.ones((SIZE, SIZE), bool), GROUPS, SHARE), float(np.median(rate))


def test_what_settles_is_measured_beside_dark_current():
    found, median = measured(30.0, 2.0)
    without, dark = measured(0.0, 2.0)
    assert abs(without.common) < 0.05
    assert abs(found.common - (median - dark)) < 0.1


def test_no_more_is_taken_off_than_there_is():
    """Ramps that bend by more than their rates: without a limit the dark current would lie below zero."""
    found, median = measured(0.0, -0.35, bend=30.0)
    assert 0 < median < 1
    assert found.common <= median + 1e-3
    below, _ = measured(30.0, -2.0)
    assert below.common == 0
