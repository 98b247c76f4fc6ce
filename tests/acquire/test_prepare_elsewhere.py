"""``prepare`` of raw darks behind an address: the same triplets, and no second transfer of what is finished."""

import os
import shutil
import subprocess
import sys

import pytest

from darkmask.core.atomic import sha256_file
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
