"""What a mask leaves in each exposure, and what the release alone finds, on the small delivery."""

import numpy as np
import pytest

from darkmask.core.detectors import Geometry
from darkmask.delivery import scan
from darkmask.search.engines import search_set
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest
from darkmask.validation.agreement import confirmed_by_release
from darkmask.validation.residuals import HOT, NOISY, TESTS, count_left, left_in_exposures


@pytest.fixture
def request_of_small(small):
    exposures = scan(small.delivery).main_set("NRCA1", "FULL")
    return SetRequest(exposures, small.delivery, "native", "flight", SearchParameters(), Geometry(128))


def test_good_exposures_leave_next_to_nothing(request_of_small):
    left = left_in_exposures(request_of_small)
    assert [each["name"] for each in left] == [exposure.jump.path for exposure in request_of_small.exposures]
    for kind in (HOT, NOISY):
        assert max(each[kind]["left"] for each in left) <= 1
        assert {each[kind]["beyond"] for each in left} == {0}


def test_pixels_beyond_chance_are_counted_per_million_and_named(request_of_small):
    where = np.zeros((128, 128), bool)
    where[50, 60:70] = True
    judged = np.ones((128, 128), bool)
    judged[50, 60] = False
    found = count_left(where, judged, request_of_small, TESTS[HOT])
    assert found["left"] == 9
    assert found["judged"] == 128**2 - 1
    # Chance makes 3e-7 of the pixels 5 sigma bright: one in five cases of a thousand, two in none of a thousand.
    assert found["chance"] == pytest.approx(2.87e-7 * (128**2 - 1), rel=0.01)
    assert found["beyond"] == pytest.approx(1e6 * 8 / (128**2 - 1))
    assert found["places"][0] == (61, 50)


def test_known_defects_explain_most_of_what_the_release_alone_finds(request_of_small):
    ours = search_set(request_of_small).categories
    found = confirmed_by_release(request_of_small, ours, package=False)["release"]
    explained, unexplained = (sum(found[name].values()) for name in ("explained", "unexplained"))
    assert explained + unexplained == found["only"] > 100
    assert unexplained < 0.001 * 120**2
    # With nothing of ours to grow flags from, no rule explains a saturated pixel, nor a jump as a neighbour's.
    blind = confirmed_by_release(request_of_small, np.zeros_like(ours), package=False)["release"]
    assert not any("saturated" in names for names in blind["explained"])
    assert sum(blind["unexplained"].values()) > 10 * unexplained
