"""Masks of a folder are seen under each name and place that the field uses, or named with a reason."""

import gzip

import numpy as np
import pytest
from astropy.io import fits

from darkmask.core.errors import MaskError
from darkmask.masks.folder import scan_masks


def _mask(path, detector="NRCA1"):
    path.parent.mkdir(parents=True, exist_ok=True)
    primary = fits.PrimaryHDU()
    primary.header["DETECTOR"] = detector
    image = fits.ImageHDU(np.zeros((8, 8), np.uint32), name="DQ")
    plain = path.parent / "plain.part"
    fits.HDUList([primary, image]).writeto(plain)
    content = plain.read_bytes()
    plain.unlink()
    path.write_bytes(gzip.compress(content) if path.name.lower().endswith(".gz") else content)
    return path


@pytest.mark.parametrize("name", ["mask.FITS", "mask.Fits.GZ", "mask.fits"])
def test_an_ending_of_any_case_is_seen(tmp_path, name):
    path = _mask(tmp_path / name)
    assert scan_masks(tmp_path).path_of("NRCA1") == path


def test_a_linked_folder_is_seen_and_a_link_back_ends(tmp_path):
    _mask(tmp_path / "elsewhere" / "mask.fits")
    given = tmp_path / "given"
    given.mkdir()
    (given / "link").symlink_to(tmp_path / "elsewhere")
    (given / "back").symlink_to(given)
    assert scan_masks(given).path_of("NRCA1") == given / "link" / "mask.fits"


def test_an_fpacked_mask_is_named_as_not_readable(tmp_path):
    (tmp_path / "nrca1_mask.fits.fz").write_bytes(b"SIMPLE")
    with pytest.raises(MaskError, match="compressed by fpack"):
        scan_masks(tmp_path).path_of("NRCA1")


@pytest.mark.parametrize(("field", "header"), [("NRCA5", "NRCALONG"), ("NRCB5", "NRCBLONG")])
def test_the_name_of_a_long_wave_detector_is_corrected(tmp_path, field, header):
    _mask(tmp_path / "mask.fits", field)
    with pytest.raises(MaskError, match=f"long-wave detector is called {header} in headers"):
        scan_masks(tmp_path).path_of(header)


@pytest.mark.parametrize("content", [b"", b"this is no FITS file\n", b"SIMPLE  =                    T"])
def test_a_file_that_nobody_can_read_may_be_another_mask(tmp_path, content):
    _mask(tmp_path / "good.fits")
    (tmp_path / "extra.fits").write_bytes(content)
    with pytest.raises(MaskError, match=r"good.fits and what may be another mask of NRCA1: .*extra.fits"):
        scan_masks(tmp_path).path_of("NRCA1")


def test_a_mask_without_a_detector_may_be_another_one(tmp_path):
    _mask(tmp_path / "good.fits")
    _mask(tmp_path / "other.fits", "")
    with pytest.raises(MaskError, match=r"other.fits is of no NIRCam detector \(DETECTOR 'missing'\)"):
        scan_masks(tmp_path).path_of("NRCA1")


def test_what_is_surely_of_another_detector_stands_in_no_way(tmp_path):
    path = _mask(tmp_path / "good.fits")
    (tmp_path / "nrca2.fits").write_bytes(b"")
    fits.setval(_mask(tmp_path / "other.fits", "NIS"), "INSTRUME", value="NIRISS")
    assert scan_masks(tmp_path).path_of("NRCA1") == path
    with pytest.raises(MaskError, match=r"nrca2.fits"):
        scan_masks(tmp_path).path_of("NRCA2")
    with pytest.raises(MaskError, match=r"other.fits is of no NIRCam detector"):
        scan_masks(tmp_path).path_of("NRCA3")
