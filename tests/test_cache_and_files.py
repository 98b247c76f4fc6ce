"""The on-disk cache, atomic files and report folders: nothing half-made under a final name."""

import pytest

from darkmask import cache
from darkmask.atomic import replacing, sha256_file
from fixtures.report_folder import ReportFolder


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


@pytest.mark.parametrize("damage", ["changed", "removed", "no list"])
def test_a_damaged_entry_is_made_again(damage):
    def make(folder):
        (folder / "value").write_text("right")

    entry = cache.cached("kind", "key", make)
    if damage == "changed":
        (entry / "value").write_text("wrong")
    else:
        (entry / ("value" if damage == "removed" else "contents.json")).unlink()
    assert (cache.cached("kind", "key", make) / "value").read_text() == "right"


def test_a_failed_entry_leaves_nothing(tmp_path):
    def make(folder):
        (folder / "value").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
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
