"""The on-disk cache, atomic files and report folders: nothing half-made under a final name."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from darkmask.core import cache
from darkmask.core.atomic import replacing, sha256_file, working_folder
from darkmask.core.errors import StorageError
from fixtures.session.record.folder import ReportFolder


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "cache_root", lambda: tmp_path / "cache")


def test_an_entry_is_made_once(tmp_path):
    made = []

    def make(folder):
        made.append(folder)
        (folder / "value").write_text("1")

    first, second = cache.cached("kind", "key", make), cache.cached("kind", "key", make)
    assert first == second
    assert (first / "value").read_text() == "1"
    assert len(made) == 1


DAMAGES = {
    "changed": lambda entry: (entry / "value").write_text("wrong"),
    "cut": lambda entry: os.truncate(entry / "value", 3),
    "emptied": lambda entry: os.truncate(entry / "value", 0),
    "removed": lambda entry: (entry / "value").unlink(),
    "one file more": lambda entry: (entry / "other").write_text("not listed"),
    "no list": lambda entry: (entry / "contents.json").unlink(),
    "half a list": lambda entry: os.truncate(entry / "contents.json", 20),
    "list of nothing": lambda entry: (entry / "contents.json").write_text("{}"),
    "list of numbers": lambda entry: (entry / "contents.json").write_text("[1]"),
    "empty folder": lambda entry: [path.unlink() for path in entry.iterdir()],
    "no folder": lambda entry: (shutil.rmtree(entry), entry.write_text("a file")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_made_again(damage):
    def make(folder):
        (folder / "value").write_text("right")

    entry = cache.cached("kind", "key", make)
    DAMAGES[damage](entry)
    assert (cache.cached("kind", "key", make) / "value").read_text() == "right"
    assert sorted(path.name for path in entry.iterdir()) == ["contents.json", "value"]


def test_a_failed_entry_leaves_nothing(tmp_path):
    def make(folder):
        (folder / "value").write_text("half")
        raise OSError("disk full")

    with pytest.raises(StorageError, match=r"cannot be written \(disk full\): free some space"):
        cache.cached("kind", "key", make)
    assert [path.name for path in (tmp_path / "cache" / "kind").iterdir() if path.is_dir()] == []


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write_half():
        with replacing(path) as temporary:
            temporary.write_text("half of the new")
            raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="the disk is full"):
        write_half()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["file.txt"]
    assert len(sha256_file(path)) == 64


WRITE_SLOWLY = """
import sys, time
from pathlib import Path
from darkmask.core.atomic import replacing, working_folder
with working_folder(Path(sys.argv[1]), "entry") as folder, replacing(Path(sys.argv[1]) / "file[1].txt") as temporary:
    (folder / "half").write_text("half")
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    command = [sys.executable, "-c", WRITE_SLOWLY, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"writing\n"
        for _ in range(2):
            with replacing(tmp_path / "file[1].txt") as temporary, working_folder(tmp_path, "entry"):
                temporary.write_text("whole")
        assert len(list(tmp_path.glob(".part-*"))) == 2
        child.send_signal(signal.SIGKILL)
    with replacing(tmp_path / "file[1].txt") as temporary, working_folder(tmp_path, "entry"):
        temporary.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["file[1].txt"]


def begun(reports, name, source):
    folder = ReportFolder(reports, name, source)
    folder.begin({"verdict": "incomplete"})
    return folder


def test_two_deliveries_of_one_name_have_folders_of_their_own(tmp_path):
    first = begun(tmp_path, "darks", "/data/one/darks")
    first.release()
    second = begun(tmp_path, "darks", "/data/two/darks")
    second.release()
    again = ReportFolder(tmp_path, "darks", "/data/one/darks")
    assert first.folder == again.folder == tmp_path / "darks"
    assert second.folder.name.startswith("darks-")


def test_earlier_files_are_set_aside(tmp_path):
    folder = begun(tmp_path, "darks", "/data/darks")
    folder.finish({"verdict": "pass"}, {"delivery": {"path": "/data/darks"}}, {})
    folder.release()
    folder.begin({"verdict": "incomplete"})
    folder.release()
    assert '"incomplete"' in (folder.folder / "results.json").read_text()
    assert '"pass"' in (folder.folder / "earlier" / "results.json").read_text()


def test_a_run_that_was_broken_off_does_not_replace_the_last_whole_report(tmp_path):
    folder = begun(tmp_path, "darks", "/data/darks")
    folder.finish({"verdict": "pass", "complete": True}, {"delivery": {"path": "/data/darks"}}, {})
    for _ in range(3):
        folder.begin({"verdict": "incomplete", "complete": False})
    folder.release()
    assert '"pass"' in (folder.folder / "earlier" / "results.json").read_text()


def test_a_folder_in_use_or_signed_is_refused(tmp_path):
    folder = begun(tmp_path, "darks", "/data/darks")
    with pytest.raises(pytest.UsageError, match="Another run is writing"):
        begun(tmp_path, "darks", "/data/darks")
    folder.release()
    (folder.folder / "signoff.json").touch()
    with pytest.raises(pytest.UsageError, match="is signed and is never written to"):
        begun(tmp_path, "darks", "/data/darks")


def test_results_never_hold_a_nan(tmp_path):
    folder = begun(tmp_path, "darks", "/data/darks")
    with pytest.raises(ValueError, match="not JSON compliant"):
        folder.finish({"measured": float("nan")}, {}, {})
    assert '"incomplete"' in (folder.folder / "results.json").read_text()
    folder.release()
