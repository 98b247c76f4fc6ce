"""What a mask's header says that cannot be, and that neither CRDS nor the pipeline minds."""

import pytest
from astropy.io import fits

from darkmask import read_mask
from darkmask.core.detectors import Geometry
from darkmask.masks.header import days_in_flight, header_problems
from tests.support.handmade_masks import FRAME, good_mask


def problems(path) -> list[str]:
    return header_problems(read_mask(path), "NRCA1", Geometry(FRAME))


@pytest.mark.parametrize(
    ("keyword", "value", "said"),
    [
        ("USEAFTER", "2099-01-01T00:00:00", "has USEAFTER 2099-01-01 where a day up to today"),
        (
            "PEDIGREE",
            "INFLIGHT 2010-06-01 2010-07-01",
            "has PEDIGREE INFLIGHT 2010-06-01 2010-07-01 where days of flight",
        ),
        (
            "PEDIGREE",
            "INFLIGHT 2022-06-01 2099-07-01",
            "has PEDIGREE INFLIGHT 2022-06-01 2099-07-01 where days of flight",
        ),
        ("AUTHOR", "", "has AUTHOR without a value"),
        ("DESCRIP", "   ", "has DESCRIP without a value"),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path, keyword, value, said):
    path = good_mask(tmp_path, "NRCA1")
    assert problems(path) == []
    fits.setval(path, keyword, value=value)
    (sentence,) = problems(path)
    assert said in sentence
    assert path.name in sentence


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PEDIGREE", "GROUND"),
        ("PEDIGREE", "INFLIGHT 2021-12-25 2022-07-01"),
        ("USEAFTER", "2014-01-01T00:00:00"),
        # crds.certify says that these are none.
        ("USEAFTER", "some day"),
        ("PEDIGREE", "INFLIGHT later"),
    ],
)
def test_other_dates_are_left_to_those_who_read_them(tmp_path, keyword, value):
    path = good_mask(tmp_path, "NRCA1")
    fits.setval(path, keyword, value=value)
    assert problems(path) == []


@pytest.mark.parametrize(
    ("pedigree", "days"),
    [("INFLIGHT 2022-06-01 2022-07-02", ("2022-06-01", "2022-07-02")), ("GROUND", None), ("INFLIGHT 2022", None)],
)
def test_the_days_of_a_masks_darks_are_those_of_pedigree(tmp_path, pedigree, days):
    path = good_mask(tmp_path, "NRCA1")
    fits.setval(path, "PEDIGREE", value=pedigree)
    assert days_in_flight(read_mask(path)) == days
