"""What cannot do the work is refused before it begins, in one sentence that says what to do."""

import json
import re
import shutil
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from darkmask.cli import main
from darkmask.cluster import connection, opening
from darkmask.cluster.address import where
from darkmask.cluster.connection import connected
from darkmask.cluster.opening import LocalWorkers
from darkmask.cluster.process import seen
from darkmask.core.errors import CommandError
from darkmask.core.provenance import PACKAGE
from tests.support.raw_darks import references
from tests.support.schedulers import ByHand, by_hand


@pytest.fixture
def refused(small, tmp_path, capsys):
    """Return what a search says on standard error when it is refused."""

    def search(scheduler: ByHand | str) -> str:
        given = scheduler.file if isinstance(scheduler, ByHand) else scheduler
        out = tmp_path / "out"
        assert main(["search", str(small.delivery), str(out), "--frame=128", f"--scheduler={given}"]) == 4
        assert not out.exists()
        (said,) = capsys.readouterr().err.splitlines()
        return said

    return search


def other_package(folder: Path, *, whole: bool) -> dict[str, str]:
    """Return an environment with no package of our name, or a changed copy of this one."""
    if whole:
        shutil.copytree(PACKAGE, folder / "darkmask", ignore=shutil.ignore_patterns("__pycache__"))
        with (folder / "darkmask" / "search" / "budget.py").open("a") as file:
            file.write("\n# Changed.\n")
    else:
        (folder / "darkmask").mkdir(parents=True)
        # As if there were none: that of an editable installation is found in spite of any path.
        said = "raise ModuleNotFoundError(\"No module named 'darkmask'\")"
        (folder / "darkmask" / "__init__.py").write_text(said)
    return {"PYTHONPATH": str(folder)}


