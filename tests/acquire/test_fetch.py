"""``fetch``: raw darks of the archive, from a real server on the loopback interface."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from darkmask.acquire.fetch.query import network_reason
from darkmask.cli import main
from darkmask.core.atomic import sha256_file
from tests.support.archive_server import Archive, client_environment
from tests.support.forked import Forked

FIRST = "jw01062001001_02101_00001_nrca1_uncal.fits"
SECOND = "jw01062002001_02101_00001_nrcblong_uncal.fits"
OTHERS = (
    "jw01062001001_02101_00001_nrca1_rate.fits",
    "jw01062001001_02101_00001_nrca1_uncal.jpg",
    "jw01062001001_gs-fg_2022102000000_uncal.fits",
    "jw01063001001_02101_00001_nrca1_uncal.fits",
)


def fits_bytes(path: Path, value: int) -> bytes:
    hdu = fits.ImageHDU(np.full((1, 2, 300, 300), value, np.int16), name="SCI")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path, checksum=True)
    return path.read_bytes()


@pytest.fixture
def archive(tmp_path):
    held = Archive()
    for number, name in enumerate((FIRST, SECOND, *OTHERS)):
        held.files[name] = fits_bytes(tmp_path / f"{number}.fits", number)
    yield held
    held.close()


# All that the client of the archive imports, and not the client: it reads its configuration when it is imported. There
# are no pauses between attempts: the tests would wait for nothing else.
PREPARE = """
import sys
import astropy.config.configuration
import astroquery.mast
import darkmask.acquire.fetch.download as download
import darkmask.cli
import darkmask.core.remote.server as server
download.PAUSE_SECONDS = server.PAUSE_SECONDS = 0
for name in [name for name in sys.modules if name.partition(".")[0] == "astroquery"]:
    del sys.modules[name]
astropy.config.configuration._cfgobjs.clear()
"""


@pytest.fixture(scope="module")
def forked():
    made = Forked(PREPARE)
    yield made
    made.close()


@pytest.fixture
def fetch(archive, forked, tmp_path):
    """Return a function that runs the command; astroquery's own configuration file names the server."""
    configured = client_environment(tmp_path / "config", archive.address)

    def run(*arguments) -> subprocess.CompletedProcess[str]:
        return forked.run(["fetch", "--program", "1062", *map(str, arguments)], {**os.environ, **configured})

    return run


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def assert_one_sentence(ended, *words: str) -> None:
    assert ended.returncode == 1, ended.stdout
    errors = [line for line in ended.stderr.splitlines() if line.startswith("darkmask fetch: ")]
    assert len(errors) == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    for word in words:
        assert word in errors[0]


def test_lists_what_was_asked_for(archive, fetch):
    ended = fetch("--list")
    assert ended.returncode == 0, ended.stderr
    assert [line.split()[0] for line in ended.stdout.splitlines()] == [FIRST, SECOND, "2", "Next:"]
    assert ended.stdout.endswith(" -m darkmask fetch raw --program=1062\n")
    chosen = fetch("my raw", "--list", "--observations=1", "--detectors", "nrca1", "--detectors=NRCA2").stdout
    assert chosen.endswith(" fetch 'my raw' --program=1062 --detectors=NRCA1,NRCA2 --observations=1\n")
    assert FIRST in fetch("--list", "--detectors", "NRCA1,NRCA2").stdout
    assert SECOND not in fetch("--list", "--observations", "1").stdout
    assert OTHERS[0] in fetch("--list", "--product", "rate").stdout
    assert archive.asked == []


def test_files_come_whole_and_only_once(archive, fetch, tmp_path):
    out = tmp_path / "out"
    ended = fetch(out)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith(f" -m darkmask prepare {out} {out}.prepared\n")
    assert names(out) == ["fetched.json", FIRST, SECOND]
    assert all((out / name).read_bytes() == archive.files[name] for name in (FIRST, SECOND))
    record = json.loads((out / "fetched.json").read_text())
    assert record[FIRST] == {"size": len(archive.files[FIRST]), "sha256": sha256_file(out / FIRST)}

    # A file that changed on this disk is fetched again, the other is not.
    (out / SECOND).write_bytes(bytes(len(archive.files[SECOND])))
    archive.asked.clear()
    assert f"{FIRST}: there before" in fetch(out).stdout
    assert archive.asked == [(SECOND, None)]
    assert (out / SECOND).read_bytes() == archive.files[SECOND]


