"""Deliveries behind an address: the same sets and the same masks as in a folder, or a sentence."""

import shutil
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

import darkmask
from darkmask.api.commands import write_search
from darkmask.cli import main
from darkmask.core import cache_limit
from darkmask.core.errors import DarkmaskError, DarkmaskWarning
from darkmask.core.remote import open_place, server
from darkmask.delivery import scan
from tests.support.bucket_server import bucket_server, filled
from tests.support.folder_server import FolderServer
from tests.support.loopback import LoopbackServer

JUMP = "jw01062001001_02101_00001_nrca1_jump.fits"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(server, "PAUSE_SECONDS", 0)


@pytest.fixture
def darks(tiny_delivery, tmp_path) -> Path:
    """Return a delivery of one detector in a folder that a server shows."""
    folder = tmp_path / "there" / "darks"
    folder.mkdir(parents=True)
    for path in tiny_delivery.delivery.glob("*nrca1*.fits"):
        shutil.copy(path, folder)
    return folder


@pytest.fixture
def there(darks):
    held = FolderServer(darks.parent)
    yield held
    held.close()


@pytest.fixture(scope="module")
def bucket():
    with bucket_server() as address:
        yield address


@pytest.fixture
def in_bucket(bucket, darks, monkeypatch) -> str:
    """Put the delivery into a bucket that anybody may read; return its address."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    server._made.cache_clear()
    filled(bucket, "nircam-darks", {f"nrc09/{path.name}": path.read_bytes() for path in darks.iterdir()})
    yield "s3://nircam-darks/nrc09"
    server._made.cache_clear()


def found(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def searched(place: str, out: Path, monkeypatch, tmp_path) -> dict[str, bytes]:
    """Return what a search writes, with a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / f"cache-{out.name}"))
    assert main(["search", place, str(out), "--frame=96", "--detectors=NRCA1"]) == 0
    return found(out)


def test_headers_are_read_by_ranges(there, darks):
    here, elsewhere = scan(darks), scan(open_place(f"{there.address}/darks"))
    assert [exposure.jump.arrays for exposure in elsewhere.exposures] == [e.jump.arrays for e in here.exposures]
    assert [exposure.times for exposure in elsewhere.exposures] == [e.times for e in here.exposures]
    assert [file.path for file in elsewhere.files] == [file.path for file in here.files]
    assert not elsewhere.problems
    assert elsewhere.place == f"{there.address}/darks"
    total = sum(path.stat().st_size for path in darks.iterdir())
    read = [wanted.removeprefix("bytes=").split("-") for _, wanted in there.asked]
    assert sum(int(stop) - int(start) + 1 for start, stop in read) < total / 2
    assert all(int(stop) - int(start) < 1 << 15 for start, stop in read)


def test_a_bucket_holds_the_same_delivery(in_bucket, darks):
    index = scan(open_place(in_bucket))
    assert index.sets("NRCA1", "FULL").keys() == scan(darks).sets("NRCA1", "FULL").keys()
    assert index.place == in_bucket


def test_an_object_that_is_replaced_gives_a_sentence(in_bucket, bucket, darks, tmp_path):
    index = scan(open_place(in_bucket))
    filled(bucket, "nircam-darks", {f"nrc09/{JUMP}": (darks / JUMP).read_bytes()[::-1]})
    with pytest.raises(DarkmaskError, match=f"{in_bucket}/{JUMP} has changed since it was listed"):
        list(write_search(index, tmp_path / "out", frame=96))
    assert not list((tmp_path / "out").glob("*.fits"))


def test_a_folder_in_memory_is_one_too(darks):
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.put(str(darks), "/memory-darks", recursive=True)
    try:
        assert len(darkmask.scan_delivery("memory://memory-darks").exposures) == 2
    finally:
        memory.rm("/memory-darks", recursive=True)


def test_masks_are_the_same_whatever_a_server_does(there, darks, tmp_path, monkeypatch):
    here = searched(str(darks), tmp_path / "here", monkeypatch, tmp_path)
    there.latency = 0.01
    for path in darks.iterdir():
        there.trouble[path.name] = ["503", "cut", "short"]
    elsewhere = searched(f"{there.address}/darks", tmp_path / "elsewhere", monkeypatch, tmp_path)
    assert elsewhere == here
    assert len(here) > 3


def test_a_notebook_names_an_address_like_a_folder(there, darks):
    elsewhere = darkmask.bad_pixels(f"{there.address}/darks", detector="NRCA1")
    assert elsewhere.counts == darkmask.bad_pixels(str(darks), detector="NRCA1").counts
    assert elsewhere.counts["hot"] > 10
    assert there.address in repr(darkmask.search_delivery(f"{there.address}/darks"))


def test_a_set_that_does_not_fit_is_said(there, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cache_limit, "_GIGABYTE", 1)
    index = darkmask.scan_delivery(f"{there.address}/darks")
    cache_limit.set_limit(max(file.size for file in index.files) * 1.5)
    assert main(["search", f"{there.address}/darks", str(tmp_path / "out"), "--frame=96"]) == 1
    said = capsys.readouterr().err
    assert "GB of copies are in use" in said
    assert "allow more with darkmask cache limit" in said
    assert not list((tmp_path / "out").glob("*.fits"))


