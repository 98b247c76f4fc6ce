"""Deliveries behind an address, on workers: each knows them below a cache of its own."""

import shutil
from pathlib import Path

import pytest

from darkmask.api.commands import write_search
from darkmask.cluster import masks
from darkmask.cluster.address import where
from darkmask.core.errors import CommandError
from darkmask.core.remote import open_place, server
from darkmask.delivery import scan
from tests.cluster.test_prepare import files, prepare_at
from tests.support.folder_server import FolderServer


@pytest.fixture
def there(small):
    made = FolderServer(small.delivery.parent)
    yield made
    made.close()


def search(delivery: Path, out: Path, small, **more) -> tuple[list[str], dict[str, bytes]]:
    said = list(write_search(delivery, out, frame=128, base=small.base, detectors=("NRCA1",), **more))
    return said, {path.name: path.read_bytes() for path in sorted(out.iterdir())}


@pytest.mark.slow
def test_workers_search_what_lies_elsewhere(small, there, tmp_path, own_cache, two_workers, monkeypatch):
    own_cache("here")
    in_one = search(small.delivery, tmp_path / "one", small)
    # Two workers could share it, and each would copy all of it.
    monkeypatch.setattr(masks, "WORTH_A_PROCESS", 0)
    own_cache("there")
    place = open_place(f"{there.address}/{small.delivery.name}")
    for name in (str(two_workers.file), "local"):
        assert search(place, tmp_path / Path(name).stem, small, scheduler=where(name)) == in_one
        # Nobody asked for a file on this side.
        assert name == "local" or not list(place.glob("*.fits"))
    copies = [path.name for path in two_workers.folder.glob("cache*/darkmask/remote/*/small/*nrca1*.fits")]
    assert len(copies) == len(set(copies)) > 0


@pytest.mark.slow
def test_workers_that_do_not_reach_it_are_refused(small, there, tmp_path, own_cache, two_workers, monkeypatch):
    own_cache("here")
    monkeypatch.setattr(server, "PAUSE_SECONDS", 0)
    place = open_place(f"{there.address}/{small.delivery.name}")
    index = scan(place)
    there.close()
    with pytest.raises(CommandError, match=r"the worker tcp://\S+ cannot read what lies elsewhere \(http://127.0.0.1"):
        list(write_search(index, tmp_path / "out", frame=128, scheduler=where(str(two_workers.file))))
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_workers_prepare_what_lies_elsewhere(raw, prepared, tmp_path, own_cache, two_workers):
    own_cache("here")
    folder = tmp_path / "there" / "raw"
    folder.mkdir(parents=True)
    (path,) = raw.delivery.glob("jw01062002001*_00001_*_uncal.fits")
    shutil.copy(path, folder)
    there = FolderServer(folder.parent)
    try:
        place = open_place(f"{there.address}/raw")
        prepare_at(raw, tmp_path / "out", two_workers, place)
    finally:
        there.close()
    assert not list(place.glob("*.fits"))
    made = files(tmp_path / "out")
    assert len([name for name in made if name.endswith(".fits")]) == 4
    assert made.items() <= files(prepared).items()
