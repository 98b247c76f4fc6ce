"""A cache folder that cannot be used costs time and one sentence, and no run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import ROOT

ASK = "from darkmask.core.cache_folder import cache_root; print(cache_root(), flush=True)"
# A process that asks twice, and one that it starts.
ASK_AGAIN = (
    f"{ASK}; print(cache_root(), flush=True); import subprocess, sys; subprocess.run([sys.executable, '-c', {ASK!r}])"
)


def ask(code: str, cache: Path | str, temporary: Path) -> tuple[list[str], str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DARKMASK_")}
    environment = {**kept, "XDG_CACHE_HOME": str(cache), "TMPDIR": str(temporary)}
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    return ended.stdout.split(), ended.stderr


@pytest.fixture
def temporary(tmp_path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def test_a_folder_that_can_be_used_is_used_in_silence(tmp_path, temporary):
    assert ask(ASK, tmp_path / "cache", temporary) == ([str(tmp_path / "cache" / "darkmask")], "")
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "reason"),
    [("/proc/none", "No such file or directory"), ("file", "Not a directory"), ("/sys/kernel", "")],
    ids=["cannot_be_made", "below_a_file", "nobody_writes_there"],
)
def test_another_serves_every_process_and_is_told_once(tmp_path, temporary, place, reason):
    (tmp_path / "file").write_text("")
    cache = tmp_path / place / "cache"
    chosen, said = ask(ASK_AGAIN, cache, temporary)
    assert chosen == 3 * [str(temporary / f"darkmask-{os.geteuid()}")]
    assert said.count("\n") == 1
    assert f"{cache / 'darkmask'} cannot be used ({reason}" in said
    assert "set XDG_CACHE_HOME" in said
    # The next run finds what this one made.
    assert ask(ASK, cache, temporary)[0] == chosen[:1]


@pytest.mark.parametrize("mode", [0o777, 0o750])
def test_a_folder_that_others_may_write_or_read_is_not_trusted(tmp_path, temporary, mode):
    """Compiled code is run from there."""
    prepared = temporary / f"darkmask-{os.geteuid()}"
    prepared.mkdir()
    prepared.chmod(mode)
    (chosen,), _ = ask(ASK, "/proc/none", temporary)
    assert Path(chosen).parent == temporary
    assert Path(chosen) != prepared
    assert Path(chosen).stat().st_mode & 0o077 == 0


def test_a_link_to_a_folder_is_not_trusted(tmp_path, temporary):
    (tmp_path / "theirs").mkdir(mode=0o700)
    (temporary / f"darkmask-{os.geteuid()}").symlink_to(tmp_path / "theirs")
    (chosen,), _ = ask(ASK, "/proc/none", temporary)
    assert not Path(chosen).is_symlink()
    assert Path(chosen).parent == temporary
