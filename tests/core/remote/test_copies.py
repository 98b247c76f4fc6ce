"""Files that lie elsewhere: listed, copied whole or not at all, and never as something else than was listed."""

import errno
import os
import socket
import threading
from pathlib import Path

import pytest

from darkmask.core import cache_limit
from darkmask.core.digests import remembered_digest
from darkmask.core.errors import DeliveryError, StorageError
from darkmask.core.remote import (
    brought,
    copies,
    flushed,
    held,
    holding,
    is_copy,
    listed_files,
    open_place,
    server,
    shown_place,
    stated,
)
from darkmask.core.remote.server import Server
from tests.support.folder_server import FolderServer

# Several pieces, and a last one that is short.
SIZE = 3 * 65_536 + 1_000
NAME = "jw01062001001_02101_00001_nrca1_jump.fits"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Give each test a cache of its own, small pieces, and no pauses between attempts."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(copies, "PIECE", 65_536)
    monkeypatch.setattr(server, "PAUSE_SECONDS", 0)


@pytest.fixture
def content() -> bytes:
    return os.urandom(SIZE)


@pytest.fixture
def folder(tmp_path, content) -> Path:
    darks = tmp_path / "there" / "my darks"
    (darks / "below").mkdir(parents=True)
    (darks / NAME).write_bytes(content)
    (darks / "below" / "b_rate.fits").write_bytes(content[:100])
    (darks / ".hidden.fits").write_bytes(b"hidden")
    (darks / "notes.txt").write_text("no file of a delivery")
    return darks


@pytest.fixture
def there(folder):
    made = FolderServer(folder.parent)
    yield made
    made.close()


@pytest.fixture
def place(there) -> Path:
    return open_place(f"{there.address}/my%20darks/")


def test_a_folder_is_listed_with_those_below(place, there):
    assert [path.relative_to(place).as_posix() for path in listed_files(place)] == ["below/b_rate.fits", NAME]
    assert is_copy(place)
    assert shown_place(place / NAME) == f"{there.address}/my%20darks/{NAME}"
    assert not list(place.rglob("*.fits"))


def test_folders_of_the_cache_lie_here(place):
    assert not is_copy(place.parent)
    assert not is_copy(place.parent.parent)


def test_the_name_of_the_cache_may_hold_two_points(there, tmp_path, monkeypatch, content):
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path}/there/../cache")
    place = open_place(f"{there.address}/my%20darks/")
    assert is_copy(place)
    assert brought(place / NAME).read_bytes() == content


def test_a_file_is_copied_once(place, there, content):
    there.asked.clear()
    assert brought(place / NAME).read_bytes() == content
    assert len(there.asked) == 4
    digest = remembered_digest(place / NAME)
    assert brought(place / NAME).read_bytes() == content
    assert len(there.asked) == 4
    # A digest that is known needs no copy.
    (place / NAME).unlink()
    assert remembered_digest(place / NAME) == digest
    assert len(there.asked) == 4


@pytest.mark.parametrize("trouble", [["cut"], ["short"], ["503"], ["429", "cut", "short", "500"]])
def test_a_failure_that_passes_changes_nothing(place, there, content, trouble):
    there.trouble[NAME] = list(trouble)
    assert brought(place / NAME).read_bytes() == content
    assert not there.trouble[NAME]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (["503"] * 99, "did not come in 5 attempts (the server answered 503)"),
        (["short"] * 99, "bytes came where"),
        (["cut"] * 99, "did not come in 5 attempts"),
        (["403"], "may not be read with the rights"),
        (["404"], "does not exist"),
        (["418"], "the server answered 418"),
        (["page"], "was answered with a page (text/html) where a part of the file was asked for"),
        (["circle"] * 99, "leads from address to address and to no file"),
    ],
)
def test_a_failure_that_stays_is_said_and_leaves_no_file(place, there, trouble, words):
    there.trouble[NAME] = list(trouble)
    with pytest.raises(DeliveryError) as caught:
        brought(place / NAME)
    assert words in str(caught.value)
    assert not list(place.glob("*.fits"))


