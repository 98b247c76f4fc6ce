"""A defect of the release explains a pixel only when the release's own test passes it without that defect."""

import numpy as np
import pytest

from darkmask.core.categories import Category
from darkmask.search.engines import search_set
from darkmask.simulate import DemoPaths, SimulationSpec, read_truth, simulate_delivery
from darkmask.validation.agreement import confirmed_by_release
from tests.checks.planting import every_exposure
from tests.support.requests import flight_request

FRAME, COLUMNS = 128, [20, 52, 84, 116]
Y, X = np.indices((FRAME, FRAME))


def release(folder, forgotten: np.ndarray) -> dict:
    """Return what is said of the release's pixels when our search has forgotten some of its own."""
    request = flight_request(folder)
    ours = search_set(request).categories
    assert (ours[forgotten] != 0).all()
    ours[forgotten] = 0
    return confirmed_by_release(request, ours, package=False)["release"]


def wandering_columns(folder, noisy: np.ndarray) -> None:
    """Plant columns whose level wanders by 15 DN with a memory of ten groups, and pixels with noise of their own."""
    random = np.random.default_rng(4)
    where = np.nonzero(noisy)
    for ramps in every_exposure(folder):
        integrations, groups = ramps.sci.shape[:2]
        level = np.empty((integrations, groups, len(COLUMNS)))
        level[:, 0] = random.normal(0, 15, (integrations, len(COLUMNS)))
        kept = np.exp(-0.1)
        for g in range(1, groups):
            step = random.normal(0, 15 * np.sqrt(1 - kept**2), (integrations, len(COLUMNS)))
            level[:, g] = kept * level[:, g - 1] + step
        ramps.add_levels(np.s_[4 : FRAME - 4, COLUMNS], level[:, :, None])
        ramps.add_levels(where, random.normal(0, 60, (integrations, groups, where[0].size)))


def glow(folder, noisy: np.ndarray) -> None:
    """Plant what a large hit in the second exposure leaves in 300 pixels, some of which have noise of their own."""
    random, where = np.random.default_rng(5), np.nonzero(noisy)
    patch = (Y - 64) ** 2 + (X - 64) ** 2 < 10**2
    number = -3
    for ramps in every_exposure(folder):
        integrations, groups = ramps.sci.shape[:2]
        for i in range(integrations):
            number += 1
            if number > 0:
                ramps.add_signal(patch, 0.15 / number, np.s_[i : i + 1])
        ramps.add_levels(where, random.normal(0, 60, (integrations, groups, where[0].size)))


@pytest.mark.parametrize(
    ("plant", "noisy"),
    [
        (wandering_columns, np.isin(X, COLUMNS) & (Y % 12 == 10)),
        (glow, ((Y - 64) ** 2 + (X - 64) ** 2 < 9**2) & (Y % 4 == 0) & (X % 4 == 0)),
    ],
)
def test_what_good_pixels_share_is_explained_and_noise_of_their_own_is_not(small, tmp_path, plant, noisy):
    folder = small.copy(tmp_path, "darks")
    plant(folder, noisy)
    found = release(folder, noisy)
    unexplained = sum(found["unexplained"].values())
    assert sum(found["explained"].values()) > 200
    assert 0.9 * noisy.sum() <= unexplained <= noisy.sum() + 7


@pytest.mark.slow
def test_the_bend_of_an_rc_pixel_makes_no_rc_pixels_of_its_neighbours(tmp_path):
    """In forty groups the jump step flags the first ten of an rc pixel, and of the four that touch it."""
    fractions = {Category.RC: 0.004, Category.SATURATED: 0.001, Category.HOT: 0.001}
    spec = SimulationSpec(
        seed=3,
        frame=96,
        detectors=("NRCB1",),
        subarrays=(),
        exposures=5,
        integrations=1,
        groups=40,
        fractions=fractions,
    )
    darks = tmp_path / "darks"
    simulate_delivery(darks, spec, progress=False)
    request = flight_request(darks, "NRCB1", 96)
    ours = search_set(request).categories
    truth = read_truth(DemoPaths.of(darks).truth, "NRCB1")
    rc = truth[truth["category"] == "rc"]
    found = confirmed_by_release(request, ours, package=False)["release"]
    of_neighbours = sum(number for names, number in found["explained"].items() if names.startswith("rc,"))
    assert of_neighbours > 10
    assert not any(names.startswith("rc") for names in found["unexplained"])
    # A pixel whose own ramp bends is explained by nothing.
    strong = rc[np.argsort(rc["strength"])[-5:]]
    ours[strong["y"], strong["x"]] = 0
    left = confirmed_by_release(request, ours, package=False)["release"]["unexplained"]
    assert sum(number for names, number in left.items() if names.startswith("rc")) >= 5
