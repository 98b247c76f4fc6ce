"""Files that are not what they seem: links, pipes, packed zeros, headers that promise more than a disk holds."""

import gzip
import os
import tracemalloc

import numpy as np
import pytest
from astropy.io import fits

from darkmask.core.errors import MaskError
from darkmask.delivery import scan
from darkmask.masks.file import read_mask
from darkmask.masks.folder import scan_masks
from tests.checks.planting import one, unlinked

JUMP = "jw01062001001_02101_00009_nrca1_jump.fits"


def sentences(folder) -> list[str]:
    return [problem.sentence for problem in scan(folder).problems]


def test_a_link_to_a_file_is_that_file(small, tmp_path):
    """People link darks together from several folders."""
    folder = tmp_path / "linked"
    folder.mkdir()
    for path in small.delivery.iterdir():
        (folder / path.name).symlink_to(path)
    assert sentences(folder) == []
    assert len(scan(folder).exposures) == len(scan(small.delivery).exposures)


@pytest.mark.parametrize("target", ["nowhere.fits", JUMP, "../.."])
def test_a_link_that_leads_nowhere_is_said(small, tmp_path, target):
    folder = small.copy(tmp_path)
    (folder / JUMP).symlink_to(target)
    found = sentences(folder)
    assert len(found) == 1
    assert JUMP in found[0]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_what_is_no_file_is_not_opened(small, tmp_path, make):
    folder = small.copy(tmp_path)
    make(folder / JUMP)
    found = sentences(folder)
    assert len(found) <= 1  # a folder is looked into
    assert all("no regular file" in sentence for sentence in found)
    assert len(scan(folder).exposures) == len(scan(small.delivery).exposures)


def test_a_pipe_is_no_mask(tmp_path):
    os.mkfifo(tmp_path / "nrca1.fits")
    with pytest.raises(MaskError, match="no regular file"):
        read_mask(tmp_path / "nrca1.fits")
    with pytest.raises(MaskError, match="no regular file"):
        scan_masks(tmp_path).read("NRCA1")


def packed(path, megabytes: int) -> None:
    """Write so many zeros behind an honest header, packed a thousand to one."""
    header = fits.PrimaryHDU(np.zeros((2, 2), np.uint8)).header
    header["NAXIS1"], header["NAXIS2"] = 1_000_000, megabytes
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header.tostring().encode())
        for _ in range(megabytes):
            file.write(bytes(1_000_000))


def test_a_packed_bomb_is_refused_in_little_memory(tmp_path):
    folder = tmp_path / "darks"
    folder.mkdir()
    # A packed file is known by its name, and by what it holds whatever its name.
    packed(folder / JUMP, 400)
    for name in (f"{JUMP}.gz", "nrca1_mask.fits", "nrca1_mask.fits.gz"):
        os.link(folder / JUMP, folder / name)
    tracemalloc.start()
    try:
        found = " ".join(sentences(folder))
        assert f"{JUMP}.gz is compressed" in found
        assert f"{JUMP} is not a FITS file" in found
        for name in ("nrca1_mask.fits", "nrca1_mask.fits.gz"):
            with pytest.raises(MaskError, match="holds more than 128 MB"):
                read_mask(folder / name)
        assert tracemalloc.get_traced_memory()[1] < 300e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("number", [10**12, -1, 2**63])
def test_a_header_that_promises_too_much_is_refused(small, tmp_path, number):
    folder = small.copy(tmp_path)
    path = unlinked(one(folder, "*_00001_nrca1_jump.fits"))
    content = path.read_bytes()
    card = next(content[at : at + 80] for at in range(0, len(content), 80) if content[at : at + 6] == b"NAXIS1")
    path.write_bytes(content.replace(card, f"NAXIS1  = {number:>20}".ljust(80).encode()))
    found = sentences(folder)
    assert any(path.name in sentence for sentence in found)
    assert all("\n" not in sentence for sentence in found)


def test_what_is_packed_honestly_is_read(small, tmp_path):
    (source,) = small.base.glob("*nrca1*.fits")
    target = tmp_path / "nrca1.fits.gz"
    target.write_bytes(gzip.compress(source.read_bytes()))
    assert (read_mask(target).decoded == read_mask(source).decoded).all()
    target.write_bytes(target.read_bytes()[:-20])
    with pytest.raises(MaskError, match="cannot be read"):
        read_mask(target)


@pytest.mark.parametrize(
    "name",
    ["../../outside", *(pytest.param(name, marks=pytest.mark.slow) for name in ("/tmp/outside", "..", "x/../../y"))],
)
def test_names_in_headers_lead_nowhere(run_checks, small, tmp_path, name):
    """A subarray's name stands in file names; a name that the plan does not have makes none."""
    folder = small.copy(tmp_path)
    for kind in ("jump", "fitopt", "rateints", "rate"):
        path = unlinked(one(folder, f"jw01062001*_00001_nrcblong_{kind}.fits"))
        fits.setval(path, "SUBARRAY", value=name)
        fits.setval(path, "OBSERVTN", value=name)
    before = {path for path in tmp_path.rglob("*") if "reports" not in path.parts}
    run = run_checks(
        f"--delivery={folder}", f"--criteria={small.criteria}", "--detectors=NRCBLONG", "-k", "DLV", expect=1
    )
    assert run.checks["DLV-PLAN", "NRCBLONG", "FULL"]["outcome"] == "fail"
    assert {path for path in tmp_path.rglob("*") if "reports" not in path.parts} == before
    assert {path.name for path in run.reports.iterdir() if not path.name.startswith(".")} == {"copy"}
