"""Detectors that are searched side by side give what they give one after the other."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from darkmask.api.commands import write_search
from darkmask.build import side_by_side
from darkmask.build.request import BuildRequest
from darkmask.build.side_by_side import build_side_by_side, bytes_of_search
from darkmask.cli import main
from darkmask.core.cache_folder import cache_root
from darkmask.core.detectors import Geometry
from darkmask.core.errors import CommandError, SearchError
from darkmask.delivery import scan
from darkmask.search.parameters import SearchParameters


@pytest.fixture
def requests_of(small):
    index = scan(small.delivery)

    def make(engine="native") -> list[BuildRequest]:
        return [
            BuildRequest(index, name, (), engine, "flight", SearchParameters(), Geometry(128))
            for name in ("NRCA1", "NRCBLONG")
        ]

    return make


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """Set a cache that holds nothing but compiled kernels."""
    kernels = os.environ.get("NUMBA_CACHE_DIR", str(cache_root()))
    monkeypatch.setenv("NUMBA_CACHE_DIR", kernels)
    return lambda name: monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))


@pytest.fixture
def two_at_a_time(monkeypatch):
    """Search small darks side by side too, however many cores this process may use."""
    monkeypatch.setattr(side_by_side, "WORTH_A_PROCESS", 1.0)
    monkeypatch.setattr(side_by_side, "usable_cores", lambda: 2)


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.slow
def test_two_processes_write_what_one_writes(small, tmp_path, own_cache, two_at_a_time):
    own_cache("two")
    in_two = list(write_search(small.delivery, tmp_path / "b", frame=128))
    own_cache("one")
    in_one = list(write_search(small.delivery, tmp_path / "a", frame=128, memory=0.3e9))
    assert in_two == in_one
    assert written(tmp_path / "b") == written(tmp_path / "a")
    assert all((tmp_path / name / "darkmask" / "masks").is_dir() for name in ("one", "two"))


def test_a_budget_that_holds_one_searches_one_after_the_other(requests_of, monkeypatch, own_cache, two_at_a_time):
    own_cache("one")
    monkeypatch.setattr(side_by_side, "ProcessPoolExecutor", None)
    requests = requests_of()
    built = list(build_side_by_side(requests, 1.5 * bytes_of_search(requests[0])))
    assert [request.detector for request, _ in built] == ["NRCA1", "NRCBLONG"]


def test_a_budget_that_is_too_small_is_refused_before_anything_is_written(small, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["search", str(small.delivery), str(out), "--memory=0.05"]) == 4
    said = capsys.readouterr()
    assert "--memory=0.05 is too little: the search of one detector takes up to 0.2 GB" in said.err
    assert (said.out, out.exists()) == ("", False)


def test_the_published_package_takes_more(requests_of):
    (native, _), (published, _) = requests_of(), requests_of("jwst_reffiles")
    assert bytes_of_search(published) > 5 * bytes_of_search(native)
    with pytest.raises(CommandError, match=r"takes up to 2\.4 GB"):
        list(build_side_by_side([published], 1e9))


def dying(_request):
    assert multiprocessing.parent_process(), "this process was to start others"
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_dies_is_one_sentence(requests_of, monkeypatch, two_at_a_time):
    monkeypatch.setattr(side_by_side, "build_cached", dying)
    with pytest.raises(SearchError, match="a process died while detectors were searched side by side"):
        list(build_side_by_side(requests_of()))
