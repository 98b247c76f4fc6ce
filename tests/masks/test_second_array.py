"""A mask in which the pipeline could read another array than the one that is judged is refused."""

import re

import numpy as np
import pytest
from astropy.io import fits

from darkmask.core.errors import MaskError
from darkmask.masks.file import full_dq_def, read_mask
from darkmask.masks.quality import changed_pixels
from tests.support.project import REAL_MASKS as REAL


@pytest.mark.parametrize(
    ("primary", "versions", "said"),
    [
        (True, (1,), "array in the primary HDU"),
        (False, (1, 2), r"more than one DQ extension \(EXTVER 1, 2\)"),
        (False, (2, 1), r"more than one DQ extension \(EXTVER 2, 1\)"),
        (False, (2,), "EXTVER 2 alone"),
    ],
)
def test_a_second_array_is_refused(tmp_path, primary, versions, said):
    dq = np.zeros((8, 8), np.int32)
    hdus = [fits.PrimaryHDU(dq if primary else None), *(fits.ImageHDU(dq + 1, name="DQ", ver=v) for v in versions)]
    fits.HDUList(hdus).writeto(tmp_path / "mask.fits")
    with pytest.raises(MaskError, match=said):
        read_mask(tmp_path / "mask.fits")


@pytest.mark.parametrize("versions", [(1, 2), (2, 1), (2,)])
def test_the_pipeline_takes_the_first_dq_of_the_file_whatever_its_version(tmp_path, versions):
    """Hold what the refusals say of ``MaskModel`` against it."""
    from stdatamodels.jwst.datamodels import MaskModel

    hdus = [fits.ImageHDU(np.full((8, 8), 2**v, np.int32), name="DQ", ver=v) for v in versions]
    tables = [fits.BinTableHDU(full_dq_def()[skipped:], name="DQ_DEF", ver=skipped + 1) for skipped in (0, 3)]
    fits.HDUList([fits.PrimaryHDU(), *hdus, *tables]).writeto(tmp_path / "mask.fits")
    with MaskModel(tmp_path / "mask.fits") as model:
        assert set(model.dq.flat) == {2 ** versions[0]}
        assert len(model.dq_def) == len(full_dq_def())


def test_two_images_without_the_name_dq_are_refused(tmp_path):
    dq = np.ones((8, 8), np.int32)
    fits.HDUList([fits.PrimaryHDU(dq), fits.ImageHDU(dq, name="SCI")]).writeto(tmp_path / "mask.fits")
    with pytest.raises(MaskError, match=r"2 images \(PRIMARY and SCI\) and none is called DQ"):
        read_mask(tmp_path / "mask.fits")


def test_a_second_dq_def_is_refused(tmp_path):
    dq = fits.ImageHDU(np.ones((8, 8), np.int32), name="DQ")
    tables = [fits.BinTableHDU(full_dq_def(), name="DQ_DEF", ver=v) for v in (1, 2)]
    fits.HDUList([fits.PrimaryHDU(), dq, *tables]).writeto(tmp_path / "mask.fits")
    with pytest.raises(MaskError, match="2 tables DQ_DEF"):
        read_mask(tmp_path / "mask.fits")


def in_small_letters(path, name: str, which: int = 0) -> None:
    """Write the name of an extension in small letters, which astropy would write in capitals."""
    content, card = path.read_bytes(), f"EXTNAME = '{name:8}'".encode()
    place = [match.start() for match in re.finditer(re.escape(card), content)][which]
    path.write_bytes(content[:place] + card.lower().replace(b"extname", b"EXTNAME") + content[place + len(card) :])


def test_a_name_in_small_letters_is_that_name(tmp_path):
    """The pipeline reads it, and takes it for the first one where another follows in capitals."""
    dq = [fits.ImageHDU(np.full((8, 8), value, np.int32), name="DQ") for value in (1, 2)]
    for hdus, path in ((dq[:1], tmp_path / "one.fits"), (dq, tmp_path / "two.fits")):
        tables = [fits.BinTableHDU(full_dq_def(), name="DQ_DEF") for _ in hdus]
        fits.HDUList([fits.PrimaryHDU(), *hdus, *tables]).writeto(path)
        for name in ("DQ", "DQ_DEF"):
            in_small_letters(path, name)
    mask = read_mask(tmp_path / "one.fits")
    assert mask.has_dq_extension
    assert set(mask.decoded.flat) == {1}
    with pytest.raises(MaskError, match="more than one DQ extension"):
        read_mask(tmp_path / "two.fits")


def test_a_second_dq_def_in_small_letters_is_refused(tmp_path):
    dq = fits.ImageHDU(np.ones((8, 8), np.int32), name="DQ")
    tables = [fits.BinTableHDU(full_dq_def(), name="DQ_DEF") for _ in range(2)]
    fits.HDUList([fits.PrimaryHDU(), dq, *tables]).writeto(tmp_path / "mask.fits")
    in_small_letters(tmp_path / "mask.fits", "DQ_DEF")
    with pytest.raises(MaskError, match="2 tables DQ_DEF"):
        read_mask(tmp_path / "mask.fits")


def test_a_primary_called_dq_is_refused(tmp_path):
    primary = fits.PrimaryHDU(np.ones((8, 8), np.int32))
    primary.header["EXTNAME"] = "DQ"
    primary.writeto(tmp_path / "mask.fits")
    with pytest.raises(MaskError, match="calls its primary HDU DQ"):
        read_mask(tmp_path / "mask.fits")


@pytest.mark.parametrize(("card", "value"), [("BSCALE", 2.0), ("BZERO", 7), ("BLANK", -1)])
def test_a_scaled_dq_is_refused_by_its_card(tmp_path, card, value):
    image = fits.ImageHDU(np.ones((8, 8), np.int16), name="DQ")
    image.header[card] = value
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(tmp_path / "mask.fits")
    with pytest.raises(MaskError, match=f"has {card} {value} on its DQ array"):
        read_mask(tmp_path / "mask.fits")


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64])
def test_every_plain_integer_type_is_read(tmp_path, dtype):
    image = fits.ImageHDU(np.full((8, 8), 65, dtype), name="DQ")
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(tmp_path / "mask.fits")
    assert set(read_mask(tmp_path / "mask.fits").raw.flat) == {65}


def test_a_table_as_dq_is_refused_by_its_type(tmp_path):
    table = fits.BinTableHDU(full_dq_def(), name="DQ")
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "mask.fits")
    with pytest.raises(MaskError, match=r"a table \(XTENSION BINTABLE\) as DQ"):
        read_mask(tmp_path / "mask.fits")


@pytest.mark.skipif(not REAL.is_dir(), reason="no real masks here")
def test_real_masks_which_hold_one_array_in_the_primary_are_read():
    paths = sorted(REAL.glob("*.fits.gz"))
    assert paths
    for path in paths:
        mask = read_mask(path)
        assert mask.raw.shape == (2048, 2048)
        assert mask.raw.any()
        assert not changed_pixels(mask.raw, mask.decoded, mask.dq_def).any()
