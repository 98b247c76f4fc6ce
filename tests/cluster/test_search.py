"""A search on workers gives the bytes that one process gives, whatever becomes of the workers."""

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from darkmask.api.commands import write_search
from darkmask.build.cached import build_cached
from darkmask.build.request import BuildRequest
from darkmask.cli import main
from darkmask.cluster import connection, graph, masks
from darkmask.cluster.address import where
from darkmask.cluster.connection import connected
from darkmask.cluster.masks import jobs_of
from darkmask.cluster.opening import LocalWorkers
from darkmask.core.cache_content import read_content
from darkmask.core.detectors import Geometry
from darkmask.core.errors import ClusterError, DeliveryError
from darkmask.core.stages import STAGES
from darkmask.delivery import scan
from darkmask.search.parameters import SearchParameters
from tests.support.schedulers import ByHand


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def in_one(small, tmp_path_factory) -> tuple[list[str], dict[str, bytes]]:
    out = tmp_path_factory.mktemp("one") / "out"
    return list(write_search(small.delivery, out, frame=128, base=small.base)), written(out)


def search(small, out: Path, scheduler: ByHand | str) -> tuple[list[str], dict[str, bytes]]:
    given = where(str(scheduler.file if isinstance(scheduler, ByHand) else scheduler))
    said = list(write_search(small.delivery, out, frame=128, base=small.base, scheduler=given))
    return said, written(out)


