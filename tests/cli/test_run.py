"""``run``: from a program's number to a report, against an archive on the loopback interface."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from astropy.io import fits

from darkmask.cli import main
from darkmask.core.atomic import sha256_file
from fixtures.criteria.profiles import load_criteria
from tests.support.archive_server import Archive, client_environment
from tests.support.disturbed_runs import KERNELS, kill_when, without_times
from tests.support.project import ROOT
from tests.support.raw_darks import references
from tests.support.schedulers import by_hand

PATIENCE = 400
NO_DARK = "jw01062003001_02101_00001_nrcblong_uncal.fits"
# There are no pauses between attempts: the tests would wait for nothing else.
_CODE = (
    "import sys, darkmask.acquire.fetch.download as d; d.PAUSE_SECONDS = 0; from darkmask.cli import main; "
    "sys.exit(main())"
)
# The checks of what is delivered, which need no search.
_DELIVERED = ("--", "-k", "DLV-LISTED or DLV-EXPOSURES or DLV-PLAN")


@pytest.fixture
def archive(raw):
    """Return an archive that holds the raw darks, and one exposure of the program that is no dark."""
    with archived(raw) as held:
        yield held


@contextmanager
def archived(raw) -> Iterator[Archive]:
    held = Archive()
    for path in raw.delivery.glob("*_uncal.fits"):
        held.files[path.name] = path.read_bytes()
    with fits.open(path) as hdus:
        hdus[0].header["EXP_TYPE"] = "NRC_IMAGE"
        content = io.BytesIO()
        hdus.writeto(content)
    held.files[NO_DARK] = content.getvalue()
    yield held
    held.close()


@pytest.fixture
def command(archive, raw, prepared_criteria, tmp_path):
    return asking(archive, raw, prepared_criteria, tmp_path)


def asking(archive, raw, prepared_criteria, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Return the command and its environment; criteria are those of small frames."""
    words = [sys.executable, "-W", "error", "-c", _CODE, "run", "--program=1062", "--detectors=NRCBLONG"]
    words += [f"--criteria={prepared_criteria}", f"--references={references(raw)}", "--frame=128", "--jobs=2"]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    return words, {**kept, **client_environment(folder / "config", archive.address)}


@pytest.fixture
def run(command):
    words, environment = command

    def run(
        out: Path, *more: str, jobs: bool = True, environment: dict[str, str] = environment
    ) -> subprocess.CompletedProcess:
        return typed([*(word for word in words if jobs or word != "--jobs=2"), str(out), *more], environment)

    return run


