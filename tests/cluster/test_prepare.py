"""Raw darks that workers prepare are those that one process prepares, whatever becomes of the workers."""

import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from darkmask.acquire.prepare import Elsewhere, PrepareSettings, prepare, read_given
from darkmask.cli import main
from darkmask.cluster.address import where
from darkmask.cluster.exposures import perform_at
from darkmask.core.detectors import Geometry
from darkmask.delivery import scan
from tests.support.deliveries import linked
from tests.support.raw_darks import references
from tests.support.schedulers import ByHand


def prepare_at(raw, out: Path, scheduler: ByHand | str, folder: Path | None = None) -> list[str]:
    place = where(str(scheduler.file if isinstance(scheduler, ByHand) else scheduler))
    elsewhere = Elsewhere(partial(perform_at, place), place.given if place.address else "")
    settings = PrepareSettings(Geometry(128))
    given = read_given(references(raw), ())
    return list(
        prepare(scan(folder or raw.delivery), out, given, settings, elsewhere=elsewhere, jobs=1, progress=False)
    )


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def some(raw, tmp_path) -> Path:
    """Make a folder of two exposures of the full frame and two of the subarray."""
    return linked(raw.delivery.glob("*_0000[12]_*"), tmp_path / "some")


@pytest.fixture(scope="module")
def of_some(prepared) -> dict[str, bytes]:
    """Return what one process makes of these."""
    return {name: content for name, content in files(prepared).items() if "_00001_" in name or "_00002_" in name}


@pytest.mark.slow
def test_workers_of_this_machine_prepare_what_processes_prepare(raw, some, of_some, tmp_path):
    said = prepare_at(raw, tmp_path / "out", "local", some)
    assert "4 exposures of up to 1 million pixels times groups: 1 at a time take up to 0.6 GB of memory" in said[0]
    assert files(tmp_path / "out") == of_some


@pytest.mark.slow
def test_a_worker_that_is_killed_half_way_changes_no_byte(raw, some, of_some, tmp_path, empty):
    out = tmp_path / "out"
    first = empty.start_worker("--resources", "MEMORY=2e9")
    with ThreadPoolExecutor(1) as client:
        asked = client.submit(prepare_at, raw, out, empty, some)
        end = time.monotonic() + 120
        while not (list(out.glob(".part-prepare-*")) and list(out.glob("prepared/*.json"))):
            assert time.monotonic() < end
            assert not asked.done(), asked.result()
            time.sleep(0.01)
        os.killpg(first.pid, signal.SIGKILL)
        empty.start_worker("--resources", "MEMORY=2e9")
        said = asked.result()
    assert f"each takes up to 0.6 GB of memory of a worker of {empty.file}" in said[0]
    assert files(out) == of_some


@pytest.mark.slow
def test_a_second_client_goes_on_from_what_is_there(raw, some, prepared, of_some, tmp_path, two_workers):
    out = tmp_path / "out"
    out.mkdir()
    for path in prepared.rglob("*00001_*.fits"):
        (out / path.name).write_bytes(path.read_bytes())
    (out / "prepared").mkdir()
    for path in (prepared / "prepared").glob("*00001_*.json"):
        (out / "prepared" / path.name).write_bytes(path.read_bytes())
    said = prepare_at(raw, out, two_workers, some)
    assert sorted(line.partition(": ")[2] for line in said[1:])[:2] == ["finished before"] * 2
    assert files(out) == of_some


@pytest.mark.slow
def test_one_bad_exposure_does_not_stop_the_others(raw, tmp_path, two_workers, capsys):
    folder, out = tmp_path / "some", tmp_path / "out"
    folder.mkdir()
    for path in raw.delivery.glob("jw01062002001*_0000[12]_*"):
        shutil.copy(path, folder)
    # A product cannot take the place of a folder.
    (out / "jw01062002001_02101_00001_nrcblong_jump.fits").mkdir(parents=True)
    words = ["prepare", str(folder), str(out), f"--references={references(raw)}", "--frame=128"]
    assert main([*words, f"--scheduler={two_workers.file}"]) == 1
    said = capsys.readouterr()
    assert "00002_nrcblong: made " in said.out
    assert "the pipeline's steps failed on jw01062002001_02101_00001_nrcblong_uncal.fits" in said.err
    assert [path.name for path in (out / "prepared").iterdir()] == ["jw01062002001_02101_00002_nrcblong.json"]
    assert [path.name for path in out.glob("*_00001_*")] == ["jw01062002001_02101_00001_nrcblong_jump.fits"]
    assert not list(out.glob(".p*"))
