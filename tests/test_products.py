"""What the fixtures hand to checks."""

import traceback

import pytest

from darkmask.core.errors import SearchError
from darkmask.search.parameters import SearchParameters
from fixtures.criteria import load_criteria
from fixtures.products import Products
from fixtures.settings import Settings


def test_a_problem_told_to_every_check_is_not_told_at_more_length_each_time():
    """pytest formats the whole traceback for every check that fails: a hundred of them took half a minute."""
    products = Products(Settings(load_criteria("demo"), SearchParameters(), ("NRCA1",), "native", "flight"), None)
    lengths = []
    for _ in range(5):
        with pytest.raises(SearchError, match="There is no delivery to search") as caught:
            products.mask("NRCA1")
        lengths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert len(set(lengths[1:])) == 1
