"""The dark current of good pixels is told without what settles after a reset, and its error is what it varies by."""

import numpy as np
import pytest

from darkmask.build.dark import dark_current
from darkmask.build.of_files import measure_files
from darkmask.core.detectors import detector as look_up
from darkmask.delivery.quality import median_rates
from darkmask.search.engines import search_set
from tests.checks.detector_faults import add_settling
from tests.checks.planting import every_exposure
from tests.support.requests import flight_request

TGROUP, GROUPS = 10.73677, 20
GROUP = np.arange(GROUPS)
SLOPE = (GROUP - GROUP.mean()) / ((GROUP - GROUP.mean()) ** 2).sum()


def drawn(random, rate: float, amplitudes, constant: float, integrations: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Return median rates (DN/s) and median group differences of integrations that wander as one, by 1 DN a group."""
    level = np.asarray(amplitudes)[:, None] * -np.exp(-(GROUP + 1) / constant)
    shared = random.normal(0, 1.0, (integrations, 1, GROUPS)).cumsum(axis=2) * 0.3
    ramps = rate * TGROUP * GROUP + level + shared + random.normal(0, 0.2, (integrations, len(amplitudes), GROUPS))
    return (ramps @ SLOPE).mean(axis=1) / TGROUP, np.diff(ramps, axis=2)


@pytest.mark.parametrize("amplitudes", [(30.0, 15.0, 20.0, 25.0), (-20.0, -15.0, 0.0, -25.0), (0.0, 0.0, 0.0, 0.0)])
def test_what_settles_is_taken_off_with_an_honest_error(amplitudes):
    random = np.random.default_rng(5)
    found = [dark_current(*drawn(random, 0.016, amplitudes, 1.4), TGROUP) for _ in range(60)]
    added = -np.mean(amplitudes) * (SLOPE @ np.exp(-(GROUP + 1) / 1.4)) / TGROUP
    pulls = np.array([(one.rate - 0.016) / one.error for one in found])
    assert abs(pulls.mean()) < 0.5
    assert 0.7 < pulls.std() < 1.5
    assert np.abs(pulls).max() < 4
    settling = np.array([one.settling for one in found])
    assert settling.mean() == pytest.approx(added, abs=3 * settling.std() / np.sqrt(len(found)))
    assert np.median([one.error for one in found]) < 0.01
    first = np.array([one.start for one in found])
    most = amplitudes[int(np.argmax(np.abs(amplitudes)))] * np.exp(-1 / 1.4)
    assert np.median(first) == pytest.approx(most, abs=4 + 0.1 * abs(most))


def test_the_error_shows_what_all_pixels_of_an_integration_share():
    random = np.random.default_rng(3)
    good = np.ones((50, 50), bool)
    good[0] = False
    offsets = random.normal(0, 0.01, 20)
    rates = [random.normal(0.5 + offset, 0.05, good.shape).astype(np.float32) for offset in offsets]
    for rate in rates:
        rate[0] = 1e6  # not good
        rate[5, 5] = np.nan
    medians = median_rates(iter(rates), good)
    # Too few groups to tell settling from a slope.
    few = np.zeros((20, 4, 4))
    found = dark_current(medians, few, TGROUP)
    assert found.rate == pytest.approx(0.5 + offsets.mean(), abs=0.001)
    assert found.error == pytest.approx(0.01 / np.sqrt(20), rel=0.35)
    assert found.settling == 0
    assert np.isnan(dark_current(medians[:4], few[:4], TGROUP)).all()
    # Copies of one integration say nothing of the error, and the order of integrations nothing at all.
    assert np.isnan(dark_current(np.full(20, medians[0]), few, TGROUP)).all()
    steps = random.normal(0, 1, (20, 4, 19))
    assert dark_current(medians[::-1], steps[::-1], TGROUP) == dark_current(medians, steps, TGROUP)


def test_a_delivery_that_settles_has_the_dark_current_of_one_that_does_not(small, tmp_path):
    settled = small.copy(tmp_path, "darks")
    for ramps in every_exposure(settled, "NRCBLONG"):
        add_settling(ramps)
    measured = []
    for folder in (small.delivery, settled):
        request = flight_request(folder, "NRCBLONG")
        measured.append(measure_files(request, search_set(request).categories))
    before, after = (1000 * look_up("NRCBLONG").gain * one["dark_dn_per_s"] for one in measured)
    error = 1000 * look_up("NRCBLONG").gain * measured[1]["dark_error_dn_per_s"]
    assert 1000 * look_up("NRCBLONG").gain * measured[1]["settling_dn_per_s"] > 40
    assert abs(after - before) < 3 * error < 20