def typed(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess:
    return subprocess.run(
        words, capture_output=True, text=True, env=environment, timeout=PATIENCE, check=False, cwd=ROOT
    )


@pytest.fixture(scope="module")
def undisturbed(raw, prepared_criteria, tmp_path_factory) -> tuple[Path, int]:
    """Return the folder of a run that nothing disturbed, from the archive to the report, and its exit code."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    with archived(raw) as archive:
        words, environment = asking(archive, raw, prepared_criteria, out.parent)
        run = typed([*words, str(out)], environment)
    assert run.returncode in (0, 1), run.stderr
    return out, run.returncode


def checks(out: Path) -> dict:
    results = json.loads((out / "reports" / "jw01062" / "results.json").read_text())
    return {(check["id"], check["subarray"]): check for check in results["checks"] if check["detector"] == "NRCBLONG"}


@pytest.mark.slow
def test_what_the_archive_lists_is_the_plan(archive, run, tmp_path):
    archive.restricted |= set(archive.files) - {NO_DARK}
    out = tmp_path / "out"
    ended = run(out)
    assert ended.returncode == 1
    # What is public, in gigabytes.
    assert "10 raw darks are listed, 0 of them public (0 GB)." in ended.stdout
    assert "None of the 10 raw darks of program 1062 came" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert NO_DARK not in {name for name, _ in archive.asked}
    plan = load_criteria(str(out / "plan.toml")).plan
    assert plan.detectors == ("NRCBLONG",)
    assert [(s.detector, s.name) for s in plan.subarrays] == [("NRCBLONG", "SUB64P")]
    full = next(planned for planned in plan.sets if planned.subarray == "FULL")
    assert (full.readpatt, full.groups, full.exposures, full.integrations) == ("RAPID", 16, 5, 10)
    assert full.first.isoformat() >= "2022-01-01"
    # What stands there is the reviewer's.
    (out / "plan.toml").write_text((out / "plan.toml").read_text() + "# seen by me\n")
    assert "plan.toml is kept as it is" in run(out).stdout
    assert (out / "plan.toml").read_text().endswith("# seen by me\n")
    (out / "plan.toml").write_bytes("# Größe\n".encode("latin-1"))
    assert "plan.toml is kept as it is" in run(out).stdout


@pytest.mark.slow
def test_a_program_that_is_half_public_says_what_is_missing_and_does_not_pass(archive, run, prepared, tmp_path):
    out = tmp_path / "out"
    # Six of ten exposures have been prepared before.
    shutil.copytree(prepared, out / "jw01062")
    hidden = "jw01062001001_02101_00002_nrcblong_uncal.fits"
    archive.restricted.add(hidden)
    for path in (out / "jw01062").rglob(hidden.replace("uncal.fits", "*")):
        path.unlink()
    ended = run(out, *_DELIVERED)
    assert ended.returncode == 1, ended.stderr
    assert f"The archive refuses {hidden} (403)" in ended.stdout
    assert f"1 of 10 raw darks are missing, and the run cannot pass without them: {hidden}." in ended.stdout
    assert "finished before" in ended.stdout
    said = checks(out)
    missing = [key for key, check in said.items() if check["id"] == "DLV-LISTED" and check["outcome"] == "fail"]
    assert len(missing) == 1
    assert said[missing[0]]["measured"] == 1
    assert "was to have 5 exposures with 10 integrations and has 4 with 8" in said[missing[0]]["message"]

    # When all is public, the same command fetches what was missing, and nothing of it fails.
    archive.restricted.clear()
    archive.asked.clear()
    again = run(out, *_DELIVERED)
    assert [name for name, _ in archive.asked] == [hidden]
    assert {check["outcome"] for check in checks(out).values() if check["id"].startswith("DLV-LISTED")} == {"pass"}
    # A selection is no verdict.
    assert again.returncode == 1


def test_what_would_judge_something_else_is_refused(capsys, tmp_path):
    assert main(["run", str(tmp_path / "out"), "--program=1062", "--", "--delivery=elsewhere"]) == 4
    assert "--delivery=elsewhere after -- would have the checks judge something else" in capsys.readouterr().err
    assert main(["run", str(tmp_path / "out"), "--program=1062", "--criteria=nowhere.toml"]) == 4
    assert "nowhere.toml does not exist" in capsys.readouterr().err
    assert main(["run", str(tmp_path / "out"), "--program=1062", "--criteria=strickt"]) == 4
    assert "--criteria=strickt is none of demo, lenient, nircam, strict" in capsys.readouterr().err
    scheduler = ["run", str(tmp_path / "out"), "--program=1062", "--scheduler=tls://nowhere.example:8786"]
    assert main([*scheduler, "--jobs=2"]) == 4
    assert "--jobs says how much of this machine is taken" in capsys.readouterr().err
    assert main([*scheduler, "--", "--memory=4"]) == 4
    assert "--memory=4 after -- says how much of this machine is taken" in capsys.readouterr().err
    assert main([*scheduler, "--", "--scheduler=local"]) == 4
    assert "--scheduler=local after -- names a second scheduler" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_results_stay_on_this_machine_and_out_of_what_is_read(capsys, tmp_path):
    assert main(["run", "https://me:secret@elsewhere/out", "--program=1062"]) == 4
    said = capsys.readouterr().err
    assert "OUT is an address, and results stay on this machine" in said
    assert "secret" not in said
    assert main(["run", str(tmp_path / "out"), "--program=1062", f"--references={tmp_path}"]) == 4
    assert "lies inside" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("trouble", ["500", "error", "no json"])
@pytest.mark.slow
def test_an_archive_in_trouble_is_said(archive, run, tmp_path, trouble):
    archive.trouble["invoke"] = [trouble]
    ended = run(tmp_path / "out")
    assert ended.returncode == 1
    assert f"The archive at {archive.address} cannot be asked" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "out").exists()


def test_a_program_without_darks_is_said(archive, run, tmp_path):
    ended = run(tmp_path / "out", "--observations=77")
    assert ended.returncode == 4
    assert "lists no NIRCam dark of program 1062 that was asked for among its 10 raw darks" in ended.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_run_that_is_killed_at_each_stage_ends_in_the_same_report(archive, command, run, undisturbed, tmp_path):
    (whole, code), killed = undisturbed, tmp_path / "killed" / "out"
    words, environment = command[0] + [str(killed)], command[1]
    assert {check["outcome"] for key, check in checks(whole).items() if key[0] == "DLV-LISTED"} == {"pass"}

    assert kill_when(words, environment, lambda: len(list((killed / "raw").glob("*_uncal.fits"))) >= 3)
    archive.asked.clear()
    assert kill_when(words, environment, lambda: len(list((killed / "jw01062" / "prepared").glob("*.json"))) >= 2)
    # What had come was not asked for again.
    assert len(archive.asked) <= 8
    assert kill_when(words, environment, lambda: (killed / "reports" / "jw01062" / "results.json").exists())
    assert json.loads((killed / "reports" / "jw01062" / "results.json").read_text())["verdict"] == "incomplete"
    archive.asked.clear()
    again = run(killed)
    assert archive.asked == []
    assert again.stdout.count("finished before") == 10
    assert again.returncode == code
    require_same(whole, killed)


def require_same(whole: Path, other: Path) -> None:
    """Assert that a run left the report, the masks and the plan of another."""
    reports = whole / "reports" / "jw01062", other / "reports" / "jw01062"
    as_text = json.dumps(without_times(reports[1])).replace(str(other), str(whole))
    assert as_text == json.dumps(without_times(reports[0]))
    # The plan lies elsewhere and says the same.
    assert (whole / "plan.toml").read_text() == (other / "plan.toml").read_text()
    masks = [{path.name: sha256_file(path) for path in (one / "masks").iterdir()} for one in reports]
    assert masks[0] == masks[1] != {}


@pytest.mark.slow
def test_workers_of_a_scheduler_end_in_the_same_report(archive, command, run, undisturbed, tmp_path):
    (whole, code), spread = undisturbed, tmp_path / "spread" / "out"
    # Its masks would be found, and nothing be left to make.
    own = {"NUMBA_CACHE_DIR": str(KERNELS), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    with by_hand(tmp_path / "workers") as started:
        started.start_scheduler()
        for _ in range(2):
            started.start_worker("--resources", "MEMORY=2e9")
        words = [*command[0], str(spread), f"--scheduler={started.file}"]
        words.remove("--jobs=2")
        ready = spread / "jw01062" / "prepared"
        assert kill_when(words, command[1] | own, lambda: len(list(ready.glob("*.json"))) >= 2)
    environment = command[1] | own | {"DARKMASK_STAGES": str(tmp_path / "stages")}
    again = run(spread, "--scheduler=local", environment=environment)
    assert again.stdout.count("finished before") >= 2
    assert "note: the workers of --scheduler=local made 6 masks and measurements." in again.stdout
    assert again.returncode == code
    require_same(whole, spread)


@pytest.mark.slow
def test_a_run_whose_workers_make_masks_is_killed_and_then_one_of_them(command, run, undisturbed, prepared, tmp_path):
    (whole, code), killed = undisturbed, tmp_path / "killed" / "out"
    shutil.copytree(prepared, killed / "jw01062")
    own = {"NUMBA_CACHE_DIR": str(KERNELS), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    with by_hand(tmp_path / "workers") as started:

        def at_work(number: int) -> bool:
            """Return whether a worker makes a mask, or an answer to a question of the checks."""
            return bool(list(started.folder.glob(f"cache{number}/darkmask/*/.part-*")))

        started.start_scheduler()
        workers = [started.start_worker("--resources", "MEMORY=2e9") for _ in range(2)]
        words = [*command[0], str(killed), f"--scheduler={started.file}"]
        words.remove("--jobs=2")
        assert kill_when(words, command[1] | own, lambda: at_work(0) or at_work(1))
        # What that run had begun may be there for the next.
        assert not list((tmp_path / "cache").glob("darkmask/masks/[!.]*"))
        with ThreadPoolExecutor(1) as client:
            asked = client.submit(run, killed, f"--scheduler={started.file}", jobs=False, environment=command[1] | own)
            end = time.monotonic() + PATIENCE
            while not asked.done() and not any(map(at_work, range(2))):
                assert time.monotonic() < end
                time.sleep(0.002)
            (first, *_) = (number for number in range(2) if at_work(number))
            os.killpg(workers[first].pid, signal.SIGKILL)
            again = asked.result()
        assert workers[1 - first].poll() is None
    assert "note: the workers of --scheduler=" in again.stdout
    assert "made 6 masks and measurements." in again.stdout
    assert again.stdout.count("finished before") == 10
    assert again.returncode == code
    require_same(whole, killed)


@pytest.mark.slow
def test_workers_that_cannot_do_it_are_told_before_anything_is_fetched(archive, run, tmp_path):
    out = tmp_path / "out"
    with by_hand(tmp_path / "workers") as started:
        started.start_scheduler()
        started.start_worker()
        for scheduler, says in (
            ("nowhere.json", "cannot be read (there is no such file)"),
            ("tls://127.0.0.1:8786", "no certificates are configured"),
            (started.file, "waits for a worker that declares so much of the resource MEMORY, and none declares any"),
        ):
            ended = run(out, f"--scheduler={scheduler}", jobs=False)
            assert ended.returncode == 4
            (said,) = ended.stderr.splitlines()
            assert says in said
            assert not out.exists()
            assert not archive.asked
