"""How far work is: a bar where somebody watches, one line now and then where nobody does, nothing where unasked."""

import time

import pytest

from darkmask.core import progress
from darkmask.core.progress import progress_bar


def lines_of(capsys, **more) -> list[str]:
    """Work through 4 GB, of which three stay undone, until a line or two were said."""
    said = ""
    with progress_bar("searching", 4_000_000_000, **more) as bar:
        bar.about("NRCA1, hash")
        bar(1_000_000_000)
        until = time.monotonic() + (0.3 if not more["shown"] else 20)
        while said.count("\n") < 2 and time.monotonic() < until:
            time.sleep(0.01)
            said += capsys.readouterr().err
    return said.splitlines()


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.02)


def test_without_a_terminal_lines_say_stage_amount_rate_and_time_left(capsys):
    line = lines_of(capsys, shown=True, counts_bytes=True)[-1]
    assert line.startswith("searching NRCA1, hash: 1 of 4 GB, ")
    assert " MB/s, " in line
    assert line.endswith(" s left")


def test_steps_are_counted_where_they_are_no_bytes(capsys):
    line = lines_of(capsys, shown=True, estimates=False)[-1]
    assert line.startswith("searching NRCA1, hash: 1000000000 of 4000000000, ")
    assert line.endswith(" s gone")


def test_nothing_is_said_unasked(capsys):
    assert lines_of(capsys, shown=False, counts_bytes=True) == []
