"""``pytest checks/ --scheduler``: workers fill the cache, and the report is the one of a run that did without."""

import json
import os
import shutil
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from darkmask.build.cached import build_cached, hash_inputs, remembered_inputs
from darkmask.build.request import BuildRequest
from darkmask.cluster import masks
from darkmask.cluster import wanted as wants
from darkmask.cluster.address import where
from darkmask.cluster.ahead import look_for, make_ahead
from darkmask.cluster.connection import connected
from darkmask.cluster.opening import LocalWorkers
from darkmask.cluster.told import identities, take, told
from darkmask.cluster.wanted import Wanted, local_workers
from darkmask.core import digests
from darkmask.core.cache_content import read_content
from darkmask.core.cache_folder import cache_root
from darkmask.core.detectors import Geometry
from darkmask.core.digests import SHA256, known_digest
from darkmask.core.stages import STAGES
from darkmask.delivery import scan
from darkmask.search.parameters import SearchParameters
from darkmask.validation.answers import Question, answer_to
from tests.cluster.test_search import wait_for
from tests.support.disturbed_runs import KERNELS, without_times

# All that a run asks of a mask.
ASKED = (Question.HALVES, Question.RESIDUALS, Question.INJECTION, Question.AGREEMENT, Question.FILES)


def entries(cache) -> dict[str, list[str]]:
    families = ("masks", *ASKED)
    return {name: sorted(p.name for p in (cache / "darkmask" / name).glob("*") if p.is_dir()) for name in families}


@pytest.mark.slow
def test_the_report_is_that_of_a_run_without(undisturbed, run_checks, tmp_path, two_workers):
    cache = tmp_path / "cache"
    own = {"XDG_CACHE_HOME": str(cache), "NUMBA_CACHE_DIR": str(KERNELS)}
    stages = tmp_path / "stages"
    ended = run_checks(
        *undisturbed.options,
        f"--scheduler={two_workers.file}",
        expect=0,
        environment={**own, "DARKMASK_STAGES": str(stages)},
        pictures=True,
    )
    assert (
        f"note: the workers of --scheduler={two_workers.file} made {1 + len(ASKED)} masks and measurements."
        in ended.output
    )
    assert without_times(ended.folder) == undisturbed.results
    for kind in ("masks", "catalogues"):
        names = sorted(path.name for path in (undisturbed.folder / kind).iterdir())
        assert sorted(path.name for path in (ended.folder / kind).iterdir()) == names
        for name in names:
            assert (ended.folder / kind / name).read_bytes() == (undisturbed.folder / kind / name).read_bytes()
    assert entries(cache) == entries(undisturbed.cache)
    # Whoever asked made none of it, and of files that were searched it read none whole.
    done = [json.loads(line)["stage"].rpartition(": ")[2] for line in stages.read_text().splitlines()]
    assert not (made := sorted(set(done) & {"mask file", "halves", "residuals", "blake3"})), made
    searched = json.loads(next((cache / "darkmask" / "masks").glob("*/summary.json")).read_text())["inputs"]
    assert done.count("sha256") == len(json.loads((ended.folder / "manifest.json").read_text())["inputs"]) - len(
        searched
    )


@pytest.mark.slow
def test_what_is_selected_asks_for_masks_alone(small, run_checks, tmp_path, two_workers):
    own = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "NUMBA_CACHE_DIR": str(KERNELS)}
    options = (f"--delivery={small.delivery}", f"--criteria={small.criteria}", f"--scheduler={two_workers.file}")
    ended = run_checks(*options, "-k", "CNT-HOT", environment=own)
    assert "made 2 masks and measurements." in ended.output
    assert {key[1] for key, check in ended.checks.items() if check["outcome"] == "pass"} == {"NRCA1", "NRCBLONG"}
    again = run_checks(*options, "-k", "CNT-HOT", environment=own)
    assert "made 0 masks and measurements." in again.output


@pytest.mark.parametrize(
    ("scheduler", "says"),
    [
        ("tcp://10.0.0.1:8786", "over a network without encryption"),
        ("nowhere.json", "--scheduler=nowhere.json cannot be read (there is no such file)"),
        ("tls://127.0.0.1:8786", "no certificates are configured"),
    ],
)
def test_a_scheduler_that_cannot_be_used_ends_the_run(small, run_checks, tmp_path, scheduler, says):
    options = (f"--delivery={small.delivery}", f"--criteria={small.criteria}", "--detectors=NRCA1")
    ended = run_checks(*options, f"--scheduler={scheduler}", expect=4)
    (line,) = (line for line in ended.output.splitlines() if line.startswith("ERROR"))
    assert says in line
    assert "Traceback" not in ended.output
    assert not ended.reports.exists()


@pytest.mark.slow
def test_a_detector_that_is_missing_is_told_by_its_checks(small, run_checks, tmp_path, two_workers):
    """What cannot be made ahead is left to the check that asks for it."""
    own = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "NUMBA_CACHE_DIR": str(KERNELS)}
    criteria = small.criteria_with(tmp_path / "more.toml", '[plan]\ndetectors = ["NRCA1", "NRCB1"]\nsubarrays = []\n')
    options = (f"--delivery={small.delivery}", f"--criteria={criteria}", f"--scheduler={two_workers.file}")
    ended = run_checks(*options, "-k", "CNT-HOT", expect=1, environment=own)
    assert "made 1 masks and measurements." in ended.output
    assert ended.checks["CNT-HOT", "NRCA1", "FULL"]["outcome"] == "pass"
    assert "holds no whole full-frame exposure of NRCB1" in ended.checks["CNT-HOT", "NRCB1", "FULL"]["message"]


