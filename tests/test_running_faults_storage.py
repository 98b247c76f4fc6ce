"""Damaged caches, full disks and deliveries that can only be read: the same result or one sentence."""

import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.faults import (
    checks_command,
    environment,
    in_own_mounts,
    require_no_false_pass,
    require_whole_cache,
    require_whole_report,
    run,
    state_of,
    without_times,
)

NO_ROOM = "cannot be written (No space left on device): free some space"


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) * 2 // 3] ^= 0x10
    path.write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [cut, empty, flip, Path.unlink])
def test_a_damaged_cache_is_made_again(undisturbed, tmp_path, damage):
    cache = undisturbed.copied_cache(tmp_path / "cache")
    for kind in ("masks", "injections", "stability"):
        for path in (cache / "darkmask" / kind).glob("*/*"):
            damage(path)
    # The strips of an injection are another half of the time; their cache is the same code.
    options = [*undisturbed.options, *(["-k", "not INJ"] if damage is not flip else [])]
    ended = run(checks_command(tmp_path / "reports", *options), environment(cache))
    results = without_times(tmp_path / "reports" / "small")
    expected = undisturbed.results["checks"]
    if damage is flip:
        assert ended.returncode == 0, ended.stdout
        assert results == undisturbed.results
    else:
        assert [c for c in results["checks"] if not c["id"].startswith("INJ")] == [
            c for c in expected if not c["id"].startswith("INJ")
        ]


# One small kernel: all of a search take half a minute to compile.
SORT_TWO = (
    "import numpy as np; from darkmask.search.maps.order import _exchange; "
    "one, other, low, high = np.array([[3], [1], [0], [0]], np.float32); "
    "_exchange(one, other, low, high); print(low, high)"
)


@pytest.mark.parametrize("pattern", ["*.nbc", "*.nbi", "*.nbc.sha256"])
def test_damaged_machine_code_is_compiled_again(tmp_path, pattern):
    env = environment(tmp_path / "cache", NUMBA_CACHE_DIR=str(tmp_path / "kernels"))
    command = [sys.executable, "-c", SORT_TWO]
    assert run(command, env).stdout == "[1.] [3.]\n"
    for damage in (cut, flip, Path.unlink):
        (damaged,) = (tmp_path / "kernels").rglob(pattern)
        damage(damaged)
        ended = run(command, env)
        assert (ended.returncode, ended.stdout) == (0, "[1.] [3.]\n"), damage
        # Kept again, so that the next process need not compile.
        assert damaged.stat().st_size > 32


def test_machine_code_that_cannot_be_kept_is_used(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    ended = run(
        in_own_mounts(f"mount -t tmpfs -o size=4k none {disk}", f"{sys.executable} -c '{SORT_TWO}'"),
        environment(tmp_path / "cache", NUMBA_CACHE_DIR=str(disk)),
    )
    assert (ended.returncode, ended.stdout) == (0, "[1.] [3.]\n")


@pytest.mark.parametrize("size", ["0k", "60k"])
def test_a_full_disk_under_the_cache_is_one_sentence(undisturbed, tmp_path, size):
    cache, reports, kept = tmp_path / "cache", tmp_path / "reports", tmp_path / "kept"
    cache.mkdir()
    chosen = shlex.join(checks_command(reports, *undisturbed.options, "-k", "CNT"))
    again = shlex.join(checks_command(tmp_path / "again", *undisturbed.options, "-k", "CNT"))
    ended = run(
        in_own_mounts(
            f"mount -t tmpfs -o size={size if size != '0k' else '4k,nr_inodes=1'} none {cache}",
            chosen,
            "echo status $?",
            f"cp -a {cache} {kept}",
            f"mount -o remount,size=50m,nr_inodes=10000 {cache}",
            again,
        ),
        environment(cache),
    )
    assert "status 1\n" in ended.stdout, ended.stdout
    assert f"cache/darkmask{'' if size == '0k' else '/masks'}" in ended.stdout
    checks = without_times(reports / "small")["checks"]
    asked = [check for check in checks if check["id"].startswith("CNT")]
    assert {check["outcome"] for check in asked} == {"not_evaluated"}
    # In the system's words or in astropy's.
    said = r"cannot be written \((No space left on device|Not enough space on disk: .*)\): free some space, or set XDG"
    assert all(re.search(said, check["message"]) for check in asked), asked[0]["message"]
    assert "Traceback" not in ended.stdout
    require_whole_cache(kept)
    right = [check for check in undisturbed.results["checks"] if check["id"].startswith("CNT")]
    assert [c for c in without_times(tmp_path / "again" / "small")["checks"] if c["id"].startswith("CNT")] == right


@pytest.mark.parametrize("size", ["8k", "60k", "130k"])
def test_a_full_disk_under_the_report_is_one_sentence(undisturbed, tmp_path, size):
    reports, kept = tmp_path / "reports", tmp_path / "kept"
    reports.mkdir()
    command = shlex.join(checks_command(reports, *undisturbed.options))
    ended = run(
        in_own_mounts(
            f"mount -t tmpfs -o size={size} none {reports}",
            command,
            "echo status $?",
            f"cp -a {reports} {kept}",
            f"mount -o remount,size=50m {reports}",
            command,
            "echo then $?",
            f"cp -a {reports} {tmp_path}/later",
        ),
        environment(undisturbed.copied_cache(tmp_path / "cache")),
    )
    first, _, second = ended.stdout.partition("status ")
    assert second[:1] in ("1", "4"), ended.stdout
    assert NO_ROOM in " ".join(first.split()), first
    assert "INTERNALERROR" not in first
    assert "Traceback" not in first
    assert require_no_false_pass(kept / "small", undisturbed.results) in ("", "incomplete")
    assert not (kept / "small" / "report.html").exists()
    assert "then 0" in second, second
    assert without_times(tmp_path / "later" / "small") == undisturbed.results
    require_whole_report(tmp_path / "later" / "small")


def test_a_delivery_that_can_only_be_read(small, undisturbed, tmp_path):
    before = state_of(small.delivery)
    command = shlex.join(checks_command(tmp_path / "reports", *undisturbed.options))
    folder = small.delivery
    ended = run(
        in_own_mounts(f"mount --bind {folder} {folder}", f"mount -o remount,ro,bind {folder}", command),
        environment(tmp_path / "cache"),
    )
    assert ended.returncode == 0, ended.stdout
    assert without_times(tmp_path / "reports" / "small") == undisturbed.results
    assert state_of(small.delivery) == before
