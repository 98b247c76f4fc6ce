"""The superbias of raw darks, by the published package."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from darkmask.core.errors import SearchError
from darkmask.delivery import scan
from darkmask.search.reffiles.superbias import measure_superbias, raw_set
from tests.support.deliveries import linked


@pytest.fixture(scope="session")
def records(raw):
    return raw_set(scan(raw.delivery).raw, "NRCBLONG", "FULL")


@pytest.fixture(scope="session")
def measured(raw, records):
    paths = [raw.delivery / record.path for record in records]
    return measure_superbias(paths, detector="NRCBLONG", subarray="FULL")


@pytest.mark.slow
def test_it_is_what_the_package_writes(raw, records, measured, tmp_path):
    """Only UNRELIABLE_BIAS differs, which the package's file loses: DO_NOT_USE stands for it there."""
    code = """
import sys
from jwst_reffiles.superbias.superbias import make_superbias
make_superbias(sys.argv[1:], outfile="superbias.fits")
"""
    paths = [str(raw.delivery / record.path) for record in records]
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *paths], cwd=tmp_path, check=True, capture_output=True, timeout=120
    )
    with fits.open(tmp_path / "superbias.fits") as hdus:
        assert np.array_equal(hdus["SCI"].data, measured.mean.astype(np.float32))
        assert np.array_equal(hdus["ERR"].data, measured.scatter.astype(np.float32))
        assert np.array_equal(hdus["DQ"].data & 1 != 0, measured.unreliable)
        assert set(np.unique(hdus["DQ"].data)) == {0, 1}


def test_bias_and_scatter_are_those_simulated(measured):
    assert np.median(measured.mean) == pytest.approx(10_000, abs=2)
    # The scatter is reset noise of 23.4 DN and a read; the standard deviation of five is lower by a tenth and a bit.
    assert np.median(measured.scatter[8:-8, 8:-8]) == pytest.approx(0.86 * 24, rel=0.08)
    assert measured.scatter[measured.unreliable].min() > measured.scatter[~measured.unreliable].max()
    assert 0 < measured.unreliable.mean() < 0.005


def test_too_few_exposures_are_said(raw, records):
    paths = [raw.delivery / record.path for record in records[:4]]
    with pytest.raises(SearchError, match="needs at least 5 _uncal files and the delivery has 4 of NRCBLONG FULL"):
        measure_superbias(paths, detector="NRCBLONG", subarray="FULL")


def test_a_set_is_not_mixed(raw):
    index = scan(raw.delivery)
    assert {record.subarray for record in raw_set(index.raw, "NRCBLONG", "SUB64P")} == {"SUB64P"}
    assert raw_set(index.raw, "NRCA1", "FULL") == ()


def test_an_exposure_in_segments_counts_once(raw, records):
    """Its segments are no exposures: five of one would pass for the five that the scatter needs."""
    raws = scan(raw.delivery).raw
    further = [replace(record, path=f"{record.path}-seg002", segment=2, segments=2) for record in raws]
    assert raw_set((*raws, *further), "NRCBLONG", "FULL") == records


@pytest.mark.slow
def test_a_delivery_with_its_raw_exposures_is_asked(raw, prepared, prepared_criteria, tmp_path, run_checks):
    """Raw files beside their triplets are no strays."""
    folder = linked((*raw.delivery.glob("*.fits"), *prepared.glob("*.fits")), tmp_path / "both")
    ended = run_checks(f"--delivery={folder}", f"--criteria={prepared_criteria}", expect=0)
    check = ended.checks["SBI-UNRELIABLE", "NRCBLONG", "FULL"]
    assert check["outcome"] == "pass", check
    assert "more between 10 resets than chance allows" in check["message"]
    assert ended.checks["SBI-SCATTER", "NRCBLONG", "FULL"]["outcome"] == "pass"
    check = ended.checks["SBI-IN_FORCE", "NRCBLONG", "FULL"]
    assert (check["outcome"], check["message"][:9]) == ("not_evaluated", "not asked")
    assert any(name.endswith("_uncal.fits") for name in ended.manifest["inputs"])

    ended = run_checks(f"--delivery={prepared}", f"--criteria={prepared_criteria}", expect=0)
    check = ended.checks["SBI-UNRELIABLE", "NRCBLONG", "FULL"]
    assert check["outcome"] == "not_evaluated"
    assert check["message"] == "not asked: the delivery holds no _uncal files"
