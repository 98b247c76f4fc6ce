"""What a bright pixel puts into its neighbours is its own, and no neighbour is bad for it."""

import numpy as np

from darkmask.core.categories import category_names
from darkmask.core.detectors import detector
from darkmask.search.flight.coupling import Coupling
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


def test_a_ramp_that_a_neighbour_ends_early_bends_by_the_noise_of_its_few_differences(tmp_path):
    """The saturation step flags the groups of all that touch a pixel that is full."""
    sci, groupdq = good_ramps(integrations=8, groups=40)
    groupdq[:, 4:, 8:88:3, 8:88:3] = 2
    ramps = fitted(sci, groupdq)
    outcome = search_ramps(ramps, tmp_path / "files")
    assert np.count_nonzero(outcome.categories[8:88:3, 8:88:3]) == 0


def test_columns_are_decoupled_by_the_formula_whatever_part_of_the_frame_they_are():
    """The sum over neighbours leaves out what is no number and what lies beyond the frame, twice."""
    random = np.random.default_rng(4)
    image = random.normal(0, 1, (20, 31)).astype(np.float32)
    image[random.random(image.shape) < 0.05] = np.nan
    image[random.random(image.shape) < 0.02] = np.inf
    y, x = np.array([0, 7, 7, 19]), np.array([0, 10, 11, 30])
    image[y, x] = 500.0
    more = np.array([0.004, -0.002, 0.003, 0.001], np.float32)
    coupling = Coupling(0.01, y, x, more)

    def around(values: np.ndarray) -> np.ndarray:
        wide = np.pad(np.where(np.isfinite(values), values, 0), 1)
        return wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]

    first = (image - 0.01 * around(image)) / 0.96
    own = np.zeros(image.shape)
    own[y, x] = more * first[y, x]
    coupled = 0.01 * around(first) + around(own)
    for columns in (slice(0, 31), slice(0, 11), slice(11, 21), slice(20, 31), slice(30, 31)):
        given, left = coupling.decoupled(image, columns)
        np.testing.assert_allclose(given, coupled[:, columns], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(left, ((image - coupled) / 0.96)[:, columns], rtol=1e-5, atol=1e-6)