def test_masks_of_a_bucket_are_the_same(in_bucket, darks, tmp_path, monkeypatch):
    here = searched(str(darks), tmp_path / "here", monkeypatch, tmp_path)
    assert searched(in_bucket, tmp_path / "bucket", monkeypatch, tmp_path) == here


def test_a_file_that_is_replaced_before_the_search_gives_a_sentence(there, darks, tmp_path):
    index = darkmask.scan_delivery(f"{there.address}/darks")
    content = bytearray((darks / JUMP).read_bytes())
    content[-3000] ^= 1
    (darks / JUMP).write_bytes(content)
    with pytest.raises(DarkmaskError, match="has changed since"):
        list(write_search(index, tmp_path / "out", frame=96))
    assert not list((tmp_path / "out").glob("*.fits"))
    # Listed anew it is another delivery, and searched as that.
    assert len(darkmask.scan_delivery(f"{there.address}/darks").exposures) == 2


def test_a_header_that_does_not_come_is_a_problem_of_its_file(there, darks):
    place = open_place(f"{there.address}/darks")
    there.trouble[JUMP] = ["503"] * 200
    index = scan(place)
    (problem,) = [p for p in index.problems if p.file == JUMP]
    assert "did not come in 5 attempts (the server answered 503)" in problem.sentence
    assert problem.detectors == ("NRCA1",)


def test_a_search_without_a_file_that_does_not_come_is_refused(there, capsys, tmp_path):
    """Another day it comes, and the mask would be another."""
    there.always[JUMP] = "short"
    out = tmp_path / "out"
    assert main(["search", f"{there.address}/darks", str(out), "--frame=96"]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert f"{JUMP} did not come in 5 attempts (" in said
    assert "bytes came where" in said
    assert not out.exists()
    with (
        pytest.warns(DarkmaskWarning, match="left out"),
        pytest.raises(DarkmaskError, match=f"{JUMP} did not come in 5 attempts"),
    ):
        darkmask.bad_pixels(f"{there.address}/darks")


@pytest.mark.parametrize(
    ("address", "code", "words"),
    [
        ("{there}/nowhere", 1, "does not exist"),
        ("http://127.0.0.1:9/darks", 1, "did not come in 5 attempts"),
        ("ftp://anna:sesame@host/darks", 4, "is of a kind that is not read here"),
        ("https://anna:sesame@host/darks", 4, "a user, a password or a query"),
    ],
)
def test_addresses_that_cannot_be_used_are_said(there, capsys, tmp_path, address, code, words):
    address = address.format(there=there.address)
    assert main(["search", address, str(tmp_path / "out")]) == code
    said = capsys.readouterr().err
    assert words in said
    assert "sesame" not in said
    assert len(said.splitlines()) == 1
    assert main(["prepare", address, str(tmp_path / "out")]) == code
    assert not (tmp_path / "out").exists()


def test_results_stay_on_this_machine(darks, capsys):
    assert main(["search", str(darks), "s3://anna:sesame@bucket/masks"]) == 4
    assert main(["search", str(darks), "out", "--base=s3://anna:sesame@bucket/masks"]) == 4
    said = capsys.readouterr().err
    assert "OUT is an address, and results stay on this machine" in said
    assert "An address was given where a path on this machine is needed" in said
    assert "sesame" not in said


class _Forbidden(BaseHTTPRequestHandler):
    status = 403

    def log_message(self, *_):
        pass

    def do_GET(self):
        content = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>no</Message></Error>"
        self.send_response(self.status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Unauthorized(_Forbidden):
    status = 401


@pytest.mark.parametrize("kind", [_Forbidden, _Unauthorized])
def test_a_bucket_without_rights_is_said(in_bucket, capsys, tmp_path, monkeypatch, kind):
    forbidden = LoopbackServer(kind)
    try:
        monkeypatch.setenv("AWS_ENDPOINT_URL", forbidden.address)
        server._made.cache_clear()
        assert main(["search", "s3://closed-darks/nrc09", str(tmp_path / "out")]) == 1
        assert "s3://closed-darks/nrc09 may not be read with the rights that you have" in capsys.readouterr().err
    finally:
        forbidden.close()


def test_a_profile_that_does_not_exist_is_said(in_bucket, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    server._made.cache_clear()
    assert main(["search", in_bucket, str(tmp_path / "out")]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert "the configuration of S3 does not hold (ProfileNotFound): correct AWS_PROFILE" in said


@pytest.mark.slow
def test_the_published_package_reads_copies(small, tmp_path, monkeypatch):
    held = FolderServer(small.delivery.parent)
    options = ("--engine=jwst_reffiles", "--detectors=NRCA1", "--frame=128")
    try:
        places = {"here": str(small.delivery), "elsewhere": f"{held.address}/{small.delivery.name}"}
        for name, place in places.items():
            monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / f"cache-{name}"))
            assert main(["search", place, str(tmp_path / name), *options]) == 0
    finally:
        held.close()
    assert found(tmp_path / "elsewhere") == found(tmp_path / "here")


def test_a_missing_package_is_said(there, monkeypatch, capsys, tmp_path):
    server._made.cache_clear()
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    assert main(["search", f"{there.address}/darks", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "needs aiohttp, which is not installed: run pip install 'darkmask[cloud]'." in said
