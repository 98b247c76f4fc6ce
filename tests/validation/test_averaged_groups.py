"""What is measured of a good delivery says the same where groups average frames and ramps are long."""

import numpy as np
import pytest

from darkmask.build.measurements import measure_set, of_all_pixels
from darkmask.build.of_files import measure_files
from darkmask.core.detectors import READOUT_PATTERNS, detector
from darkmask.search.engines import search_set
from darkmask.search.structures import wandering_columns
from darkmask.simulate import DemoPaths, SimulationSpec, read_truth, simulate_delivery
from darkmask.simulate.registry import REALISTIC
from darkmask.validation.agreement import confirmed_by_release
from darkmask.validation.residuals import left_in_exposures
from darkmask.validation.standing import NOISY
from tests.support.requests import flight_request

FRAME = 128


@pytest.fixture(scope="module", params=[("NRCA1", "MEDIUM8", 30), ("NRCALONG", "DEEP8", 20)], ids=lambda p: p[0])
def searched(request, tmp_path_factory):
    """Return the request and the outcome of a search of good darks of averaged frames."""
    name, readpatt, groups = request.param
    folder = tmp_path_factory.mktemp("averaged") / "darks"
    spec = SimulationSpec(
        seed=51, frame=FRAME, detectors=(name,), subarrays=(), exposures=6, integrations=2, groups=groups,
        readpatt=readpatt, effects=dict(REALISTIC),
    )  # fmt: skip
    simulate_delivery(folder, spec, workers=1, progress=False)
    asked = flight_request(folder, name, FRAME)
    return asked, search_set(asked)


@pytest.mark.slow
def test_the_release_has_a_known_defect_where_it_alone_calls_a_pixel_bad(searched):
    """Columns that move have jumps in all of their pixels, and hits lie beside jumps and within frames of a group."""
    request, outcome = searched
    wandering = wandering_columns(outcome.structures)
    found = confirmed_by_release(request, outcome.categories, package=False, wandering=wandering)["release"]
    assert found["only"] > 300
    assert sum(found["unexplained"].values()) <= 5
    # What is noisy by itself is explained by nothing.
    truth = read_truth(DemoPaths.of(request.folder).truth, request.detector)
    noisy = truth[truth["category"] == "noisy"]
    ours = outcome.categories.copy()
    ours[noisy["y"], noisy["x"]] = 0
    blind = confirmed_by_release(request, ours, package=False, wandering=wandering)["release"]
    assert sum(blind["unexplained"].values()) >= 0.8 * len(noisy) > 5


@pytest.mark.slow
def test_a_pixel_that_is_somewhat_noisy_is_left_by_a_mask_and_stands_out_nowhere(searched):
    request, outcome = searched
    nowhere = np.zeros(request.shape, bool)
    left = left_in_exposures(request, nowhere, outcome.lights, wandering_columns(outcome.structures))
    assert sum(exposure[NOISY]["left"] for exposure in left) <= 1


@pytest.mark.slow
def test_reference_pixels_of_a_column_that_wanders_do_not_switch(searched):
    _, outcome = searched
    wandering = wandering_columns(outcome.structures)
    assert wandering
    assert outcome.reference.switching[:, wandering].sum() <= 1


@pytest.mark.slow
def test_bright_pixels_are_steady_and_beside_them_none_is_stuck_and_noise_is_as_expected(searched):
    request, outcome = searched
    measured = measure_set(request, outcome, of_all_pixels(request, outcome))
    measured |= measure_files(request, outcome.categories)
    assert measured["quiet_pixels"] == []
    assert all(0.8 < each < 1.25 for each in measured["least_aligned"].brightness.values())
    expected = detector(request.detector).difference_noise(
        measured["readpatt"], measured["tgroup"], measured["dark_dn_per_s"]
    )
    noises = [each["difference_noise_dn"] / expected for each in measured["amplifiers"]]
    assert max(noises) < 1.2, noises


@pytest.mark.parametrize("readpatt", ["RAPID", "MEDIUM2", "MEDIUM8", "DEEP8"])
def test_charge_that_comes_while_frames_are_read_shows_in_some_of_them(readpatt):
    """Drawn charge of 200,000 pixels, without read noise: its noise is known to a quarter of a per cent."""
    pattern, properties, rate, pixels = READOUT_PATTERNS[readpatt], detector("NRCALONG"), 3.0, 200_000
    frames = pattern.nframes + pattern.groupgap
    charge = np.random.default_rng(1).poisson(rate * properties.gain * 10 / frames, (2 * frames, pixels)).cumsum(axis=0)
    groups = charge.reshape(2, frames, pixels)[:, : pattern.nframes].mean(axis=1) / properties.gain
    measured = np.diff(groups, axis=0).var()
    by_reads, with_charge = (properties.difference_noise(readpatt, 10, each) ** 2 for each in (0.0, rate))
    assert measured == pytest.approx(with_charge - by_reads, rel=0.02)
