"""Digests of files: right, and not taken again of a file that did not change."""

import hashlib
import os
import platform
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from blake3 import blake3

from darkmask.core import digests
from darkmask.core.digests import BLAKE3, SHA256, known_digest, remembered_digest

SIZE = 3_000_001
# BLAKE3 of no bytes: the first of the published test vectors.
EMPTY = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"


@pytest.fixture
def big(tmp_path, monkeypatch) -> Path:
    """Make a file that counts as old enough, and a memory of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(digests, "_TICK_NS", -(10**12))
    path = tmp_path / "darks.fits"
    path.write_bytes(bytes(range(256)) * (SIZE // 256))
    return path


def digest(path: Path, algorithm: str = BLAKE3) -> str:
    """Take the digest with the library alone, in one piece and without a memory."""
    content = path.read_bytes()
    return hashlib.sha256(content).hexdigest() if algorithm == SHA256 else blake3(content).hexdigest()


def bytes_read() -> int:
    return int(Path("/proc/self/io").read_text().split("rchar: ")[1].split()[0])


def asked(path: Path, algorithm: str = BLAKE3) -> tuple[str, bool]:
    """Return the digest, and whether the file was read for it, which could be told before."""
    told, before = known_digest(path, algorithm) is not None, bytes_read()
    digest = remembered_digest(path, algorithm)
    read = bytes_read() - before >= path.stat().st_size
    assert told == (not read)
    return digest, read


def test_the_digests_are_the_published_ones(tmp_path):
    path = tmp_path / "empty"
    path.write_bytes(b"")
    assert remembered_digest(path) == EMPTY
    path.write_bytes(os.urandom(SIZE))
    assert remembered_digest(path, SHA256) == digest(path, SHA256)


@pytest.mark.parametrize("algorithm", [BLAKE3, SHA256])
def test_an_unchanged_file_is_read_once(big, algorithm):
    fresh = digest(big, algorithm)
    assert asked(big, algorithm) == (fresh, True)
    assert asked(big, algorithm) == (fresh, False)


def test_two_who_ask_at_once_read_it_once(big):
    before = bytes_read()
    with ThreadPoolExecutor(4) as threads:
        found = set(threads.map(remembered_digest, [big] * 4))
    read = bytes_read() - before
    assert found == {digest(big)}
    assert read < 2 * SIZE


def test_a_name_that_is_no_text_is_a_name(big):
    odd = big.with_name("d\udcffarks.fits")
    big.rename(odd)
    assert asked(odd) == (digest(odd), True)
    assert asked(odd) == (digest(odd), False)


def test_a_change_that_hides_its_date_is_seen(big):
    asked(big)
    before = big.stat()
    with big.open("r+b") as file:
        file.write(b"x")
    os.utime(big, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert big.stat().st_mtime_ns == before.st_mtime_ns
    assert asked(big) == (digest(big), True)


def test_another_file_of_that_name_is_read(big, tmp_path):
    asked(big)
    other = tmp_path / "other"
    other.write_bytes(bytes(big.stat().st_size))
    os.utime(other, ns=(big.stat().st_atime_ns, big.stat().st_mtime_ns))
    other.replace(big)
    assert asked(big) == (digest(big), True)


def test_a_memory_from_another_machine_tells_nothing(big, monkeypatch):
    asked(big)
    monkeypatch.setattr(platform, "node", lambda: "another")
    assert asked(big) == (digest(big), True)


def test_a_file_just_written_is_not_remembered(big, monkeypatch):
    monkeypatch.setattr(digests, "_TICK_NS", 2_000_000_000)
    asked(big)
    assert asked(big) == (digest(big), True)


def test_a_file_that_changes_while_it_is_read_is_not_remembered(big, monkeypatch):
    true_hash = digests._hash

    def disturbed(file, algorithm):
        digest = true_hash(file, algorithm)
        with big.open("ab") as more:
            more.write(b"more")
        return digest

    with monkeypatch.context() as patched:
        patched.setattr(digests, "_hash", disturbed)
        asked(big)
    assert asked(big) == (digest(big), True)


@pytest.mark.parametrize("damage", ["no database", "of another kind", "a folder"])
def test_a_memory_that_cannot_be_used_costs_time_only(big, tmp_path, damage):
    asked(big)
    memory = tmp_path / "cache" / "darkmask" / "digests.sqlite"
    memory.unlink()
    if damage == "a folder":
        memory.mkdir()
    else:
        memory.write_bytes(b"" if damage == "of another kind" else b"no database at all" * 100)
    assert asked(big) == (digest(big), True)
    asked(big)
    # A damaged one has been replaced by now.
    assert asked(big)[1] is (damage == "a folder")