def test_nobody_answers(refused, monkeypatch):
    monkeypatch.setattr(opening, "ANSWERS_WITHIN", 1.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        said = refused(f"tcp://127.0.0.1:{free.getsockname()[1]}")
    assert "no scheduler of Dask answers at tcp://127.0.0.1:" in said
    assert "start one there, or correct the address" in said


@pytest.mark.slow
def test_somebody_else_answers(refused, monkeypatch):
    monkeypatch.setattr(opening, "ANSWERS_WITHIN", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        said = refused(f"tcp://127.0.0.1:{other.getsockname()[1]}")
    assert "no scheduler of Dask answers" in said


@pytest.mark.slow
def test_an_encrypted_address_without_certificates(refused):
    assert "no certificates are configured" in refused("tls://127.0.0.1:8786")


def test_no_worker(refused, empty, monkeypatch):
    monkeypatch.setattr(connection, "WORKER_WITHIN", 0.5)
    # Nor is it told that none is left: there never was one.
    monkeypatch.setattr(connection, "WATCHED_EVERY", 0.1)
    assert "the scheduler answers and has no worker, nor got one within 0 s: start some" in refused(empty)


@pytest.mark.slow
def test_a_worker_that_would_do_two_tasks_at_once(refused, empty):
    empty.start_worker(threads=2)
    assert "would do 2 tasks in one process, and each takes a process: start workers with --nthreads 1" in refused(
        empty
    )


@pytest.mark.slow
def test_a_scheduler_that_the_network_reaches(refused, tmp_path):
    """Without --host it listens on all interfaces, whatever address the client takes."""
    if _own_address() is None:
        pytest.skip("this machine has no network")
    with by_hand(tmp_path / "open") as started:
        started.start_scheduler("--host", "0.0.0.0")
        port = where_port(started.file)
        started.start_worker()
        assert "can be reached over the network without encryption" in refused(f"tcp://127.0.0.1:{port}")


def where_port(file: Path) -> int:
    return int(json.loads(file.read_text())["address"].rpartition(":")[2])


def _own_address() -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return None


@pytest.mark.parametrize(
    ("whole", "says"),
    [(False, "has no such darkmask as this one"), (True, "has another state of our code (")],
)
@pytest.mark.slow
def test_a_worker_with_another_package(refused, empty, tmp_path, whole, says):
    empty.start_worker(environment=other_package(tmp_path / "other", whole=whole))
    said = refused(empty)
    assert f"the worker tcp://127.0.0.1:{said.split('127.0.0.1:')[1].split(' ')[0]} {says}" in said
    assert "install the same" in said


@pytest.mark.slow
def test_versions_that_do_not_matter_are_no_table_of_dask(small, empty, tmp_path, capsys):
    other = tmp_path / "other" / "toolz-0.0.1.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: toolz\nVersion: 0.0.1\n")
    empty.start_worker(environment={"PYTHONPATH": str(other.parent)})
    with connected(where(str(empty.file)), LocalWorkers(1, 1e9)) as made:
        made.client.wait_for_workers(1, timeout=60)
        said = made.client.get_versions()["workers"].values()
    assert [one["packages"]["toolz"] for one in said] == ["0.0.1"]
    out = tmp_path / "out"
    words = ["search", str(small.delivery), str(out), "--frame=128", "--detectors=NRCA1"]
    assert main([*words, f"--scheduler={empty.file}"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_a_scheduler_with_another_package(refused, tmp_path):
    with by_hand(tmp_path / "other") as started:
        started.start_scheduler(environment=other_package(tmp_path / "package", whole=True))
        started.start_worker()
        assert "the scheduler has another state of our code (" in refused(started)


@pytest.fixture(scope="module")
def cluster(two_workers):
    with connected(where(str(two_workers.file)), LocalWorkers(1, 1e9)) as made:
        made.client.wait_for_workers(2, timeout=60)
        yield made


@pytest.mark.slow
def test_workers_that_see_other_files(cluster, tmp_path):
    path = tmp_path / "a.fits"
    path.write_bytes(b"1234")
    here = seen(path)
    cluster.look_at_workers([here])
    with pytest.raises(CommandError, match=r"the worker tcp://.* sees another /.*a.fits, of another size or date"):
        cluster.look_at_workers([here._replace(modified=here.modified + 1)])
    with pytest.raises(CommandError, match=r"cannot see /nowhere/a.fits \(No such file or directory\): start workers"):
        cluster.look_at_workers([here._replace(path="/nowhere/a.fits")])


@pytest.mark.slow
def test_workers_that_do_not_see_the_folder_to_write(cluster, tmp_path, monkeypatch):
    cluster.look_at_workers([], tmp_path)
    assert not list(tmp_path.iterdir())

    @contextmanager
    def on_another_file_system(_out):
        yield "not-there"

    monkeypatch.setattr(connection, "_token", on_another_file_system)
    with pytest.raises(CommandError, match=r"does not see the folder .* that is here"):
        cluster.look_at_workers([], tmp_path)


@pytest.mark.slow
def test_memory_that_no_worker_declares(cluster):
    cluster.require_memory(1.9e9, "one exposure", declared=True)
    with pytest.raises(CommandError, match=r"takes up to 3 GB .* declares are 2 GB: .* --resources \"MEMORY=3.1e9\""):
        cluster.require_memory(3e9, "one exposure", declared=True)
    with pytest.raises(CommandError, match=r"tcp://.* may take no more than .* GB: start it with a larger --memory"):
        cluster.require_memory(1e15, "the search of one detector", declared=False)


@pytest.mark.slow
def test_memory_that_a_worker_declares_a_moment_later(empty, monkeypatch):
    monkeypatch.setattr(connection, "DECLARES_WITHIN", 60.0)
    empty.start_worker("--resources", "MEMORY=1e9")
    with connected(where(str(empty.file)), LocalWorkers(1, 1e9)) as made, ThreadPoolExecutor(1) as thread:
        made.client.wait_for_workers(1, timeout=60)
        asked = thread.submit(made.require_memory, 3e9, "one exposure", declared=True)
        with pytest.raises(TimeoutError):
            asked.result(timeout=0.5)
        empty.start_worker("--resources", "MEMORY=4e9")
        assert asked.result() is None
        assert sorted(worker["resources"]["MEMORY"] for worker in made.workers.values()) == [1e9, 4e9]


@pytest.mark.slow
def test_a_worker_too_small_for_a_search_beside_one_that_is_not(refused, empty):
    """Dask would give it the task, and end it in the middle."""
    empty.start_worker("--memory-limit", "4GB")
    empty.start_worker("--memory-limit", "150MB")
    with connected(where(str(empty.file)), LocalWorkers(1, 1e9)) as made:
        made.client.wait_for_workers(2, timeout=60)
    assert "may take no more than 0.15 GB: start it with a larger --memory-limit, or end it." in refused(empty)


@pytest.mark.slow
def test_undeclared_memory_does_not_hang(raw, empty, tmp_path, capsys):
    empty.start_worker()
    out = tmp_path / "out"
    words = ["prepare", str(raw.delivery), str(out), "--references", str(references(raw)), "--frame=128"]
    assert main([*words, f"--scheduler={empty.file}"]) == 4
    said = capsys.readouterr().err.splitlines()[-1]
    assert re.search(r"one exposure takes up to 0\.6\d GB and waits for a worker that declares so much of the", said)
    assert 'none declares any: start workers with --resources "MEMORY=0.7e9".' in said
    assert not out.exists()
    # A folder that was there stays, such as one with rights of its own on a shared disk.
    out.mkdir()
    assert main([*words, f"--scheduler={empty.file}"]) == 4
    assert not list(out.iterdir())


def test_dask_is_not_installed(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "--scheduler needs Dask's scheduler, which is not installed: pip install 'darkmask[cluster]'" in refused(
        "local"
    )
