"""What ``--ground`` may be besides a folder of masks: darks of a ground test, and what CRDS has in force."""

import json

import numpy as np
import pytest
from astropy.io import fits

from darkmask.api import search_delivery
from darkmask.core.atomic import sha256_file
from tests.crds_server import CONTEXT, CrdsServer
from tests.handmade_masks import CRITERIA, good_mask


@pytest.fixture
def crds(tmp_path):
    """A server that has a mask of NRCA1 from 2022-06-01 on, and another one from 2021."""
    folder = tmp_path / "server"
    new = good_mask(folder, "NRCA1").rename(folder / "jwst_nircam_mask_0102.fits")
    old = good_mask(folder, "NRCA1").rename(folder / "jwst_nircam_mask_0101.fits")
    with fits.open(old, mode="update") as hdus:
        hdus["DQ"].data = np.roll(hdus["DQ"].data, 1, axis=1)
    server = CrdsServer(folder, {("NRCA1", "2021-01-01 00:00:00"): old, ("NRCA1", "2022-06-01 00:00:00"): new})
    yield server
    server.close()


@pytest.fixture
def judge(tmp_path, run_checks):
    """Judge a mask of NRCA1 and one of NRCB1 against what CRDS has."""
    folder, criteria = tmp_path / "masks", tmp_path / "handmade.toml"
    good_mask(folder, "NRCA1"), good_mask(folder, "NRCB1")
    criteria.write_text(CRITERIA)

    def run(ground, **environment):
        options = (f"--masks={folder}", f"--criteria={criteria}", "--detectors=NRCA1,NRCB1", f"--ground={ground}")
        environment = {"CRDS_PATH": str(tmp_path / "crds"), **environment}
        return run_checks(*options, "-k", "GND or CERTIFY", environment=environment)

    return run


@pytest.mark.slow
def test_crds_is_asked_for_the_mask_in_force_at_a_date(judge, crds, tmp_path):
    run = judge("crds:2023-01-01", CRDS_SERVER_URL=crds.url)
    found = run.checks["GND-REGISTRATION", "NRCA1", "FULL"]
    # A regular grid is much like itself turned round; what counts is which mask was served.
    assert "fits the flight mask as it is: 42 of 42" in found["message"]
    assert "against jwst_nircam_mask_0102.fits" in found["message"]
    cached = tmp_path / "crds" / "references" / "jwst" / "nircam" / "jwst_nircam_mask_0102.fits"
    assert json.loads((run.folder / "manifest.json").read_text())["ground"] == {cached.name: sha256_file(cached)}
    # The other detector has none, and masks are certified by the same context.
    assert "gives no mask of NRCB1 in force on 2023-01-01" in run.checks["GND-NEW", "NRCB1", "FULL"]["message"]
    certified = run.checks["REF-CERTIFY", "NRCA1", "FULL"]
    assert (certified["outcome"], f"by {CONTEXT} says" in certified["message"]) == ("pass", True)

    # An earlier date has an earlier mask.
    run = judge("crds:2022-05-31", CRDS_SERVER_URL=crds.url)
    found = run.checks["GND-REGISTRATION", "NRCA1", "FULL"]
    assert "shifted by -1 in x and +0 in y" in found["message"]
    assert "against jwst_nircam_mask_0101.fits" in found["message"]

    # Without the server, the cache is asked; what was not fetched cannot be had.
    crds.close()
    run = judge("crds:2023-01-01", CRDS_SERVER_URL=crds.url)
    assert "as it is: 42 of 42" in run.checks["GND-REGISTRATION", "NRCA1", "FULL"]["message"]
    assert crds.asked.count("jwst_nircam_mask_0102.fits") == 1


@pytest.mark.slow
def test_without_a_network_it_is_said_in_one_sentence(judge):
    for environment, why in (
        ({"CRDS_SERVER_URL": "http://127.0.0.1:9"}, "connect to the network, or give a folder of masks"),
        ({"CRDS_SERVER_URL": ""}, "which is not configured: set CRDS_SERVER_URL and CRDS_PATH"),
    ):
        run = judge("crds:2023-01-01", **environment)
        found = run.checks["GND-NEW", "NRCA1", "FULL"]
        assert found["outcome"] == "not_evaluated"
        assert why in found["message"]
        assert "\n" not in found["message"]
        assert ("GND-NEW", "NRCA1", "FULL") in run.failed()


def test_crds_needs_a_date(judge):
    run = judge("crds")
    assert run.status == 4
    assert "--ground=crds needs a date where there are no darks" in run.output


@pytest.mark.slow
def test_darks_of_a_ground_test_are_searched_by_the_same_engine(small, run_checks, tmp_path):
    """The same darks as flight: nothing is gone, nothing is new."""
    options = (f"--criteria={small.criteria}", f"--ground={small.delivery}", "-k", "GND")
    run = run_checks(f"--delivery={small.delivery}", f"--base={small.base}", *options)
    assert run.failed() - {key for key in run.checks if not key[0].startswith("GND")} == set()
    retained = run.checks["GND-RETAINED", "NRCA1", "FULL"]
    assert (retained["outcome"], retained["measured"]) == ("pass", 1)
    assert "against the darks in small" in retained["message"]
    sums = json.loads((run.folder / "manifest.json").read_text())["ground"]
    name = next(small.delivery.glob("*nrca1_jump.fits")).name
    assert sums[name] == sha256_file(small.delivery / name)
    # Judging masks of somebody else, the ground's darks are the only ones.
    list(search_delivery(small.delivery, tmp_path / "masks", frame=128))
    run = run_checks(f"--masks={tmp_path / 'masks'}", *options)
    assert run.checks["GND-KAPPA", "NRCBLONG", "FULL"]["measured"] == 1


@pytest.mark.slow
def test_a_detector_that_the_ground_test_has_not_is_said(small, run_checks, tmp_path):
    copy = small.copy(tmp_path, "ground")
    for path in copy.glob("*_nrca1_*"):
        path.unlink()
    options = (f"--criteria={small.criteria}", f"--ground={copy}", "-k", "GND")
    run = run_checks(f"--delivery={small.delivery}", *options)
    said = run.checks["GND-NEW", "NRCA1", "FULL"]["message"]
    assert f"{copy} holds no whole full-frame exposure of NRCA1" in said
    assert run.checks["GND-NEW", "NRCBLONG", "FULL"]["outcome"] == "pass"
