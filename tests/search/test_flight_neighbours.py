"""What a bright pixel puts into its neighbours is its own, and no neighbour is bad for it."""

import numpy as np

from darkmask.core.detectors import detector
from darkmask.core.flags import category_names
from tests.support.raw_exposures import TGROUP, fitted, good_ramps, search_ramps

NRCA1 = detector("NRCA1")
SIDES = ((-1, 0), (1, 0), (0, -1), (0, 1))


def put(sci: np.ndarray, y: int, x: int, rate: float, share: float) -> None:
    """Add a pixel of so many e-/s that puts this share of them into each of its neighbours."""
    ramp = rate * TGROUP / NRCA1.gain * np.arange(sci.shape[1])
    sci[:, :, y, x] += ramp * (1 - 4 * share)
    for dy, dx in SIDES:
        sci[:, :, y + dy, x + dx] += ramp * share


def test_a_pixel_may_couple_by_more_or_less_than_is_published(tmp_path):
    sci, groupdq = good_ramps(integrations=8)
    for x, times in ((15, 0.0), (35, 0.6), (55, 1.4), (75, 1.8)):
        put(sci, 48, x, 400.0, times * NRCA1.ipc)
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    found = np.argwhere(outcome.categories)
    assert found.tolist() == [[48, x] for x in (15, 35, 55, 75)]
    beside = np.array([outcome.rate[48 + dy, x + dx] for x in (15, 35, 55, 75) for dy, dx in SIDES])
    assert np.abs(beside).max() < 0.1  # e-/s, of which coupling by the published number would leave 2


def test_neighbours_that_are_hot_themselves_are_hot_beside_any_pixel(tmp_path):
    """Two of four that take on more than the others do so by themselves."""
    sci, groupdq = good_ramps(integrations=8)
    put(sci, 48, 30, 400.0, 1.3 * NRCA1.ipc)
    put(sci, 48, 31, 1.5, NRCA1.ipc)
    put(sci, 49, 30, 1.5, NRCA1.ipc)
    # On the edge of the science area, where one neighbour is a reference pixel, and across that of an amplifier.
    put(sci, 4, 60, 400.0, 1.3 * NRCA1.ipc)
    put(sci, 70, 23, 400.0, 1.3 * NRCA1.ipc)
    put(sci, 70, 24, 1.5, NRCA1.ipc)
    outcome = search_ramps(fitted(sci, groupdq), tmp_path / "files")
    called = {(y, x): category_names(int(outcome.categories[y, x])) for y, x in np.argwhere(outcome.categories)}
    assert called == dict.fromkeys([(4, 60), (48, 30), (48, 31), (49, 30), (70, 23), (70, 24)], "hot")