def test_a_file_that_is_replaced_before_it_is_read_is_refused(place, folder, content):
    (folder / NAME).write_bytes(content[::-1])
    with pytest.raises(DeliveryError, match="has changed since it was listed"):
        brought(place / NAME)


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_file_that_is_replaced_half_way_is_refused(place, there, content, after):
    there.replace_after[NAME] = (after, content[::-1])
    with pytest.raises(DeliveryError, match="has changed since it was listed"):
        brought(place / NAME)
    assert not list(place.glob("*.fits"))


def test_nobody_waits_for_the_disk_before_a_copy_is_read(place, there, monkeypatch, content):
    let = threading.Event()
    fdatasync = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (let.wait(60), fdatasync(descriptor)))
    with holding([place / NAME], flushed=False):
        assert (place / NAME).read_bytes() == content
    needed = held(place / NAME)
    assert (place / NAME).stat().st_mtime_ns != stated(place / NAME)[1]
    there.asked.clear()
    # Whoever comes next takes it as it is.
    brought(place / NAME)
    assert not there.asked
    let.set()
    needed.require_flushed()
    assert (place / NAME).stat().st_mtime_ns == stated(place / NAME)[1]


def test_what_no_disk_had_when_the_machine_failed_is_copied_anew(place, there, monkeypatch, content):
    brought(place / NAME)
    # Its date is there, and the bytes are not.
    date = (place / NAME).stat().st_mtime_ns
    (place / NAME).write_bytes(bytes(SIZE))
    os.utime(place / NAME, ns=(date, date))
    monkeypatch.setattr(flushed, "_start_of_machine", lambda: "another")
    assert brought(place / NAME).read_bytes() == content
    with holding([place / NAME]):
        pass
    there.asked.clear()
    monkeypatch.setattr(flushed, "_start_of_machine", lambda: "a third")
    brought(place / NAME)
    assert not there.asked


def test_where_starts_of_the_machine_are_not_told_a_copy_is_on_the_disk_first(place, monkeypatch, content):
    monkeypatch.setattr(flushed, "_start_of_machine", lambda: None)
    assert brought(place / NAME).read_bytes() == content
    assert (place / NAME).stat().st_mtime_ns == stated(place / NAME)[1]


def test_a_copy_that_the_disk_does_not_take_is_no_result(place, monkeypatch):
    def fail(_descriptor):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(os, "fdatasync", fail)
    with (
        pytest.raises(StorageError, match=f"{NAME} cannot be written \\(Disk quota exceeded\\)"),
        holding([place / NAME]),
    ):
        pass
    assert not (place / NAME).exists()
    monkeypatch.undo()


def test_a_file_of_another_version_is_copied_anew(place, there, folder, content):
    brought(place / NAME)
    before = remembered_digest(place / NAME)
    (folder / NAME).write_bytes(content[::-1])
    assert open_place(f"{there.address}/my%20darks") == open_place(f"{there.address}/my%20darks/")
    again = open_place(f"{there.address}/my%20darks/")
    assert again == place
    assert brought(again / NAME).read_bytes() == content[::-1]
    assert remembered_digest(again / NAME) != before


