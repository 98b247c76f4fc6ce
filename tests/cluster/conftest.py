"""Workers that were started by hand, each with a cache of its own as on a machine of its own."""

import os

import pytest

from darkmask.core.cache_folder import cache_root
from tests.support.schedulers import by_hand


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    with by_hand(tmp_path_factory.mktemp("two")) as started:
        started.start_scheduler()
        for _ in range(2):
            started.start_worker("--resources", "MEMORY=2e9")
        yield started


@pytest.fixture
def empty(tmp_path):
    """Give a scheduler without workers."""
    with by_hand(tmp_path / "empty") as started:
        started.start_scheduler()
        yield started


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """Set a cache that holds nothing but compiled kernels."""
    kernels = os.environ.get("NUMBA_CACHE_DIR", str(cache_root()))
    monkeypatch.setenv("NUMBA_CACHE_DIR", kernels)
    return lambda name: monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
