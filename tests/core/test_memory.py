"""A budget of memory decides how much is done side by side, and is refused where one piece takes more."""

import pytest

from darkmask.core.errors import CommandError
from darkmask.core.memory import at_once, available_memory, gigabytes


@pytest.mark.parametrize(
    ("need", "most", "budget", "pieces"),
    [(1e9, 4, 8e9, 4), (1e9, 4, 3.9e9, 3), (1e9, 4, 1e9, 1), (1.0, 2, None, 2), (1e18, 4, None, 1)],
)
def test_as_many_as_fit(need, most, budget, pieces):
    assert at_once(need, most, budget, "a piece") == pieces


def test_a_budget_that_one_piece_does_not_fit_into_says_what_it_takes():
    with pytest.raises(CommandError) as raised:
        at_once(1.9e9, 2, 1e9, "one detector")
    assert str(raised.value) == "--memory=1 is too little: one detector takes up to 1.9 GB; give at least that."


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "4 GB", "much"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(CommandError, match="is no amount of memory: give a number of GB, more than 0"):
        gigabytes(text)


def test_a_gigabyte_is_a_thousand_million_bytes_and_some_are_free():
    assert gigabytes("1.5") == 1.5e9
    assert 1e7 < available_memory() < 1e14