def test_two_who_want_one_file_copy_it_once(place, there):
    there.latency = 0.05
    there.asked.clear()
    threads = [threading.Thread(target=brought, args=(place / NAME,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(there.asked) == 4


def test_latency_is_hidden_by_many_ranges_in_flight(place, there, monkeypatch):
    monkeypatch.setattr(copies, "PIECE", 4_096)
    # Of 49 ranges the next ones are asked for while those before are under way, however busy the machine is.
    there.latency = 0.5
    brought(place / NAME)
    assert there.most_at_once > 8


def test_copies_are_held_to_a_size(place, there, folder, monkeypatch, content):
    (folder / "c_rate.fits").write_bytes(content)
    place = open_place(f"{there.address}/my%20darks")
    monkeypatch.setattr(cache_limit, "_GIGABYTE", 1)
    cache_limit.set_limit(SIZE + 50_000)
    brought(place / NAME)
    brought(place / "c_rate.fits")
    assert not (place / NAME).exists()
    # What somebody needs stays, and what does not fit beside it is refused.
    needed = held(place / "c_rate.fits")
    assert held(place / "c_rate.fits") is needed
    with pytest.raises(StorageError, match=r"darkmask cache limit"):
        brought(place / NAME)
    assert (place / "c_rate.fits").read_bytes() == content
    del needed
    assert brought(place / NAME).read_bytes() == content
    # A place in use is not cleared with the cache.
    assert place.parent not in {entry.place for entry in cache_limit.clear()}
    assert (place / NAME).exists()


def test_what_a_killed_copy_left_takes_no_room(place, monkeypatch):
    monkeypatch.setattr(cache_limit, "_GIGABYTE", 1)
    cache_limit.set_limit(SIZE + 50_000)
    left = place / f".part-abcdefgh-{NAME.replace('jump', 'rate')}"
    left.write_bytes(bytes(SIZE))
    brought(place / NAME)
    assert not left.exists()


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"ranges": False}, "gives whole files where parts are asked for"),
        ({"tags": False, "dates": False}, "neither ETag nor Last-Modified"),
        ({"always": {NAME: "403"}}, "may not be read with the rights"),
        ({"always": {NAME: "503"}}, "the server answered 503"),
    ],
)
def test_a_server_that_cannot_be_read_from_is_said(there, broken, words):
    for name, value in broken.items():
        setattr(there, name, value)
    with pytest.raises(DeliveryError) as caught:
        open_place(f"{there.address}/my%20darks")
    assert words in str(caught.value)


def test_a_page_that_is_no_folder_is_said(there, folder):
    (folder.parent / "page").mkdir()
    for address in (f"{there.address}/page", f"{there.address}/my%20darks/{NAME}"):
        with pytest.raises(DeliveryError, match="lists no FITS file"):
            open_place(address)
    with pytest.raises(DeliveryError, match="does not exist"):
        open_place(f"{there.address}/nowhere")


def test_an_address_at_which_nobody_answers_is_said(there):
    there.close()
    with pytest.raises(DeliveryError, match=r"did not come in 5 attempts \(ClientConnectorError\)"):
        open_place(f"{there.address}/my%20darks")


def test_whole_files_in_place_of_later_parts_are_said_at_once(place, there):
    """As a server does that honours ranges of some files alone."""
    there.asked.clear()
    there.ranges = False
    with pytest.raises(DeliveryError, match="was answered with a whole file where a part of the file was asked for"):
        brought(place / NAME)
    assert len(there.asked) <= 4


def test_what_is_no_web_server_is_said():
    with socket.create_server(("127.0.0.1", 0)) as other:

        def greet() -> None:
            while True:
                try:
                    taken, _ = other.accept()
                except OSError:
                    return
                with taken:
                    taken.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        threading.Thread(target=greet, daemon=True).start()
        with pytest.raises(DeliveryError, match="is answered by something that is no web server"):
            open_place(f"http://127.0.0.1:{other.getsockname()[1]}/darks")
        other.shutdown(socket.SHUT_RDWR)


def test_names_may_hold_what_addresses_write_otherwise(there, folder, content):
    name = "50% a%20b #1 ?ü_jump.fits"
    (folder / name).write_bytes(content)
    place = open_place(f"{there.address}/my%20darks")
    assert brought(place / name).read_bytes() == content


def test_a_page_cannot_lead_out_of_its_folder(there, folder):
    (folder.parent / "secret_jump.fits").write_bytes(b"elsewhere")
    odd = folder / "..%2fsecret_jump.fits"
    odd.write_bytes(b"odd")
    listed = Server(f"{there.address}/my%20darks").list_files()
    assert sorted(listed) == ["below/b_rate.fits", NAME]