def request_of(delivery: Path) -> BuildRequest:
    return BuildRequest(scan(delivery), "NRCA1", (), "native", "flight", SearchParameters(), Geometry(128))


def contents() -> dict[str, dict[str, dict[str, bytes]]]:
    """Return what lies in the cache of masks and of answers, by family and key."""
    return {
        family: {path.name: read_content(path) for path in (cache_root() / family).iterdir() if path.is_dir()}
        for family in ("masks", *ASKED)
    }


@pytest.fixture(scope="module")
def made_here(small, tmp_path_factory) -> dict:
    """Return the content of the cache after one process has made all that checks ask of a detector."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NUMBA_CACHE_DIR", os.environ.get("NUMBA_CACHE_DIR", str(cache_root())))
        patched.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("here")))
        request = request_of(small.delivery)
        built = build_cached(request, keep=True)
        for question in ASKED:
            answer_to(question, request, built)
        return contents()


@pytest.mark.parametrize(
    ("worth", "questions", "budget", "number"),
    [(0, ASKED, None, 5), (0, (), None, 1), (0, ASKED[:2], None, 2), (10**12, ASKED, None, 1), (0, ASKED, 0.6e9, 2)],
)
def test_as_many_workers_of_this_machine_as_have_something_to_do(small, monkeypatch, worth, questions, budget, number):
    monkeypatch.setattr(wants, "WORTH_A_PROCESS", worth)
    monkeypatch.setattr(wants, "usable_cores", lambda: 16)
    assert local_workers([Wanted(request_of(small.delivery), True, questions)], budget).number == number


def stages_of(path: Path) -> Counter[str]:
    lines = path.read_text().splitlines() if path.exists() else []
    return Counter(json.loads(line)["stage"].rpartition(": ")[2] for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True])
def test_workers_share_the_mask_of_a_detector_and_what_is_asked_of_it(
    small, made_here, tmp_path, own_cache, empty, monkeypatch, killed
):
    own_cache("there")
    monkeypatch.setattr(masks, "WORTH_A_PROCESS", 0)
    monkeypatch.setenv(STAGES, str(tmp_path / "own"))
    stages = [tmp_path / "stages0", tmp_path / "stages1"]
    workers = [empty.start_worker(environment={STAGES: str(path)}) for path in stages]
    request = request_of(small.delivery)
    with connected(where(str(empty.file)), LocalWorkers(1, 1e9)) as cluster, ThreadPoolExecutor(1) as thread:
        cluster.client.wait_for_workers(2, timeout=60)
        wanted = [Wanted(request, True, ASKED)]
        look_for(cluster, wanted)
        asked = thread.submit(make_ahead, cluster, wanted)
        if killed:
            names = {"residuals", "halves", "release", "injection"}
            wait_for(lambda: asked.done() or any(names & set(stages_of(path)) for path in stages))
            (first, *_) = (i for i in range(2) if names & set(stages_of(stages[i])))
            assert not asked.done()
            # The one that has more to do.
            os.killpg(workers[1 - first].pid, signal.SIGKILL)
        assert asked.result() == 1 + len(ASKED)
    assert contents() == made_here
    # Neither bytes nor ramps were read here, and what workers read is known.
    assert not {"blake3", "sha256", "measure ramps"} & set(stages_of(tmp_path / "own"))
    assert remembered_inputs(request) is not None
    assert all(known_digest(path, SHA256) for path in request.input_files().values())
    if not killed:
        done = [set(stages_of(path)) for path in stages]
        assert all(one & {"residuals", "injection", "halves", "release"} for one in done), done
        # Each hashes its share of the files, and takes the digests of the rest; by itself Dask would let one do it.
        assert all("blake3" in one for one in done), done
        hashed = [stages_of(path)["blake3"] for path in stages]
        assert sum(hashed) == len(request.input_files()), hashed
        # Nobody answers what another does.
        assert sum(stages_of(path)["residuals"] for path in stages) == 1


def test_digests_are_taken_of_the_same_files_alone(small, tmp_path, own_cache, monkeypatch):
    """A copy has size and date of another file, and may have other bytes all the same."""
    # A file as young as the clock's tick is told to nobody.
    monkeypatch.setattr(digests, "_TICK_NS", -(10**12))
    copies = tmp_path / "copies"
    shutil.copytree(small.delivery, copies)
    here = request_of(copies)
    own_cache("worker")
    before = identities(here)
    known = told(here, hash_inputs(here), before)
    assert set(known) == set(here.input_files())
    own_cache("here")
    take(here, known)
    assert remembered_inputs(here) == {name: digest for name, (digest, _) in known.items()}
    own_cache("there")
    for path in here.input_files().values():
        found, other = path.stat(), path.with_suffix(".other")
        shutil.copyfile(path, other)
        os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
        other.replace(path)
    take(here, known)
    assert remembered_inputs(here) is None
