"""Pixels that are hot in integrations of which the pipeline gives no rate are found, and their neighbours are good."""

import numpy as np
import pytest

from darkmask.delivery.plain import Ramps
from tests.support.called import CENTRE, named, rising, unusable
from tests.support.raw_exposures import TGROUP, fitted, good_ramps, search_ramps


def hot_at_times(rate: float, *integrations: int) -> Ramps:
    """Return good pixels, one of which is hot in some integrations; all of its groups are flagged there.

    The jump step compares the groups of all integrations of an exposure, and the ramp fit then gives no rate.
    """
    sci, groupdq = good_ramps(integrations=10)
    y, x = CENTRE
    for i in integrations:
        sci[i, :, y, x] += rising(rate, 20)
        groupdq[i, 1:, y, x] = 4
    full = sci[:, :, y, x] > 50_000
    sci[:, :, y, x][full] = 50_000
    groupdq[:, :, y, x][full] = 2
    ramps = fitted(sci, groupdq)
    ramps.rate[list(integrations), y, x] = np.nan
    return ramps


def test_a_pixel_that_fills_its_well_in_some_integrations_is_intermittent_and_hot(tmp_path):
    """The pipeline gives no rate there, and from the other integrations alone it would be good."""
    outcome = search_ramps(hot_at_times(800.0, 2, 5, 6), tmp_path / "files")
    assert named(outcome, *CENTRE) == "hot,intermittent"
    assert np.count_nonzero(unusable(outcome)) == 1


def test_a_pixel_that_two_snowballs_fill_is_good(tmp_path):
    """Up to there each ramp has a rate."""
    sci, groupdq = good_ramps(integrations=10)
    for i, group in ((3, 8), (7, 12)):
        sci[(i, slice(group, None), *CENTRE)] = 60_000
        groupdq[(i, slice(group, None), *CENTRE)] = 2
    ramps = fitted(np.where(groupdq == 2, np.nan, sci), groupdq)
    ramps.sci[groupdq == 2] = 60_000
    quiet = np.where(groupdq[:, :, CENTRE[0], CENTRE[1]] == 2, np.nan, sci[:, :, CENTRE[0], CENTRE[1]])
    for i in range(10):
        known = np.isfinite(quiet[i])
        ramps.rate[(i, *CENTRE)] = np.polyfit(np.arange(20)[known], quiet[i][known], 1)[0] / TGROUP
    assert named(search_ramps(ramps, tmp_path / "files"), *CENTRE) == ""


def test_a_hit_where_every_group_is_flagged_makes_no_neighbour_intermittent(tmp_path):
    """The neighbours of a pixel that is hot at times have its flags, and two hits among few flags are told as hits."""
    ramps = hot_at_times(6.0, 2, 5, 6)
    y, x = CENTRE[0] + 1, CENTRE[1]
    ramps.groupdq[[2, 5, 6], 1:, y, x] = 4
    ramps.rate[[2, 5, 6], y, x] = np.nan
    for i, groups in ((5, (7,)), (8, (4, 15))):
        for group in groups:
            ramps.sci[i, group:, y, x] += 2000
            ramps.groupdq[i, group, y, x] = 4
    outcome = search_ramps(ramps, tmp_path / "files")
    assert named(outcome, *CENTRE) == "hot,intermittent"
    assert np.count_nonzero(unusable(outcome)) == 1


@pytest.mark.parametrize("rate", [2.0, 6.0, 40.0])
def test_a_pixel_that_is_hot_in_one_integration_of_every_exposure_is_found(tmp_path, rate):
    """The jump step flags every group of both, and those of the neighbours, so that none of these has any rate."""
    sci, groupdq = good_ramps(integrations=10)
    y, x = CENTRE
    sci[::2, :, y, x] += rising(rate, 20)
    cross = [(y, x), (y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
    for place in cross:
        groupdq[(slice(None), slice(1, None), *place)] = 4
    ramps = fitted(sci, groupdq)
    for place in cross:
        ramps.rate[(slice(None), *place)] = np.nan
    outcome = search_ramps(ramps, tmp_path / "files")
    assert named(outcome, *CENTRE) == "hot,intermittent"
    assert np.count_nonzero(unusable(outcome)) == 1
    assert {named(outcome, *place) for place in cross[1:]} == {"undetermined"}
