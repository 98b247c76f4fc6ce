"""Parts that others do give what this process would have made of them, whatever becomes of the others."""

import os
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from darkmask.core import handed
from darkmask.core.errors import DeliveryError
from darkmask.core.handed import Handed, helped_by, number_of_others

PARTS = [(number,) for number in range(9)]


def square(number: int) -> tuple[int, int]:
    time.sleep(0.05)
    return number**2, os.getpid()


def die(_: int) -> int:
    os._exit(1)


def refuse(number: int) -> int:
    raise DeliveryError(f"{number} has changed.")


class Gone(Executor):
    """Takes some parts, does none of them, and then takes no more."""

    def __init__(self):
        self.left, self.taken = 2, []

    def submit(self, _function, /, *_arguments, **_):
        if not self.left:
            raise RuntimeError("nobody is there")
        self.left -= 1
        self.taken.append(Future())
        return self.taken[-1]


def test_without_others_this_process_does_all_parts():
    assert number_of_others() == 0
    assert Handed(square, PARTS).results() == [(number**2, os.getpid()) for (number,) in PARTS]


def test_others_do_some_and_this_process_the_rest():
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(square, 0).result()
        with helped_by(pool, 1):
            assert number_of_others() == 1
            work = Handed(square, PARTS)
            time.sleep(0.1)
            found = work.results()
    assert number_of_others() == 0
    assert [value for value, _ in found] == [number**2 for (number,) in PARTS]
    assert len({process for _, process in found}) == 2


def test_parts_of_others_that_die_are_done_here(monkeypatch):
    monkeypatch.setattr(handed, "_PATIENCE", 0.1)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool, helped_by(pool, 1):
        work = Handed(die, PARTS)
        assert [value for value, _ in work.results(square)] == [number**2 for (number,) in PARTS]


def test_nobody_is_waited_for_who_does_nothing(monkeypatch):
    monkeypatch.setattr(handed, "_PATIENCE", 0.1)
    others = Gone()
    with helped_by(others, 4):
        work = Handed(square, PARTS)
        assert [value for value, _ in work.results()] == [number**2 for (number,) in PARTS]
    assert len(others.taken) == 2
    assert all(future.cancelled() for future in others.taken)


def test_what_a_part_raises_is_raised_here():
    told = pytest.raises(DeliveryError, match=r"\d has changed")
    with ProcessPoolExecutor(1, get_context("spawn")) as pool, helped_by(pool, 1), told:
        Handed(refuse, PARTS).results()
