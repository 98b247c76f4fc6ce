"""Rows that are measured apart, as by several machines, make the maps of one process, to the last bit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkmask.core.errors import SearchError
from darkmask.search.maps.combine import combine_rows_of_set, combine_set, join_rows
from tests.search.test_maps import LEVEL, PROPERTIES, assert_same_bits, draw_ramps
from tests.support.raw_exposures import write_exposures


@settings(deadline=None, max_examples=15, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.sampled_from([7, 523]), st.data())
def test_rows_of_several_make_the_maps_of_one(tmp_path_factory, seed, height, data):
    edges = sorted(data.draw(st.sets(st.integers(1, height - 1), max_size=3)))
    folder = tmp_path_factory.mktemp("parts") / "darks"
    exposures = write_exposures(folder, draw_ramps(seed, 4, groups=5, rows=height, columns=8), [range(2), range(2, 4)])
    asked = exposures, folder, PROPERTIES, LEVEL
    parts = [combine_rows_of_set(*asked, rows=rows) for rows in zip([0, *edges], [*edges, height], strict=True)]
    assert_same_bits(combine_set(*asked), join_rows(data.draw(st.permutations(parts))))


def test_rows_that_are_missing_twice_there_or_of_another_set_are_refused(tmp_path):
    exposures = write_exposures(tmp_path / "darks", draw_ramps(1), [range(5)])
    parts = [
        combine_rows_of_set(exposures, tmp_path / "darks", PROPERTIES, LEVEL, rows=rows) for rows in ((0, 3), (3, 7))
    ]
    other = parts[1]._replace(changes=parts[1].changes._replace(times=(1.0, 2.0)))
    for wrong in (parts[:1], parts[1:], [*parts, parts[0]], [parts[0], parts[1]._replace(groups=3)], [parts[0], other]):
        with pytest.raises(SearchError, match="do not make the 7 rows of one set: search the detector again"):
            join_rows(wrong)
