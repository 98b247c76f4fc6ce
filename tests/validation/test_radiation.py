"""What hits leave in the ramps of pixels, and how many of them a kind of pixels has."""

import numpy as np

from darkmask.validation.radiation import hits_in, radiation_in
from tests.checks.beside_darks_faults import more_hits
from tests.checks.planting import Workspace, every_exposure, one_in
from tests.support.requests import flight_request


def test_a_hit_is_a_rise_within_one_group():
    """A hit in each of two integrations, one that is no larger than noise, a rate, a fall, and no value."""
    signals = np.random.default_rng(5).normal(0, 5, (3, 12, 6)).astype(np.float32)
    signals[0, 4:, 0] += 900
    signals[2, 7:, 0] += 400
    signals[1, 3:, 1] += 60
    signals[:, :, 2] += 20 * np.arange(12)[:, None].T
    signals[1, 5:, 3] -= 900
    signals[1, 5:, 4] = np.nan
    assert hits_in(signals).tolist() == [2, 0, 0, 0, 0, 0]


def test_pixels_that_gather_no_charge_have_no_hits(small, tmp_path):
    """Half of the pixels of a pattern are dead: their hits are not there, though their neighbours are flagged."""
    space = Workspace(small, small.base, tmp_path)
    chosen = one_in(16, (128, 128), 5)
    dead, alive = chosen & (np.indices(chosen.shape)[0] < 64), chosen & (np.indices(chosen.shape)[0] >= 64)
    more_hits(space, spared=dead)
    for ramps in every_exposure(space.delivery):
        steps = np.diff(ramps.sci[:, :, dead], axis=1)
        ramps.sci[:, 1:, dead] -= np.where(steps > 150, steps, 0).cumsum(axis=1)
    # What is hot in this delivery is no good pixel.
    good = np.ones((128, 128), bool)
    for ramps in every_exposure(space.delivery):
        good &= (np.diff(ramps.sci, axis=1) > 150).sum(axis=(0, 1)) < 3
    request = flight_request(space.delivery)
    good &= ~request.reference_pixels()
    of_dead, of_alive = radiation_in(request, dead, good), radiation_in(request, alive, good)
    assert of_dead.hits == 0
    assert of_dead.places == []
    assert of_dead.expected > 10
    assert 0.6 < of_alive.hits / of_alive.expected < 1.6
    assert all(alive[y, x] for x, y in of_alive.places)
