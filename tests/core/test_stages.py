"""What the stages of a command take."""

import subprocess
import sys
import time
from threading import Thread

import pytest

from darkmask.core.kernels import work_in_blocks
from darkmask.core.stages import STAGES, read_stages, stage


@pytest.fixture
def asked(tmp_path, monkeypatch):
    place = tmp_path / "stages"
    monkeypatch.setenv(STAGES, str(place))
    return place


def test_a_stage_within_another_is_not_counted_twice(asked):
    with stage("outer"):
        time.sleep(0.02)
        with stage("inner"):
            time.sleep(0.2)
    taken = read_stages(asked)
    assert list(taken) == ["outer: inner", "outer"]
    assert taken["outer: inner"][0] >= 0.2 > taken["outer"][0] >= 0.02


def test_a_sleep_costs_time_and_no_processor(asked):
    with stage("asleep"):
        time.sleep(0.2)
    seconds, processor = read_stages(asked)["asleep"]
    assert seconds >= 0.2 > processor


def busy(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_processor_time_is_that_of_who_works_for_the_stage(asked):
    beside = Thread(target=busy, args=(0.3,))
    with stage("threads of its own"):
        beside.start()
        work_in_blocks(lambda _room, _start, _count: busy(0.1), 4, 1, lambda: None, threads=2)
        beside.join()
    _, processor = read_stages(asked)["threads of its own"]
    # Of four blocks, and not of what ran beside them.
    assert 0.4 <= processor < 0.6


def test_what_threads_took_for_a_stage_within_another_is_its_own(asked):
    with stage("outer"), stage("inner"):
        work_in_blocks(lambda _room, _start, _count: busy(0.1), 2, 1, lambda: None, threads=2)
    taken = {name: processor for name, (_, processor) in read_stages(asked).items()}
    assert taken["outer: inner"] >= 0.2
    assert abs(taken["outer"]) < 0.05


def test_calls_of_one_name_are_added_up_over_processes(asked):
    code = "import time\nfrom darkmask.core.stages import stage\n@stage('work')\ndef f(): time.sleep(0.1)\nf(); f()"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert read_stages(asked)["work"][0] >= 0.4


def test_a_stage_that_fails_is_counted_too_and_fails(asked):
    with pytest.raises(ValueError, match="what went wrong"), stage("broken"):
        raise ValueError("what went wrong")
    with stage("next"):
        pass
    assert list(read_stages(asked)) == ["broken", "next"]


def test_nobody_who_does_not_ask_gets_a_file(tmp_path, monkeypatch):
    monkeypatch.delenv(STAGES, raising=False)
    monkeypatch.chdir(tmp_path)
    with stage("work"):
        pass
    assert not list(tmp_path.iterdir())
    assert read_stages(tmp_path / "none") == {}
