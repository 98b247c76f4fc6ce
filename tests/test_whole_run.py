"""What ``python -m tests`` measures."""

import pytest

from tests.__main__ import command


def test_a_whole_run_is_measured():
    assert "--cov" in command(["-n", "2", "-W", "error"], (3, 12))


def test_where_measuring_is_dear_it_is_left_out():
    assert "--cov" not in command(["-n", "2"], (3, 11))


@pytest.mark.parametrize("option", ["-k", "-m", "tests/search", "--lf", "--ignore=tests/checks"])
def test_a_selection_cannot_reach_the_floor(option):
    assert "--cov" not in command(["-n", "2", option], (3, 14))
