"""Ramps of one detector that are delivered under the name of another are found, and both files are named."""

import shutil

import numpy as np
import pytest
from astropy.io import fits

from darkmask.delivery import scan
from darkmask.delivery.borrowed import borrowed_ramps
from tests.support.deliveries import simulated

pytestmark = pytest.mark.slow


@pytest.fixture
def renamed(tmp_path):
    """Darks of NRCA1, and copies of those of two exposures with the name and the headers of NRCA2."""
    folder = simulated(tmp_path, frame=64, exposures=3, integrations=2, fractions={})
    for path in folder.glob("*_0000[12]_nrca1_*.fits"):
        copy = shutil.copy(path, folder / path.name.replace("nrca1", "nrca2"))
        with fits.open(copy, mode="update") as hdus:
            hdus[0].header.update({"DETECTOR": "NRCA2", "FASTAXIS": 1, "SLOWAXIS": -2, "FILENAME": copy.name})
    return folder


def test_both_files_are_named_once(renamed):
    index = scan(renamed)
    assert not index.problems
    for detector, other in (("NRCA1", "NRCA2"), ("NRCA2", "NRCA1")):
        found = borrowed_ramps(index, detector, "FULL")
        assert len(found) == 2
        for number, sentence in enumerate(found, 1):
            for one in (detector, other):
                assert f"_0000{number}_{one.lower()}_jump.fits" in sentence
            assert f"which is of {other} FULL" in sentence


def test_a_part_of_a_row_and_rows_of_one_value_are_no_copy(renamed):
    random = np.random.default_rng(1)
    for path in renamed.glob("*_nrca2_jump.fits"):
        with fits.open(path, mode="update") as hdus:
            hdus["SCI"].data[:, :, :, :60] += random.normal(0, 5, hdus["SCI"].data[:, :, :, :60].shape)
    for path in renamed.glob("*_jump.fits"):
        with fits.open(path, mode="update") as hdus:
            hdus["SCI"].data[:, :, 16] = 0
    assert borrowed_ramps(scan(renamed), "NRCA2", "FULL") == []