def test_an_interrupted_download_goes_on_where_it_broke_off(archive, fetch, tmp_path):
    out, size = tmp_path / "out", len(archive.files[FIRST])
    archive.trouble[FIRST] = ["half", "500", "500", "500"]
    assert_one_sentence(fetch(out), f"did not give {FIRST} in 4 attempts", "500", "what has come is kept")
    assert names(out) == [f".part-fetch-{size}-{FIRST}", "fetched.json", SECOND]

    have = (out / f".part-fetch-{size}-{FIRST}").stat().st_size
    assert size // 4 < have <= size // 2
    archive.asked.clear()
    assert fetch(out).returncode == 0
    assert archive.asked == [(FIRST, f"bytes={have}-")]
    assert (out / FIRST).read_bytes() == archive.files[FIRST]
    assert names(out) == ["fetched.json", FIRST, SECOND]


@pytest.mark.parametrize(
    "trouble", [["500"], ["half"], ["503", "half", "half"], ["half", "no range"], ["more"], ["half", "416"]]
)
def test_a_passing_failure_is_tried_again(archive, fetch, tmp_path, trouble):
    archive.trouble[FIRST] = list(trouble)
    ended = fetch(tmp_path / "out", "--detectors", "NRCA1")
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "out" / FIRST).read_bytes() == archive.files[FIRST]
    assert len(archive.asked) == len(trouble) + (trouble[-1] != "no range")


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (["404"], ("does not have it (404)",)),
        (["403"], ("refuses", "not public")),
        (["zeros"], ("is no FITS file", "fetch it anew")),
    ],
)
def test_a_file_that_is_not_given_has_no_name(archive, fetch, tmp_path, trouble, words):
    archive.trouble[FIRST] = trouble
    assert_one_sentence(fetch(tmp_path / "out"), FIRST, *words)
    # The other files came.
    assert names(tmp_path / "out") == ["fetched.json", SECOND]


def test_a_wrong_size_has_no_name(archive, fetch, tmp_path):
    archive.sizes[FIRST] = len(archive.files[FIRST]) + 2880
    ended = fetch(tmp_path / "out", "--detectors", "NRCA1")
    assert_one_sentence(ended, f"{len(archive.files[FIRST])} of {archive.sizes[FIRST]} bytes came")
    assert FIRST not in names(tmp_path / "out")


def test_a_wrong_checksum_has_no_name(archive, fetch, tmp_path):
    content = bytearray(archive.files[FIRST])
    content[-3000] ^= 1
    archive.files[FIRST] = bytes(content)
    assert_one_sentence(fetch(tmp_path / "out", "--detectors", "NRCA1"), "wrong DATASUM in SCI")
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize("trouble", ["500", "404", "error", "no json"])
def test_an_archive_in_trouble_is_said(archive, fetch, trouble):
    archive.trouble["invoke"] = [trouble]
    assert_one_sentence(fetch("--list"), f"The archive at {archive.address} cannot be asked")


def test_no_network_is_said(archive, fetch, tmp_path):
    archive.close()
    assert_one_sentence(fetch(tmp_path / "out"), "cannot be asked", "Connection refused")
    assert not (tmp_path / "out").exists()


def test_nothing_of_that_kind_is_said(fetch):
    ended = fetch("--list", "--detectors", "NRCB4", "--observations", "7")
    assert_one_sentence(ended, "no _uncal file of them for detectors NRCB4 and observations 7")


def test_a_program_of_which_there_is_nothing_is_said(archive, fetch, tmp_path):
    archive.files.clear()
    ended = fetch(tmp_path / "out")
    assert ended.returncode == 4
    assert ended.stderr == "darkmask fetch: The archive has no NIRCam observation of program 1062: correct --program.\n"
    assert not (tmp_path / "out").exists()


def test_a_missing_client_is_said(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "astroquery.mast", None)
    assert main(["fetch", "--program", "1062", "--list"]) == 1
    assert capsys.readouterr().err == (
        "darkmask fetch: astroquery, the archive's client, is not installed: install it with pip install "
        "'darkmask[fetch]'.\n"
    )


def test_a_folder_is_needed(capsys):
    assert main(["fetch", "--program", "1062"]) == 4
    assert "name one, or say --list" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError("<pool object>: Failed to resolve 'mast' ([Errno -2] Name not known)\")"),
            "OSError: Failed to resolve 'mast' ([Errno -2] Name not known)",
        ),
        (OSError("<pool object (1)>: Connection refused'))"), "OSError: Connection refused"),
        (OSError(""), "OSError"),
    ],
)
def test_what_the_network_says_is_one_clause(error, said):
    assert network_reason(error) == said
