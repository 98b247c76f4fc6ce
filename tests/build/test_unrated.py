"""Rates that no fit made, and ramps whose rate was taken out, in a delivery that was changed for it."""

import numpy as np

from darkmask.build.unrated import ramps_without_a_rate, rates_without_a_ramp
from darkmask.search.engines import search_set
from tests.checks.planting import Workspace, every_exposure, first_of, one_in
from tests.support.requests import flight_request

SATURATED, DO_NOT_USE = 2, 1


def test_of_a_good_delivery_nothing_is_said_though_pixels_are_full(small):
    request = flight_request(small.delivery)
    maps = search_set(request).maps
    assert np.asarray(maps.saturated_first).max() > 0
    assert rates_without_a_ramp(request, maps) == []
    assert ramps_without_a_rate(request, maps) == (0, [])


def test_what_was_put_in_and_what_was_taken_out(small, tmp_path):
    space = Workspace(small, small.base, tmp_path)
    chosen = np.argwhere(first_of(one_in(19, (128, 128)), 6))
    (full_y, full_x), (out_y, out_x), (told_y, told_x) = chosen[1], chosen[3], chosen[5]
    for number, ramps in enumerate(every_exposure(space.delivery)):
        ramps.groupdq[:, :, full_y, full_x] |= SATURATED
        if number == 2:
            ramps.rate[0, out_y, out_x] = np.nan
            ramps.rate_dq[0, out_y, out_x] |= DO_NOT_USE
        # What PIXELDQ takes out has no rate by that.
        ramps.pixeldq[told_y, told_x] |= DO_NOT_USE
        ramps.rate[:, told_y, told_x] = np.nan
        ramps.rate_dq[:, told_y, told_x] |= DO_NOT_USE
    request = flight_request(space.delivery)
    maps = search_set(request).maps
    assert rates_without_a_ramp(request, maps) == [(full_x, full_y)]
    assert ramps_without_a_rate(request, maps) == (1, [(out_x, out_y)])
