"""Workers that share a machine share its cores."""

import os

import pytest

from darkmask.core import cores


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setenv(cores.CORES, "")


@pytest.mark.parametrize(("workers", "share"), [(1, 8), (2, 4), (3, 2), (20, 1)])
def test_each_worker_uses_its_share(workers, share):
    assert cores.usable_cores() == 8
    cores.share_cores(workers)
    assert cores.usable_cores() == share


def test_what_a_worker_starts_shares_its_part():
    cores.share_cores(2)
    cores.share_cores(2)
    assert cores.usable_cores() == 2


@pytest.mark.parametrize(("said", "used"), [("3", 3), ("100", 8), ("0", 1), ("many", 8), ("-1", 8)])
def test_a_share_is_never_more_than_there_are(monkeypatch, said, used):
    monkeypatch.setenv(cores.CORES, said)
    assert cores.usable_cores() == used
