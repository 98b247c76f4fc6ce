"""``fetch --cloud``: raw darks of the archive's public bucket, from servers on the loopback interface."""

import os
import subprocess
import sys

import pytest

from darkmask.acquire.fetch import Product
from darkmask.acquire.fetch.bucket import bucket_addresses
from darkmask.core.errors import ArchiveError
from tests.acquire.test_fetch import FIRST, SECOND, fits_bytes, names
from tests.support.archive_server import Archive, client_environment
from tests.support.bucket_server import bucket_server, filled

pytestmark = pytest.mark.slow

BUCKET = "stpubdata"
# astroquery asks one address for the places in the bucket, whatever its configuration says: the test's server answers.
# There are no pauses between attempts: the tests would wait for nothing else.
_CODE = """
import os, sys
import astroquery.mast.utils as u
import darkmask.core.remote.server as s
s.PAUSE_SECONDS = 0
asked = u._simple_request
u._simple_request = lambda url, params: asked(url.replace("https://mast.stsci.edu", os.environ["ARCHIVE"]), params)
from darkmask.cli import main
sys.exit(main())
"""


def place(name: str) -> str:
    """Return where the archive keeps a file in its bucket."""
    return f"jwst/public/{name[:7]}/{name[:13]}/{name}"


@pytest.fixture(scope="module")
def bucket():
    with bucket_server() as address:
        yield address


@pytest.fixture
def archive(tmp_path):
    held = Archive()
    for number, name in enumerate((FIRST, SECOND)):
        held.files[name] = fits_bytes(tmp_path / f"{number}.fits", number)
    yield held
    held.close()


@pytest.fixture
def fetch(archive, bucket, tmp_path):
    """Return a function that runs the command."""
    configured = client_environment(tmp_path / "config", archive.address)
    elsewhere = {
        "AWS_ENDPOINT_URL": bucket, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "never asked for",
    }  # fmt: skip

    def run(*arguments, **more) -> subprocess.CompletedProcess:
        environment = {**os.environ, **configured, **elsewhere, "ARCHIVE": archive.address, **more}
        command = [sys.executable, "-W", "error", "-c", _CODE, "fetch", "--program", "1062", "--cloud"]
        return subprocess.run(
            [*command, *map(str, arguments)], capture_output=True, text=True, env=environment, timeout=120, check=False
        )

    return run


def test_what_the_bucket_holds_comes_from_there(archive, bucket, fetch, tmp_path):
    filled(bucket, BUCKET, {place(FIRST): archive.files[FIRST]})
    out = tmp_path / "out"
    ended = fetch(out)
    assert ended.returncode == 0, ended.stderr
    assert "1 files are not in the public bucket, and come from the archive itself." in ended.stdout
    # The other one was asked of the archive.
    assert [name for name, _ in archive.asked] == [SECOND]
    assert names(out) == ["fetched.json", FIRST, SECOND]
    assert all((out / name).read_bytes() == archive.files[name] for name in (FIRST, SECOND))
    assert f"{FIRST}: there before" in fetch(out).stdout


def test_a_transfer_that_broke_off_goes_on(archive, bucket, fetch, tmp_path):
    filled(bucket, BUCKET, {place(name): archive.files[name] for name in (FIRST, SECOND)})
    out, size = tmp_path / "out", len(archive.files[FIRST])
    out.mkdir()
    (out / f".part-fetch-{size}-{FIRST}").write_bytes(archive.files[FIRST][: size // 3])
    # Of what is longer than the file nothing is kept.
    second = archive.files[SECOND]
    (out / f".part-fetch-{len(second)}-{SECOND}").write_bytes(second + b"more")
    ended = fetch(out)
    assert ended.returncode == 0, ended.stderr
    assert archive.asked == []
    assert all((out / name).read_bytes() == archive.files[name] for name in (FIRST, SECOND))


def test_another_file_in_the_bucket_has_no_name(archive, bucket, fetch, tmp_path):
    filled(
        bucket, BUCKET, {place(FIRST): archive.files[FIRST] + b"more", place(SECOND): bytes(len(archive.files[SECOND]))}
    )
    ended = fetch(tmp_path / "out")
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert f"The archive lists {FIRST} with {len(archive.files[FIRST])} bytes and its bucket has" in ended.stderr
    assert "(and 1 more failed)" in ended.stderr
    assert names(tmp_path / "out") == []


def test_a_bucket_that_cannot_be_reached_is_said(archive, fetch, tmp_path):
    ended = fetch(tmp_path / "out", AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")
    assert ended.returncode == 1
    assert "The archive's public bucket cannot be asked" in ended.stderr
    assert "leave --cloud out to ask the archive itself" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_missing_package_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ArchiveError, match=r"boto3 is not installed.*'darkmask\[cloud\]', or leave --cloud out"):
        bucket_addresses([Product(FIRST, f"mast:JWST/product/{FIRST}", 1)])
