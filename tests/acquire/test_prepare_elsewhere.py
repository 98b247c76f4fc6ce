"""``prepare`` of raw darks behind an address: the same triplets, and no second transfer of what is finished."""

import os
import shutil
import subprocess
import sys

import pytest

from darkmask.acquire.prepare.references import crds_parameters
from darkmask.core.atomic import sha256_file
from darkmask.core.remote import open_place
from tests.acquire.test_prepare import fill_crds_cache
from tests.support.folder_server import FolderServer
from tests.support.raw_darks import references

ROOT_NAME = "jw01062002001_02101_00001_nrcblong"


@pytest.mark.slow
def test_raw_darks_behind_an_address_give_the_same_triplets(raw, prepared, tmp_path):
    folder = tmp_path / "there" / "raw"
    folder.mkdir(parents=True)
    shutil.copy(raw.delivery / f"{ROOT_NAME}_uncal.fits", folder)
    held = FolderServer(folder.parent)
    held.trouble[f"{ROOT_NAME}_uncal.fits"] = ["503"]
    out = tmp_path / "out"
    command = [sys.executable, "-W", "error", "-m", "darkmask", "prepare", f"{held.address}/raw", out, "--frame=128"]
    command += ["--references", references(raw)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def prepare() -> str:
        ended = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, timeout=300, check=False, env=environment
        )
        assert ended.returncode == 0, ended.stderr
        assert f"--delivery={out}" in ended.stdout
        return ended.stdout

    try:
        assert "made" in prepare()
        made = sorted(out.glob("*.fits"))
        assert [path.name.rsplit("_", 1)[1] for path in made] == [
            f"{kind}.fits" for kind in ("fitopt", "jump", "rate", "rateints")
        ]
        assert all(sha256_file(path) == sha256_file(prepared / path.name) for path in made)
        # The copy may go: what is finished is known by the version of the raw file.
        for copy in (tmp_path / "cache" / "darkmask" / "remote").rglob("*_uncal.fits"):
            copy.unlink()
        held.asked.clear()
        assert "finished before" in prepare()
        assert all(
            wanted and int(wanted.split("-")[1]) - int(wanted[6:].split("-")[0]) < 40_000 for _, wanted in held.asked
        )
    finally:
        held.close()


@pytest.mark.slow
def test_raw_darks_come_once_where_crds_is_asked_and_there_is_room_for_one(raw, tmp_path):
    fill_crds_cache(tmp_path / "crds", references(raw))
    folder = tmp_path / "there" / "raw"
    folder.mkdir(parents=True)
    for path in raw.delivery.glob("jw01062002001*_0000[12]_*_uncal.fits"):
        shutil.copy(path, folder)
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "CRDS_PATH": str(tmp_path / "crds")}
    environment |= {"CRDS_SERVER_URL": "https://crds-serverless-mode.invalid", "CRDS_IGNORE_MAPPING_CHECKSUM": "true"}
    held = FolderServer(folder.parent)
    out, words = tmp_path / "out", [sys.executable, "-W", "error", "-m", "darkmask"]
    limit = [*words, "cache", "limit", f"{1.5 * max(sizes.values()) / 1e9:.6f}"]
    prepare = [*words, "prepare", f"{held.address}/raw", str(out), "--frame=128", "--jobs=1"]
    try:
        for command in (limit, prepare):
            ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
            assert ended.returncode == 0, ended.stderr
        assert len(list(out.glob("*_jump.fits"))) == len(sizes) == 2
        for name, size in sizes.items():
            ranges = [wanted[6:].split("-") for asked, wanted in held.asked if asked.endswith(name)]
            taken = sum(int(stop) - int(start) + 1 for start, stop in ranges)
            # The headers once, for the list and for CRDS, and the file once.
            assert size <= taken < size + 3 * 40_000
    finally:
        held.close()


@pytest.mark.slow
def test_crds_is_told_of_a_file_that_lies_elsewhere_what_it_matches(raw, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    held = FolderServer(raw.delivery.parent)
    try:
        there = open_place(f"{held.address}/{raw.delivery.name}")
        path = there / f"{ROOT_NAME}_uncal.fits"
        told, whole = crds_parameters(path), crds_parameters(raw.delivery / path.name)
        assert not path.exists()
    finally:
        held.close()
    assert told["meta.instrument.detector"] == "NRCBLONG"
    # What stands in the other headers says where the pixels lie on the sky, and how the file was written.
    matched = {k: v for k, v in whole.items() if k.startswith("meta.") and not k.startswith("meta.wcsinfo.")}
    assert {key: told.get(key) for key in matched} == matched
