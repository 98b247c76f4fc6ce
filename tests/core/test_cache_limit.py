"""The cache can be looked into, emptied, and held to a size."""

import os
import subprocess
import sys
import time

import pytest
from filelock import FileLock

from darkmask.cli import main
from darkmask.core.cache import cached


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "darkmask"


def put(family: str, key: str, size: int, age: float = 0):
    """Make an entry of so many bytes, last used so many seconds ago."""
    entry = cached(family, key, lambda out: (out / "content").write_bytes(bytes(size)))
    os.utime(entry, (time.time() - age,) * 2)
    return entry


def keys(root, family: str) -> set[str]:
    return {path.name for path in (root / family).iterdir() if path.is_dir()}


def test_ls_names_families_and_sizes(root, capsys):
    put("masks", "a", 2_000_000)
    put("masks", "b", 1_000_000)
    put("stability", "c", 500_000)
    assert main(["cache", "ls"]) == 0
    first, _, *rows = capsys.readouterr().out.splitlines()
    assert str(root) in first
    assert "3.5 MB, no limit" in first
    table = "\n".join(rows)
    assert "masks" in table
    assert "3.0" in table
    assert "0.5" in table


def test_ls_of_an_empty_cache(root, capsys):
    assert main(["cache", "ls"]) == 0
    assert capsys.readouterr().out == f"{root}: 0.0 MB, no limit\n"


def test_clear_leaves_other_families_and_kernels(root, capsys):
    put("masks", "a", 10)
    put("stability", "b", 10)
    put("kernels", "k", 10)
    assert main(["cache", "clear", "masks"]) == 0
    assert "1 entries removed" in capsys.readouterr().out
    assert (keys(root, "masks"), keys(root, "stability")) == (set(), {"b"})
    assert main(["cache", "clear"]) == 0
    assert (keys(root, "stability"), keys(root, "kernels")) == (set(), {"k"})


def test_clear_of_an_unknown_family_says_which_there_are(root, capsys):
    put("masks", "a", 10)
    assert main(["cache", "clear", "mask"]) == 4
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "(masks)" in error
    assert keys(root, "masks") == {"a"}


def test_what_somebody_is_making_is_not_removed(root):
    entry = put("masks", "a", 10)
    with FileLock(f"{entry}.lock"):
        assert subprocess.run([sys.executable, "-m", "darkmask", "cache", "clear"], timeout=60).returncode == 0
        assert keys(root, "masks") == {"a"}
    assert main(["cache", "clear"]) == 0
    assert keys(root, "masks") == set()


def test_a_limit_removes_the_oldest_whatever_its_family(root, capsys):
    put("masks", "old", 4_000_000, age=300)
    put("stability", "older", 4_000_000, age=400)
    put("masks", "new", 4_000_000, age=100)
    assert main(["cache", "limit", "0.009"]) == 0
    assert (keys(root, "masks"), keys(root, "stability")) == ({"old", "new"}, set())
    put("injections", "newest", 4_000_000)
    assert (keys(root, "masks"), keys(root, "injections")) == ({"new"}, {"newest"}), "the limit holds from now on"
    assert main(["cache", "limit", "none"]) == 0
    put("injections", "one more", 4_000_000)
    assert keys(root, "masks") == {"new"}
    capsys.readouterr()
    assert main(["cache", "ls"]) == 0
    assert "no limit" in capsys.readouterr().out


def test_an_entry_larger_than_the_limit_can_still_be_read_by_who_made_it(root):
    assert main(["cache", "limit", "0.001"]) == 0
    entry = put("masks", "large", 5_000_000)
    assert (entry / "content").stat().st_size == 5_000_000


@pytest.mark.parametrize("size", ["0", "-1", "nan", "inf"])
def test_a_senseless_limit_is_refused(root, size, capsys):
    assert main(["cache", "limit", size]) == 4
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "above 0, or none" in error
    put("masks", "a", 1_000)
    assert keys(root, "masks") == {"a"}


def test_a_damaged_limit_is_none(root, capsys):
    put("masks", "a", 1_000)
    (root / "limit.json").write_text("{")
    put("masks", "b", 1_000)
    assert keys(root, "masks") == {"a", "b"}
