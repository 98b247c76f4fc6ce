"""Two choices, each with names of its own: which engine judges a set, and by whose rules."""

from pathlib import Path

import pytest

from darkmask.core.detectors import Geometry
from darkmask.core.errors import ParameterError
from darkmask.search.choices import search_made
from darkmask.search.engines import search_set
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest


@pytest.mark.parametrize(
    ("engine", "search", "said"),
    [
        ("official", "flight", "There is no engine 'official': use one of native, jwst_reffiles."),
        ("flight", "flight", "There is no engine 'flight': use one of native, jwst_reffiles."),
        ("native", "jwst_reffiles", "There is no search 'jwst_reffiles': use one of flight, official."),
        ("jwst_reffiles", "native", "There is no search 'native': use one of flight, official."),
    ],
)
def test_names_of_one_choice_are_none_of_the_other(engine, search, said):
    with pytest.raises(ParameterError) as raised:
        search_set(SetRequest((), Path("nowhere"), engine, search, SearchParameters(), Geometry()))
    assert str(raised.value) == said


def test_the_published_package_searches_in_its_own_way():
    assert search_made("jwst_reffiles", "flight") == "official"
    assert [search_made("native", search) for search in ("flight", "official")] == ["flight", "official"]
