"""Which pixels are flagged SATURATED and are not full: not those around a full one, nor those of the first group."""

import numpy as np
import pytest

from darkmask.build.unfilled import most_unfilled
from darkmask.delivery import OpenSet
from tests.checks.ramp_faults import SATURATED
from tests.support.raw_exposures import fitted, written

GROUPS, FULL = 10, 45_000.0


@pytest.fixture
def ramps() -> tuple[np.ndarray, np.ndarray]:
    sci = np.random.default_rng(2).normal(0, 5, (4, GROUPS, 64, 64)).astype(np.float32)
    return sci, np.zeros(sci.shape, np.uint8)


def found_in(folder, sci: np.ndarray, groupdq: np.ndarray):
    request = written(fitted(sci, groupdq), folder / "darks", [range(2), range(2, 4)])
    science = np.zeros(sci.shape[2:], bool)
    science[4:-4, 4:-4] = True
    with OpenSet(request.exposures, request.folder) as opened:
        return most_unfilled(opened, science)


def test_a_well_that_is_not_full_is_named_with_its_integration(tmp_path, ramps):
    sci, groupdq = ramps
    groupdq[3, 4:, 20, 30] = SATURATED
    groupdq[3, 5:, 40, 50] = SATURATED
    groupdq[1, 5:, 40, 50] = SATURATED
    number, flagged, name, places = found_in(tmp_path, sci, groupdq)
    assert (number, flagged, places) == (2, 2, [(30, 20), (50, 40)])
    assert name.startswith("integration 2 of ")


@pytest.mark.parametrize("around", [1, 5])
def test_what_lies_around_a_full_one_is_flagged_with_it(tmp_path, ramps, around):
    """By one pixel by the saturation step, by some more by the jump step where a snowball fell."""
    sci, groupdq = ramps
    sci[:, 4:, 30, 30] = FULL
    groupdq[:, 4:, 30 - around : 31 + around, 30 - around : 31 + around] = SATURATED
    assert found_in(tmp_path, sci, groupdq).number == 0
    groupdq[0, 4:, 30, 31 + around + 5] = SATURATED
    assert found_in(tmp_path / "more", sci, groupdq).places == [(36 + around, 30)]


def test_a_mean_of_frames_is_flagged_a_group_before_it_is_full(tmp_path, ramps):
    sci, groupdq = ramps
    sci[:, 5:, 30, 30] = FULL
    groupdq[:, 4:, 30, 30] = SATURATED
    assert found_in(tmp_path, sci, groupdq).number == 0


def test_of_the_first_group_a_superbias_may_have_taken_all(tmp_path, ramps):
    sci, groupdq = ramps
    groupdq[:, :, 30, 30] = SATURATED
    assert found_in(tmp_path, sci, groupdq)[:2] == (0, 0)


def test_reads_without_a_value_tell_nothing(tmp_path, ramps):
    sci, groupdq = ramps
    sci[:, 4:, 30, 30] = np.nan
    groupdq[:, 4:, 30, 30] = SATURATED
    assert found_in(tmp_path, sci, groupdq).number == 0
