"""Killed at any moment and started again: no wrong verdict, nothing half made, and the next run is right."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.faults import (
    checks_command,
    environment,
    in_own_mounts,
    kill_when,
    leftovers,
    require_no_false_pass,
    require_whole_cache,
    require_whole_report,
    run,
    state_of,
    without_times,
)


def seen(folder: Path, pattern: str):
    """A moment: something of this name is there."""
    return lambda: folder.is_dir() and any(folder.glob(pattern))


def says_incomplete(folder: Path):
    results = folder / "results.json"
    return lambda: results.exists() and '"incomplete"' in results.read_text()


@pytest.mark.slow
def test_killed_on_the_way_to_a_first_report(undisturbed, tmp_path):
    reports, cache = tmp_path / "reports", tmp_path / "cache"
    folder, kept = reports / "small", cache / "darkmask"
    moments = {
        "the lock of the report": seen(reports, ".small.lock"),
        "the first results": seen(folder, "results.json"),
        "the staging folder": seen(folder, ".staging/injections"),
        "a mask begun": seen(kept, "masks/.part-*"),
        "maps written": seen(kept, "masks/.part-*/*_maps.npz"),
        "a mask in the cache": seen(kept, "masks/*/contents.json"),
        "a mask in the staging folder": seen(folder, ".staging/masks/*.fits"),
        "an injection begun": seen(kept, "injections/.part-*"),
        "an injection in the cache": seen(kept, "injections/*/contents.json"),
        "the page": seen(folder, ".staging/report.html"),
        "the page under its name": seen(folder, "report.html"),
    }
    killed = []
    for name, moment in moments.items():
        if kill_when(checks_command(reports, *undisturbed.options), environment(cache), moment):
            killed.append(name)
        require_no_false_pass(folder, undisturbed.results)
        require_whole_cache(cache)
    # A moment may pass between two looks; most do not.
    assert len(killed) >= 8, killed
    ended = run(checks_command(reports, *undisturbed.options), environment(cache))
    assert ended.returncode == 0, ended.stdout
    assert without_times(folder) == undisturbed.results
    require_whole_report(folder)
    assert leftovers(tmp_path) == []


@pytest.mark.slow
def test_killed_while_an_earlier_report_is_set_aside(undisturbed, tmp_path):
    reports, cache = tmp_path / "reports", undisturbed.copied_cache(tmp_path / "cache")
    folder = reports / "small"
    shutil.copytree(undisturbed.folder, folder)
    before = state_of(folder)
    moments = {
        "nothing yet": lambda: (reports / ".small.lock").exists(),
        "a copy of the results": seen(folder, ".moving/results.json"),
        "the beginning": says_incomplete(folder),
        "all of it set aside": seen(folder, "earlier/report.html"),
        "the page under its name": seen(folder, "report.html"),
    }
    for moment in moments.values():
        kill_when(checks_command(reports, *undisturbed.options), environment(cache), moment)
        verdict = require_no_false_pass(folder, undisturbed.results)
        if verdict == "incomplete" and not (folder / ".moving").exists():
            # The last whole report is never lost, however often its successors were killed.
            require_whole_report(folder / "earlier")
            assert without_times(folder / "earlier") == undisturbed.results
    assert run(checks_command(reports, *undisturbed.options), environment(cache)).returncode == 0
    assert without_times(folder) == undisturbed.results
    require_whole_report(folder / "earlier")
    assert leftovers(tmp_path) == []
    assert before.keys() - {"."} <= state_of(folder).keys()


def demo_command(out: Path) -> list[str]:
    size = ["--frame", "64", "--detectors", "NRCA1", "--exposures", "2", "--no-subarrays"]
    return [sys.executable, "-m", "darkmask", "demo", str(out), *size]


@pytest.mark.slow
def test_a_demo_that_was_killed_is_made_by_the_next_call(tmp_path):
    out = tmp_path / "demo"
    assert kill_when(demo_command(out), environment(tmp_path / "cache"), seen(tmp_path, ".part-*/demo/*_jump.fits"))
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == []
    ended = run(demo_command(out), environment(tmp_path / "cache"))
    assert ended.returncode == 0, ended.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo", "demo.base", "demo.ground", "demo.truth"]
    once_more = run(demo_command(out), environment(tmp_path / "cache"))
    assert once_more.returncode == 1
    assert "exists and is not empty: remove it" in once_more.stdout
    assert "Traceback" not in once_more.stdout


@pytest.mark.slow
def test_a_search_that_was_killed_is_finished_by_the_next_call(small, tmp_path):
    command = [sys.executable, "-m", "darkmask", "search", str(small.delivery), "", "--frame", "128"]
    out, whole = tmp_path / "out", tmp_path / "whole"
    assert run([*command[:5], str(whole), *command[6:]], environment(tmp_path / "other")).returncode == 0
    command[5] = str(out)
    env = environment(tmp_path / "cache")
    for moment in (seen(tmp_path / "cache" / "darkmask", "masks/.part-*/*_maps.npz"), seen(out, "*_mask_nrca1.fits")):
        assert kill_when(command, env, moment)
        for path in out.glob("[!.]*"):
            assert path.read_bytes() == (whole / path.name).read_bytes()
        require_whole_cache(tmp_path / "cache")
    ended = run(command, env)
    assert ended.returncode == 0, ended.stdout
    assert {p.name: p.read_bytes() for p in out.iterdir()} == {p.name: p.read_bytes() for p in whole.iterdir()}


def test_a_demo_on_a_full_disk_is_one_sentence(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    command = " ".join(demo_command(disk / "demo"))
    ended = run(
        in_own_mounts(
            f"mount -t tmpfs -o size=300k none {disk}",
            command,
            "echo status $?",
            f"ls -A {disk}",
        ),
        environment(tmp_path / "cache"),
    )
    assert "status 1\n" in ended.stdout, ended.stdout
    assert ended.stdout.endswith("status 1\n"), "nothing is left on the disk"
    assert "disk/demo cannot be written (" in ended.stdout
    assert "Traceback" not in ended.stdout
