"""Darks with one thing wrong have one cause, whatever follows from it."""

import shutil

import pytest
from astropy.io import fits

from tests.checks.planting import unlinked

# What says of which detector an exposure is.
OF_A_DETECTOR = ("DETECTOR", "CHANNEL", "MODULE", "FASTAXIS", "SLOWAXIS", "FILENAME")


@pytest.mark.slow
def test_what_follows_from_the_ramps_of_another_detector_is_no_cause(run_checks, small, tmp_path):
    """The full frames of one detector are copied over those of the other, with the headers that were there."""
    delivery = small.copy(tmp_path)
    for path in sorted(delivery.glob("jw01062001*_nrcblong_*.fits")):
        header = fits.getheader(path)
        shutil.copy(path.with_name(path.name.replace("nrcblong", "nrca1")), unlinked(path))
        with fits.open(path, mode="update") as hdus:
            hdus[0].header.update({name: header[name] for name in OF_A_DETECTOR if name in header})
    beside = [f"--{name}={small.delivery}.{name}" for name in ("base", "ground")]
    run = run_checks(f"--delivery={delivery}", f"--criteria={small.criteria}", *beside, expect=1)
    causes = {key: check["cause"] for key, check in run.checks.items() if check["blocking"]}
    copied = {("DLV-DISTINCT", name, "FULL"): f"DLV-DISTINCT-{name}-FULL" for name in ("NRCA1", "NRCBLONG")}
    follow = {key: cause for key, cause in causes.items() if key not in copied}
    assert causes.items() >= copied.items()
    assert set(follow.values()) == {"DLV-DISTINCT-NRCBLONG-FULL"}
    assert {key[0] for key in follow} >= {"GND-RETAINED", "GND-KAPPA", "SUB-ADDITIONAL", "SUB-MISSING"}
    assert len(run.results["causes"]) == 2
