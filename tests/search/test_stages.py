"""What the stages of a search take."""

import shutil
import time

from astropy.io import fits

from darkmask.cli import main
from darkmask.core.stages import STAGES, read_stages


def test_a_search_names_its_stages(tiny_delivery, tmp_path, monkeypatch):
    asked = tmp_path / "stages"
    monkeypatch.setenv(STAGES, str(asked))
    darks = shutil.copytree(tiny_delivery.delivery, tmp_path / "darks")
    with fits.open(next(darks.glob("*nrca1*_jump.fits")), mode="update") as hdus:
        hdus["SCI"].data[0, 0, 50, 50] = time.time() % 1000  # which no earlier search has seen
    command = ["search", str(darks), str(tmp_path / "out"), "--frame", "96", "--detectors", "NRCA1"]
    assert main(command) == 0
    first = read_stages(asked)
    assert {"scan", "blake3", "measure ramps", "judge maps", "mask file"} <= set(first)
    assert main(command) == 0
    again = read_stages(asked)
    assert again["scan"] > first["scan"], "every search looks at its delivery"
    assert again["measure ramps"] == first["measure ramps"], "nothing is measured twice"
