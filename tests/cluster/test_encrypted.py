"""What docs/cluster.md says of certificates and batch systems is done here, as far as there is none."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.project import ROOT
from tests.support.schedulers import by_hand

pytestmark = pytest.mark.slow

FOLDER = ROOT / "docs" / "cluster"


def certified(folder: Path) -> dict[str, str]:
    """Make a certificate with the command of the page, and return the environment that has Dask's settings."""
    folder.mkdir()
    (command,) = re.findall(r"^openssl .*$", (ROOT / "docs" / "cluster.md").read_text(), re.MULTILINE)
    subprocess.run(shlex.split(command), cwd=folder, check=True, capture_output=True)
    settings = (FOLDER / "tls.yaml").read_text()
    assert settings.count("/home/you/.darkmask-tls/") == 7
    (folder / "darkmask.yaml").write_text(settings.replace("/home/you/.darkmask-tls/", f"{folder}/"))
    return {"DASK_CONFIG": str(folder)}


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    return certified(tmp_path_factory.mktemp("certificate") / "tls")


def copied(environment: dict[str, str], folder: Path) -> dict[str, str]:
    """Return an environment with a copy of a certificate, to damage."""
    before = environment["DASK_CONFIG"]
    shutil.copytree(before, folder)
    settings = folder / "darkmask.yaml"
    settings.write_text(settings.read_text().replace(f"{before}/", f"{folder}/"))
    return {"DASK_CONFIG": str(folder)}


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory, environment):
    folder = tmp_path_factory.mktemp("encrypted")
    with by_hand(folder / "workers") as started:
        started.start_scheduler("--host", "127.0.0.1", "--protocol", "tls", environment=environment)
        started.start_worker(environment=environment)
        yield started, environment


def search(small, out: Path, scheduler: str, environment: dict[str, str]) -> subprocess.CompletedProcess:
    command = [sys.executable, "-W", "error", "-m", "darkmask", "search", small.delivery, out, "--frame=128"]
    return subprocess.run(
        [*map(str, command), "--detectors=NRCA1", f"--scheduler={scheduler}"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_a_search_over_tls(small, tmp_path, encrypted):
    started, environment = encrypted
    assert '"tls://127.0.0.1:' in started.file.read_text()
    ended = search(small, tmp_path / "out", str(started.file), environment | {"XDG_CACHE_HOME": str(tmp_path)})
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "out" / "jwst_nircam_mask_nrca1.fits").is_file()


def test_somebody_elses_certificate_is_refused(small, tmp_path, encrypted):
    started, _ = encrypted
    ended = search(small, tmp_path / "out", str(started.file), certified(tmp_path / "other"))
    assert ended.returncode == 4
    (said,) = ended.stderr.splitlines()
    assert "and this process do not take each other's certificates (TLS certificate does not match" in said
    assert not (tmp_path / "out").exists()


def test_settings_that_ask_for_encryption_and_an_address_without_it(small, tmp_path, environment):
    ended = search(small, tmp_path / "out", "tcp://127.0.0.1:8786", environment)
    assert ended.returncode == 4
    (said,) = ended.stderr.splitlines()
    assert "without encryption, which Dask's settings distributed.comm.require-encryption ask for" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [None, "no key"])
def test_certificates_that_cannot_be_read_are_said(small, tmp_path, environment, content):
    environment = copied(environment, tmp_path / "tls")
    (tmp_path / "tls" / "key.pem").unlink()
    if content:
        (tmp_path / "tls" / "key.pem").write_text(content)
    ended = search(small, tmp_path / "out", "tls://127.0.0.1:8786", environment)
    assert ended.returncode == 4
    (said,) = ended.stderr.splitlines()
    assert "the certificates that Dask's settings distributed.comm.tls name cannot be read" in said
    assert not (tmp_path / "out").exists()


def test_settings_that_are_none_are_said(small, tmp_path):
    (tmp_path / "dask.yaml").write_text("no mapping")
    ended = search(small, tmp_path / "out", "tls://127.0.0.1:8786", {"DASK_CONFIG": str(tmp_path / "dask.yaml")})
    assert ended.returncode == 4
    (said,) = ended.stderr.splitlines()
    assert "Dask's settings cannot be read (A dask config file at" in said
    assert not (tmp_path / "out").exists()


def loaded(name: str):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def settings(tmp_path, environment, monkeypatch):
    dask = pytest.importorskip("dask")
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setenv("DASK_CONFIG", environment["DASK_CONFIG"])
    own = yaml.safe_load((Path(environment["DASK_CONFIG"]) / "darkmask.yaml").read_text())
    with dask.config.set(distributed=dask.config.merge(dask.config.config, own)["distributed"]):
        yield


@pytest.mark.parametrize(
    ("name", "asks"), [("htcondor_workers", "RequestMemory"), ("slurm_workers", "#SBATCH --mem=8G")]
)
def test_a_batch_system_gets_workers_that_are_taken(settings, monkeypatch, name, asks):
    module = loaded(name)
    monkeypatch.setattr(module, "WORKERS", 0)
    monkeypatch.setattr(module, "HOST", "127.0.0.1")
    with module.start() as cluster:
        script = cluster.job_script()
        assert cluster.scheduler_address.startswith("tls://")
    assert asks in script
    assert "--nthreads 1" in script
    assert "--resources MEMORY=8e9" in script
    assert re.search(r"distributed.cli.dask_worker tls://\S+", script)


@pytest.mark.parametrize(("name", "command"), [("htcondor_workers", "condor_submit"), ("slurm_workers", "sbatch")])
def test_without_a_batch_system_it_ends_at_once(settings, monkeypatch, tmp_path, name, command):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=f"{command} is not found: run this where jobs are submitted"):
        loaded(name).main(tmp_path / "scheduler.json")
    assert not list(tmp_path.glob("scheduler.json"))


@pytest.mark.slow
# Of dask_jobqueue, which does not wait for the shells that it starts in place of a batch system.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ["htcondor_workers", "slurm_workers"])
def test_its_jobs_search_when_a_shell_runs_them(settings, small, tmp_path, monkeypatch, name):
    from dask_jobqueue.local import LocalCluster

    module = loaded(name)
    monkeypatch.setattr(module, "WORKERS", 1)

    def kind(**options):
        return LocalCluster(**{k: v for k, v in options.items() if k not in ("disk", "walltime")})

    monkeypatch.setattr(module, "HOST", "127.0.0.1")
    with module.start(kind) as cluster:
        ended = search(small, tmp_path / "out", cluster.scheduler_address, {"XDG_CACHE_HOME": str(tmp_path)})
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "out" / "jwst_nircam_mask_nrca1.fits").is_file()


def test_the_manifest_has_commands_that_dask_takes():
    from distributed.cli import dask_scheduler, dask_worker

    spec = yaml.safe_load((FOLDER / "kubernetes.yaml").read_text())["spec"]
    commands = {"worker": dask_worker.main, "scheduler": dask_scheduler.main}
    for role, command in commands.items():
        (container,) = spec[role]["spec"]["containers"]
        assert container["args"][:2] == ["dask", role]
        told = command.make_context(role, container["args"][2:]).params
        assert {"name": "DASK_CONFIG", "value": "/dask"} in container["env"]
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in spec[role]["spec"]["volumes"]} == {"shared", "tls", "dask"}
        if role == "worker":
            assert (told["nthreads"], told["resources"]) == (1, "MEMORY=8e9")
            assert told["scheduler"].startswith("tls://")
        else:
            assert (told["protocol"], told["port"]) == ("tls", "8786")
