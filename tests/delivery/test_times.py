"""Each integration has the place in time that its headers give it, and none that they do not."""

import numpy as np
import pytest

from darkmask.delivery.times import epochs_of, integration_times, lasting

DAY = 86_400.0
TABLE = np.array(
    [(1, 59_000.1), (2, 59_000.2), (3, 59_000.3), (4, 59_000.4)],
    dtype=[("integration_number", "i4"), ("int_mid_MJD_UTC", "f8")],
)


def test_int_times_say_it():
    assert integration_times({"EXPSTART": 1.0}, TABLE, 4, 1) == (59_000.1, 59_000.2, 59_000.3, 59_000.4)


def test_a_segment_takes_its_own_integrations():
    assert integration_times({}, TABLE, 2, 3) == (59_000.3, 59_000.4)


@pytest.mark.parametrize("wrong", [0.0, np.nan])
def test_a_table_that_telemetry_left_empty_is_not_believed(wrong):
    empty = TABLE.copy()
    empty["int_mid_MJD_UTC"] = wrong
    assert integration_times({}, empty, 4, 1) == ()


def test_an_image_called_like_the_table_says_nothing():
    assert integration_times({}, np.zeros((4, 4)), 4, 1) == ()


def test_without_the_table_the_beginning_and_the_timing_say_it():
    keywords = {"EXPSTART": 59_000.0, "EXPEND": 59_001.0, "NINTS": 2}
    assert integration_times(keywords, None, 2, 1) == (59_000.25, 59_000.75)
    keywords = {"DATE-BEG": "2022-04-12T00:00:00.000", "TGROUP": 10.0, "NGROUPS": 5, "TFRAME": 10.0}
    first, second = integration_times(keywords, None, 2, 1)
    assert np.isclose(first, 59_681 + 30 / DAY, atol=1e-9)
    assert np.isclose(second - first, 60 / DAY, atol=1e-9)


@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"DATE-BEG": "yesterday", "TGROUP": 10.0, "NGROUPS": 5},
        {"EXPSTART": 59_000.0},
        {"TGROUP": 1.0, "NGROUPS": 5},
    ],
)
def test_what_headers_do_not_say_is_not_guessed(keywords):
    assert integration_times(keywords, None, 2, 1) == ()


def test_int_times_say_how_long_an_integration_lasts():
    columns = [("integration_number", "i4"), ("int_start_MJD_UTC", "f8"), ("int_end_MJD_UTC", "f8")]
    table = np.array([(1, 59_000.0, 59_000.1), (2, 59_000.2, 59_000.4), (3, 0.0, 0.0)], dtype=columns)
    assert lasting(table, 1, 1) == pytest.approx(0.1 * DAY)
    assert lasting(table, 2, 2) == pytest.approx(0.2 * DAY)
    assert lasting(table, 1, 3) is lasting(None, 1, 1) is lasting(TABLE, 1, 1) is None


def test_more_than_ten_days_part_epochs():
    np.testing.assert_array_equal(epochs_of([1.0, 2.0, 12.0, 22.5, 23.0]), [0, 0, 0, 1, 1])
