"""Flags, category images, and MASK files written and read: algebra by hypothesis, decoding against the pipeline."""

import gzip

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stdatamodels.jwst.datamodels import MaskModel, dqflags

from darkmask.core.categories import Category, in_category, pack_categories
from darkmask.core.errors import MaskError
from darkmask.core.flags import FLIGHT_FLAGS, MASK_MNEMONICS, bits_of, pixel_flags
from darkmask.masks import quality as maskquality
from darkmask.masks.file import MaskMeta, read_mask, write_mask
from tests.support.official_flags import OFFICIAL_FLAGS

META = MaskMeta("NRCA1", "an author", "a description", "GROUND", "2021-12-25T00:00:00", ("a line",))
SHAPE = (24, 32)

categories = st.lists(st.sets(st.sampled_from(list(Category))), min_size=4, max_size=4)
allowed_dq = st.lists(st.sets(st.sampled_from(MASK_MNEMONICS)), min_size=6, max_size=6)


def test_bits_are_those_of_the_pipeline():
    assert pixel_flags() == {name: value for name, value in dqflags.pixel.items() if name != "GOOD"}
    assert len({category.bit for category in Category}) == len(Category)


@given(categories)
def test_categories_survive_packing(chosen):
    maps = {c: np.array([[c in one for one in chosen]]) for c in Category}
    packed = pack_categories(maps)
    assert all((in_category(packed, c) == maps[c]).all() for c in Category)


@given(categories, categories, st.sampled_from([FLIGHT_FLAGS, OFFICIAL_FLAGS]))
def test_flags_of_a_union_are_the_union_of_flags(first, second, table):
    a, b = (np.array([[sum(c.bit for c in one) for one in chosen]], np.uint16) for chosen in (first, second))
    assert (table.to_dq(a | b) == (table.to_dq(a) | table.to_dq(b))).all()
    assert (table.to_dq(a | a) == table.to_dq(a)).all()


@pytest.mark.parametrize("table", [FLIGHT_FLAGS, OFFICIAL_FLAGS], ids=["flight", "official"])
@pytest.mark.parametrize("category", list(Category))
def test_only_bits_of_a_mask_come_out(table, category):
    value = table.value(category)
    assert value & ~bits_of(MASK_MNEMONICS) == 0
    assert bool(value & bits_of(("DO_NOT_USE",))) == (category in table.do_not_use)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(allowed_dq)
def test_a_written_mask_is_what_the_pipeline_reads(tmp_path, chosen):
    dq = np.zeros(SHAPE, np.uint32)
    dq[3, : len(chosen)] = [bits_of(one) for one in chosen]
    path = tmp_path / "mask.fits"
    write_mask(path, dq, META)
    mask = read_mask(path)
    with MaskModel(path, strict_validation=True) as model:
        assert (model.dq == dq).all()
    assert (mask.raw == dq).all()
    assert (mask.decoded == dq).all()
    assert maskquality.undefined_bits(mask.raw, mask.dq_def) == (0, [])
    assert maskquality.decoding_changes(mask.raw, mask.decoded) == {}


def test_equal_masks_have_equal_bytes(tmp_path):
    dq = np.zeros(SHAPE, np.uint32)
    write_mask(tmp_path / "mask.fits", dq, META)
    first = (tmp_path / "mask.fits").read_bytes()
    write_mask(tmp_path / "mask.fits", dq, META)
    assert (tmp_path / "mask.fits").read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["mask.fits"]


@pytest.mark.parametrize("dtype", ["u1", "i2", ">i2", "i4", ">i4", "u4", "i8", ">i8"])
@pytest.mark.parametrize("compressed", [False, True])
def test_masks_of_other_makers_are_read(tmp_path, dtype, compressed):
    dq = np.zeros(SHAPE, dtype)
    dq[2, 3] = 1
    path = tmp_path / "old.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(dq, name="DQ")]).writeto(path)
    if compressed:
        path = tmp_path / "old.fits.gz"
        path.write_bytes(gzip.compress((tmp_path / "old.fits").read_bytes()))
    mask = read_mask(path)
    assert mask.decoded.dtype == np.uint32
    assert np.argwhere(mask.decoded).tolist() == [[2, 3]]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(0, 255), min_size=6, max_size=6),
    st.lists(st.sampled_from([*MASK_MNEMONICS, "GHOST"]), min_size=1, max_size=8, unique=True),
)
def test_decoding_is_the_pipelines(tmp_path, stored, names):
    dq = np.zeros(SHAPE, np.uint32)
    dq[0, : len(stored)] = stored
    rows = [(i, 1 << i, name, "") for i, name in enumerate(names)]
    table = np.array(rows, dtype=[("BIT", "i4"), ("VALUE", "u4"), ("NAME", "S40"), ("DESCRIPTION", "S80")])
    path = tmp_path / "compact.fits"
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(dq, name="DQ"), fits.BinTableHDU(table, name="DQ_DEF")])
    hdus.writeto(path, overwrite=True)
    with MaskModel(path) as model:
        assert (read_mask(path).decoded == model.dq).all()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_text("no FITS"), "is not a FITS file"),
        (lambda path: fits.PrimaryHDU().writeto(path), "no DQ extension and no 2-D image"),
        (lambda path: fits.PrimaryHDU(np.zeros((4, 4), np.float32)).writeto(path), "2-D >f4 where a 2-D integer"),
    ],
    ids=["text", "empty", "float"],
)
def test_what_is_no_mask_is_refused_in_one_sentence(tmp_path, make, said):
    path = tmp_path / "none.fits"
    make(path)
    with pytest.raises(MaskError, match=said) as caught:
        read_mask(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_compact_dq_def_loses_nobody():
    raw, dq_def = np.array([[0, 1, 2, 3]], np.uint8), [(1, "DO_NOT_USE"), (2, "HOT")]
    from darkmask.masks.file import decode

    decoded = decode(raw, dq_def)
    assert decoded.tolist() == [[0, 1, 2**11, 2**11 + 1]]
    assert maskquality.decoding_changes(raw, decoded) == {"HOT": (2, 0), "SATURATED": (0, 2)}
    assert maskquality.undefined_bits(raw, dq_def) == (0, [])
    assert maskquality.undefined_bits(raw, [(1, "DO_NOT_USE"), (2, "GHOST")]) == (2, ["2 ('GHOST')"])
