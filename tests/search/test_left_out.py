"""What is no measurement in a set is remembered as long as its files are those that were looked through."""

import time

import pytest
from astropy.io import fits

from darkmask.build.request import BuildRequest
from darkmask.core.detectors import Geometry
from darkmask.delivery import scan
from darkmask.search import left_out
from darkmask.search.parameters import SearchParameters
from tests.support.deliveries import simulated

FRAME = 64


@pytest.fixture
def looked(monkeypatch) -> list:
    """Note each set that is looked through, as a new process would that has no memory of its own."""
    noted = []
    look_through = left_out._look_through

    def note(request):
        noted.append(request)
        return look_through(request)

    monkeypatch.setattr(left_out, "_look_through", note)
    return noted


def left_out_of(folder):
    left_out._remembered.cache_clear()
    request = BuildRequest(
        scan(folder), "NRCA1", (), "native", "flight", parameters=SearchParameters(), geometry=Geometry(FRAME)
    )
    return request.set_request("FULL")


@pytest.mark.slow
def test_files_are_looked_through_once_until_one_changes(tmp_path, looked, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = simulated(tmp_path, frame=FRAME, exposures=1, integrations=6)
    path = next(folder.glob("*_jump.fits"))
    with fits.open(path, mode="update") as hdus:
        hdus["SCI"].data[2] = 0
    young = left_out_of(folder)
    assert len(young.left_out) == 1
    left_out_of(folder)
    assert len(looked) == 2, "a file as young as the clock's tick may still change unseen"
    time.sleep(2.1)
    assert [left_out_of(folder) for _ in range(3)] == 3 * [young]
    assert len(looked) == 3
    with fits.open(path, mode="update") as hdus:
        hdus["SCI"].data[4] = 0
    assert len(left_out_of(folder).left_out) == 2
    assert len(looked) == 4


@pytest.mark.slow
def test_without_a_cache_they_are_looked_through(tmp_path, looked, monkeypatch):
    folder = simulated(tmp_path, frame=FRAME, exposures=1, integrations=6)
    time.sleep(2.1)
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert left_out_of(folder).left_out == ()
    assert len(looked) == 1
