"""A mask is made of files that are measured while they are hashed, and only when no mask of these bytes is there."""

import os
import shutil

import pytest
from astropy.io import fits

from darkmask.build.cached import build_cached
from darkmask.build.request import BuildRequest
from darkmask.core import digests
from darkmask.core.cache_folder import cache_root
from darkmask.core.detectors import Geometry
from darkmask.core.errors import DeliveryError
from darkmask.delivery import scan
from darkmask.search.parameters import SearchParameters


@pytest.fixture
def folder(small, tmp_path, monkeypatch):
    """Return the darks of one detector in a cache of their own that knows none of them, but its compiled kernels."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", os.environ.get("NUMBA_CACHE_DIR", str(cache_root())))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # Files that were just written count as old enough to be remembered.
    monkeypatch.setattr(digests, "_TICK_NS", -(10**12))
    monkeypatch.setattr(digests, "LONG_BYTES", 1.0)
    darks = tmp_path / "darks"
    darks.mkdir()
    for path in small.delivery.glob("*nrca1*.fits"):
        shutil.copy(path, darks)
    return darks


def made(folder):
    """Return the files of the mask, and whether it was made."""
    request = BuildRequest(scan(folder), "NRCA1", (), "native", "flight", SearchParameters(), Geometry(128))
    begun = []
    built = build_cached(request, begun=lambda: begun.append(True))
    return {path.name: path.read_bytes() for path in built.folder.iterdir() if path.is_file()}, bool(begun)


def test_hashed_before_or_meanwhile_makes_no_difference(folder):
    meanwhile, was_made = made(folder)
    assert was_made
    shutil.rmtree(cache_root() / "masks")
    before, was_made = made(folder)
    assert was_made
    assert meanwhile == before


def test_the_mask_of_copies_is_there_although_nobody_hashed_them(folder, tmp_path):
    first, _ = made(folder)
    copies = tmp_path / "copies"
    shutil.copytree(folder, copies)
    again, was_made = made(copies)
    assert not was_made
    assert again == first


def test_a_file_that_is_cut_meanwhile_is_named(folder):
    index = scan(folder)
    request = BuildRequest(index, "NRCA1", (), "native", "flight", SearchParameters(), Geometry(128))
    cut = next(path for path in folder.iterdir() if "_jump" in path.name)
    cut.write_bytes(cut.read_bytes()[:100_000])
    with pytest.raises(DeliveryError, match=cut.name):
        build_cached(request)


def test_names_of_files_that_no_header_can_hold_stand_in_history_escaped(folder):
    """A FITS header holds printable ASCII alone; a file may be called anything."""
    for path in folder.iterdir():
        path.rename(path.with_name(f"d\u00e9j\u00e0 vu\n{path.name}"))
    files, _ = made(folder)
    mask = folder.parent / "mask.fits"
    mask.write_bytes(files["jwst_nircam_mask_nrca1.fits"])
    told = "".join(map(str, fits.getheader(mask)["HISTORY"]))
    assert "d\\xe9j\\xe0 vu\\njw01062001001_02101_00001_nrca1_jump.fits" in told
