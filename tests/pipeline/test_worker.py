"""The process of the pipeline leaves nothing behind, however it ends."""

import os
import signal

import pytest

from darkmask.pipeline.worker import Worker, WorkerError


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Give a function that starts a process, with a folder of temporary files of its own, and asks it something."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    started = []

    def start() -> Worker:
        worker = Worker("darkmask.pipeline.server")
        started.append(worker)
        with pytest.raises(WorkerError, match="ModuleNotFoundError"):
            worker.ask({"module": "darkmask.no_such_module"})
        return worker

    yield start
    for worker in started:
        worker.close()


def test_a_process_that_is_no_longer_needed_cleans_up(ask, tmp_path):
    worker = ask()
    process = worker._process
    assert [path.name.endswith("-darkmask-crds") for path in tmp_path.iterdir()] == [True]
    worker.close()
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_what_a_killed_process_left_goes_with_the_next_one_but_not_what_another_uses(ask, tmp_path):
    living, killed = ask(), ask()
    os.kill(killed._process.pid, signal.SIGKILL)
    killed._process.wait()
    assert len(list(tmp_path.iterdir())) == 2
    following = ask()
    assert len(list(tmp_path.iterdir())) == 2
    for worker in (living, following):
        worker.close()
    assert list(tmp_path.iterdir()) == []


def test_a_process_at_work_is_not_waited_for_for_long(ask):
    worker = ask()
    process = worker._process
    os.kill(process.pid, signal.SIGSTOP)
    worker.close()
    assert process.returncode == -signal.SIGKILL


def test_what_was_loaded_ahead_is_no_answer_to_the_next_question(ask):
    worker = ask()
    worker.load("json", "darkmask.no_such_module")
    worker.load("json")
    with pytest.raises(WorkerError, match=r"darkmask\.another"):
        worker.ask({"module": "darkmask.another"})
    assert worker.ask({"module": "darkmask.pipeline.loading", "modules": []}) is None


def test_a_process_that_died_while_it_loaded_is_started_again(ask):
    worker = ask()
    worker.load("json")
    os.kill(worker._process.pid, signal.SIGKILL)
    worker._process.wait()
    assert worker.ask({"module": "darkmask.pipeline.loading", "modules": []}) is None
