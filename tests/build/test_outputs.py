"""What the pixels of an output do as one: patterns of reads made by hand, and resets and steps of a delivery."""

import numpy as np
import pytest

from darkmask.build.dark import unsettled
from darkmask.build.outputs import pattern_noise, reset_levels
from darkmask.build.steps import steps_of
from tests.checks.planting import Workspace, every_exposure
from tests.support.requests import flight_request


def request_of(folder):
    request = flight_request(folder)
    return request, ~request.reference_pixels()


def test_a_good_delivery_has_none_of_it(small):
    request, good = request_of(small.delivery)
    steps = steps_of(request, good)
    assert max(pattern_noise(steps.patterns)) < 0.6
    assert unsettled(steps.medians).size < 0.3
    assert reset_levels(request, good, request.amplifiers())[0] < 5


def test_rows_that_alternate_are_told_from_columns(small, tmp_path):
    space, random = Workspace(small, small.base, tmp_path), np.random.default_rng(3)
    for ramps in every_exposure(space.delivery):
        ramps.sci[:, :, ::2] += random.normal(0, 3, (*ramps.sci.shape[:2], 1, 1)).astype(np.float32)
    columns, rows = pattern_noise(steps_of(*request_of(space.delivery)).patterns)
    assert columns < 0.6
    assert rows == pytest.approx(3, rel=0.2)


def test_a_level_of_one_parity_and_amplifier_is_told(small, tmp_path):
    space = Workspace(small, small.base, tmp_path)
    for number, ramps in enumerate(every_exposure(space.delivery), 1):
        if number == 4:
            ramps.pedestal[1, :, 33:64:2] += 30
    request, good = request_of(space.delivery)
    apart, name = reset_levels(request, good, request.amplifiers())
    assert apart == pytest.approx(30, abs=5)
    assert name == "integration 2 of jw01062001001_02101_00004_nrca1_jump.fits"


def test_a_step_is_told_from_what_settles():
    random = np.random.default_rng(7)
    group = np.arange(20)
    settling = np.diff(-30 * np.exp(-group / 3)) + 0.4
    steps = settling + random.normal(0, 0.2, (10, 4, 19))
    assert unsettled(steps).size < 0.3
    one = steps.copy()
    one[7, 2, 5] -= 12
    assert (unsettled(one).group, unsettled(one).integration) == (7, 7)
    assert 10 < unsettled(one).size < 12
    steps[:, :, 12] += 9
    found = unsettled(steps)
    assert (found.group, found.integration) == (14, None)
    assert 6 < found.size < 9
    assert unsettled(steps[:4]) is None
    assert unsettled(steps[:, :, :4]) is None


def test_without_reads_nothing_is_told():
    assert pattern_noise(np.empty((10, 0, 2, 8))) is None
    assert pattern_noise(np.full((10, 4, 2, 8), np.nan)) is None