def wait_for(what, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.mark.slow
def test_workers_of_this_machine_write_what_one_process_writes(small, tmp_path, own_cache, in_one):
    own_cache("local")
    assert search(small, tmp_path / "out", "local") == in_one


@pytest.mark.slow
def test_workers_of_others_write_what_one_process_writes(small, tmp_path, own_cache, in_one, two_workers):
    own_cache("here")
    # Another test that links the files of all changes their status, and whoever asks would have to ask the workers.
    own = replace(small, delivery=tmp_path / "own" / small.delivery.name)
    for there, copied in ((small.delivery, own.delivery), (small.base, own.base)):
        shutil.copytree(there, copied)
    time.sleep(2.1)  # a file as young as the clock's tick is not remembered
    assert search(own, tmp_path / "out", two_workers) == in_one
    made = sorted(path.name for path in tmp_path.glob("here/darkmask/masks/*") if path.is_dir())
    theirs = sorted(path.name for path in two_workers.folder.glob("cache*/darkmask/masks/*") if path.is_dir())
    assert len(made) == 2
    assert made == theirs
    # Nobody is asked for what is there.
    for path in two_workers.folder.glob("cache*/darkmask/masks/*"):
        path.rename(path.with_name(f".{path.name}"))
    assert search(own, tmp_path / "again", two_workers) == in_one
    assert not list(two_workers.folder.glob("cache*/darkmask/masks/[!.]*"))


@pytest.mark.slow
def test_a_mask_that_two_ask_for_at_once_is_made_once(small, tmp_path, own_cache, in_one, empty):
    own_cache("here")
    with ThreadPoolExecutor(2) as clients:
        asked = [clients.submit(search, small, tmp_path / f"out{i}", empty) for i in range(2)]
        empty.start_worker(environment={STAGES: str(tmp_path / "stages")})
        assert [one.result() for one in asked] == [in_one, in_one]
    stages = [json.loads(line)["stage"] for line in (tmp_path / "stages").read_text().splitlines()]
    # Two full frames and a subarray.
    assert stages.count("images") == 3


@pytest.mark.slow
def test_a_worker_that_is_killed_half_way_changes_no_byte(
    small, tmp_path, own_cache, in_one, empty, monkeypatch, capsys
):
    own_cache("here")
    monkeypatch.setattr(connection, "WATCHED_EVERY", 0.1)
    first = empty.start_worker()
    with ThreadPoolExecutor(1) as client:
        asked = client.submit(search, small, tmp_path / "out", empty)
        wait_for(lambda: asked.done() or list(empty.folder.glob("cache0/darkmask/masks/.part-*")))
        os.killpg(first.pid, signal.SIGKILL)
        wait_for(lambda: "has no worker left: start some, and the work goes on." in capsys.readouterr().err)
        assert not asked.done()
        empty.start_worker()
        assert asked.result() == in_one


@pytest.mark.parametrize(
    ("detectors", "workers", "shares"),
    [
        (4, 2, [1] * 4),
        (5, 2, [1, 1, 1, 1, 2]),
        (10, 4, [1] * 8 + [2, 2]),
        (2, 5, [2, 2]),
        (10, 16, [1] * 10),
        (0, 3, []),
    ],
)
def test_no_worker_is_idle_while_another_searches_the_last_detector(detectors, workers, shares):
    assert masks.shares_of(detectors, workers) == shares


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.slow
def test_blocks_of_rows_make_the_mask_of_one_process(small, tmp_path, own_cache, number, monkeypatch):
    request = BuildRequest(
        scan(small.delivery), "NRCA1", ("SUB64P",), "native", "flight", SearchParameters(), Geometry(128)
    )
    own_cache("one")
    one = read_content(build_cached(request).folder)
    own_cache("blocks")
    monkeypatch.setattr(masks, "WORTH_A_PROCESS", 0)
    *blocks, whole = jobs_of(request, number)
    assert [job.key for job in blocks] == list(whole.after)
    assert len(blocks) == (number if number > 1 else 0)
    made = whole.function(*whole.arguments, *(job.function(*job.arguments) for job in blocks))
    assert made.content == one


@pytest.mark.slow
def test_one_detector_is_searched_by_two_workers_of_which_one_is_killed(
    small, tmp_path, own_cache, in_one, empty, monkeypatch
):
    own_cache("here")
    monkeypatch.setattr(masks, "WORTH_A_PROCESS", 0)
    stages = [tmp_path / "stages0", tmp_path / "stages1"]
    workers = [empty.start_worker(environment={STAGES: str(path)}) for path in stages]
    with connected(where(str(empty.file)), LocalWorkers(1, 1e9)) as cluster:
        cluster.client.wait_for_workers(2, timeout=60)
    command = ["search", str(small.delivery), str(tmp_path / "out"), "--detectors=NRCA1", "--frame=128"]

    def measured(path: Path) -> bool:
        return path.exists() and "measure ramps" in path.read_text()

    with ThreadPoolExecutor(1) as client:
        asked = client.submit(main, [*command, f"--base={small.base}", f"--scheduler={empty.file}"])
        wait_for(lambda: asked.done() or any(map(measured, stages)))
        (first, *_) = (i for i in range(2) if measured(stages[i]))
        os.killpg(workers[first].pid, signal.SIGKILL)
        assert asked.result() == 0
    # What the one that was killed had measured is measured again.
    assert measured(stages[1 - first])
    out = written(tmp_path / "out")
    assert out == {name: data for name, data in in_one[1].items() if "nrca1" in name}


@pytest.mark.slow
def test_workers_that_share_a_detector_share_what_comes_after_its_ramps(
    small, tmp_path, own_cache, in_one, empty, monkeypatch
):
    own_cache("here")
    monkeypatch.setattr(masks, "WORTH_A_PROCESS", 0)
    stages = [tmp_path / "stages0", tmp_path / "stages1"]
    for path in stages:
        empty.start_worker(environment={STAGES: str(path)})
    with connected(where(str(empty.file)), LocalWorkers(1, 1e9)) as cluster:
        cluster.client.wait_for_workers(2, timeout=60)
    command = ["search", str(small.delivery), str(tmp_path / "out"), "--detectors=NRCA1", "--frame=128"]
    assert main([*command, f"--base={small.base}", f"--scheduler={empty.file}"]) == 0
    out = written(tmp_path / "out")
    assert out == {name: data for name, data in in_one[1].items() if "nrca1" in name}
    done = [{json.loads(line)["stage"] for line in path.read_text().splitlines()} for path in stages]
    (whole,) = (number for number in range(2) if "mask file" in done[number])
    assert "for others" in done[1 - whole]
    assert "mask file" not in done[1 - whole]


@pytest.mark.slow
def test_a_file_that_changed_is_told_by_those_who_share_a_detector(
    small, tmp_path, own_cache, two_workers, monkeypatch
):
    monkeypatch.setattr(masks, "WORTH_A_PROCESS", 0)
    darks = tmp_path / "darks"
    darks.mkdir()
    for path in small.delivery.glob("*nrca1*.fits"):
        shutil.copy(path, darks)
    index = scan(darks)
    os.utime(next(darks.glob("*_jump.fits")), (0, 0))
    said = []
    for more in ({}, {"scheduler": where(str(two_workers.file))}):
        own_cache(str(len(said)))
        with pytest.raises(DeliveryError) as error:
            list(write_search(index, tmp_path / "out", frame=128, detectors=("NRCA1",), **more))
        said.append(str(error.value))
    assert said[0] == said[1]
    assert "has changed since the delivery was scanned" in said[0]


@pytest.mark.slow
def test_a_worker_loads_what_a_search_takes_when_it_starts(empty):
    empty.start_worker()
    empty.start_worker("--preload", "darkmask.cluster.ready")
    with connected(where(str(empty.file)), LocalWorkers(1, 1e9)) as cluster:
        cluster.client.wait_for_workers(2, timeout=60)
        loaded = cluster.client.run(lambda: "darkmask.build.detector" in sys.modules)
        kernels = cluster.client.run(
            lambda: len(importlib.import_module("darkmask.search.maps.blocks").measure_block.signatures)
        )
    assert sorted(loaded.values()) == [False, True]
    assert sorted(map(bool, kernels.values())) == [False, True]


@pytest.mark.slow
def test_a_scheduler_that_begins_again_changes_no_byte(small, tmp_path, own_cache, in_one, empty):
    own_cache("here")
    first = empty.start_worker()
    port = int(where(str(empty.file)).address.rpartition(":")[2])
    with ThreadPoolExecutor(1) as client:
        asked = client.submit(search, small, tmp_path / "out", empty)
        wait_for(lambda: asked.done() or list(empty.folder.glob("cache0/darkmask/masks/.part-*")))
        for process in (empty.scheduler, first):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert not asked.done()
        empty.start_scheduler(port=port)
        empty.start_worker()
        assert asked.result() == in_one


@pytest.mark.slow
def test_a_scheduler_that_does_not_come_back_is_one_sentence(small, tmp_path, own_cache, empty):
    own_cache("here")
    worker = empty.start_worker()
    settings = (
        "import darkmask.cluster.connection as c; c.COMES_BACK_WITHIN = 1.0; from darkmask.cli import main; main()"
    )
    words = [sys.executable, "-c", settings, "search", str(small.delivery), str(tmp_path / "out"), "--frame=128"]
    asked = subprocess.Popen([*words, f"--scheduler={empty.file}"], stderr=subprocess.PIPE, text=True)
    wait_for(lambda: asked.poll() is not None or list(empty.folder.glob("cache0/darkmask/masks/.part-*")))
    for process in (empty.scheduler, worker):
        os.killpg(process.pid, signal.SIGKILL)
    said = asked.communicate(timeout=200)[1].splitlines()
    assert len(said) == 1, said
    assert "went away while it was at work, and did not come back" in said[0]
    assert "Start it again and give the same command: what was finished is kept." in said[0]


@pytest.mark.slow
def test_a_detector_that_cannot_be_searched_is_told_as_in_one_process(small, tmp_path, own_cache, two_workers, capsys):
    own_cache("here")
    command = ["search", str(small.delivery), "--detectors=NRCA1,NRCB1", "--frame=128"]
    assert main([*command[:2], str(tmp_path / "a"), *command[2:]]) == 1
    in_one = capsys.readouterr()
    own_cache("there")
    assert main([*command[:2], str(tmp_path / "b"), *command[2:], f"--scheduler={two_workers.file}"]) == 1
    assert capsys.readouterr() == in_one
    assert written(tmp_path / "b") == written(tmp_path / "a")


@pytest.mark.slow
def test_a_worker_without_a_usable_cache_has_a_temporary_one(small, tmp_path, own_cache, in_one, empty):
    own_cache("here")
    (tmp_path / "temporary").mkdir()
    empty.start_worker(environment={"XDG_CACHE_HOME": "/dev/null", "TMPDIR": str(tmp_path / "temporary")})
    assert search(small, tmp_path / "out", empty) == in_one
    assert "The cache folder /dev/null/darkmask cannot be used" in empty.said()


@pytest.mark.slow
def test_a_connection_that_is_lost_again_and_again_is_given_up(small, tmp_path, own_cache, empty, monkeypatch):
    """What Dask cannot send is no reason to try for ever."""
    own_cache("here")
    empty.start_worker()
    monkeypatch.setattr(graph, "_submitted", lambda *_: None)
    with pytest.raises(ClusterError, match="was lost 4 times with nothing done between"):
        search(small, tmp_path / "out", empty)
