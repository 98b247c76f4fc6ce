"""What a search found: counts, images, table, picture, and the mask, which is that of the command."""

import dataclasses
import shutil

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from darkmask import Category, bad_pixels, read_mask
from darkmask.cli import main
from darkmask.core.categories import in_category
from darkmask.core.errors import ParameterError, StorageError
from darkmask.core.flags import bits_of
from darkmask.masks.carrying import read_carried


@pytest.fixture(scope="module")
def commanded(small, tmp_path_factory):
    """Return what the command line writes for the same delivery."""
    out = tmp_path_factory.mktemp("commanded") / "out"
    assert main(["search", str(small.delivery), str(out), "--frame", "128", "--base", str(small.base)]) == 0
    return out


def test_counts_are_of_categories_and_found_in_any_capitals(found):
    assert list(found.counts) == [category.value for category in Category]
    for category in Category:
        number = int(in_category(found.categories, category).sum())
        assert found.counts[category] == found.counts[category.name] == found.counts[category.value] == number
    # What the last cells of the NRC-09 notebook ask of a mask, which cannot hold them.
    assert found.counts["NOISY"] > 0
    assert found.counts["LOW_PEDESTAL"] > 0
    assert found.counts.get("Inverse_RC") == found.counts["inverse_rc"]
    assert "TELEGRAPH" in found.counts
    assert "DEAD" not in found.counts
    assert found.counts.get("DEAD") is None


def test_flags_are_of_the_mask(found):
    dq = read_mask(found.products.built().mask_path).decoded
    np.testing.assert_array_equal(found.dq, dq)
    assert found.flags["hot"] == found.counts["hot"] + found.counts["saturated"]
    assert found.flags["DO_NOT_USE"] == int(((dq & 1) != 0).sum())
    assert found.flags["DEAD"] == 0
    assert "NOISY" not in found.flags


def test_a_name_that_is_none_is_answered_with_the_nearest(found, with_subarray):
    with pytest.raises(ParameterError) as raised:
        _ = found.counts["NOSIY"]
    assert str(raised.value) == "There is no category 'NOSIY': the nearest is 'noisy'."
    assert isinstance(raised.value, KeyError)
    with pytest.raises(ParameterError, match="there is no subarray at all"):
        _ = found.subarrays["SUB64P"]
    with pytest.raises(KeyError, match="the nearest is 'SUB64P'"):
        _ = with_subarray.subarrays["SUB64"]


def test_images_have_the_types_they_promise_and_are_locked(found):
    for image, dtype in ((found.categories, "uint16"), (found.dq, "uint32"), (found.rate, "float32")):
        assert image.shape == (128, 128)
        assert image.dtype == dtype
        with pytest.raises(ValueError, match="read-only"):
            image[0, 0] = 1


def test_a_result_is_frozen(found):
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.subarray = "SUB64P"


def test_rates_are_electrons(found):
    hot = in_category(found.categories, Category.HOT)
    assert (found.rate[hot] >= found.thresholds["hot_rate_e_per_s"]).all()
    assert found.thresholds["hot_rate_e_per_s"] == 0.275


def test_the_table_has_units_and_one_row_for_each_bad_pixel(found):
    table = found.table()
    assert isinstance(table, QTable)
    assert len(table) == np.count_nonzero(found.categories)
    assert table["rate_electrons"].unit == u.electron / u.s
    assert table["pedestal"].unit == u.DN
    np.testing.assert_array_equal(table["rate_electrons"].value, found.rate[table["y"], table["x"]])


def test_it_is_drawn_into_axes_that_are_given_or_new(found):
    given = Figure().add_subplot()
    assert found.plot(given) is given
    assert given.get_title() == "NRCA1 FULL"
    assert len(given.collections) == len(Category)
    drawn = {len(points.get_offsets()) for points in given.collections}
    assert drawn == set(found.counts.values())

    from matplotlib import pyplot

    pyplot.switch_backend("Agg")
    new = found.plot()
    assert isinstance(new, Axes)
    assert f"hot: {found.counts['hot']}" in [text.get_text() for text in new.get_legend().get_texts()]
    pyplot.close(new.figure)


def test_the_mask_is_that_of_the_command_byte_for_byte(small, commanded, tmp_path):
    for detector in ("NRCA1", "NRCBLONG"):
        name = f"jwst_nircam_mask_{detector.lower()}.fits"
        written = bad_pixels(small.delivery, detector=detector, base=small.base).write_mask(tmp_path / name)
        assert written.read_bytes() == (commanded / name).read_bytes()


def test_under_another_name_the_mask_says_so_and_is_the_same(found, tmp_path):
    path = found.write_mask(str(tmp_path / "new" / "mine.fits"))
    made = found.products.built().mask_path
    with fits.open(path) as ours, fits.open(made) as theirs:
        assert ours[0].header["FILENAME"] == "mine.fits"
        different = fits.FITSDiff(ours, theirs)
    assert list(different.diff_hdus[0][1].diff_headers.diff_keyword_values) == ["FILENAME"]
    assert len(different.diff_hdus) == 1
    assert sorted(p.name for p in path.parent.iterdir()) == ["mine.fits", "mine_carried.fits"]
    assert read_carried(read_mask(path)) is not None


def test_a_mask_that_cannot_be_written_is_one_sentence_and_leaves_nothing(found, tmp_path):
    for name in (tmp_path / "mask.txt", tmp_path / "mask", 7):
        with pytest.raises(ParameterError, match=r"give the name of a \.fits file"):
            found.write_mask(name)
    (tmp_path / "file").touch()
    for folder in ("/proc/darkmask", tmp_path / "file"):
        with pytest.raises(StorageError, match="cannot be written"):
            found.write_mask(f"{folder}/mask.fits")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_subarrays_are_sets_of_their_own(with_subarray):
    assert list(with_subarray.subarrays) == ["SUB64P"]
    part = with_subarray.subarrays["sub64p"]
    assert (part.detector, part.subarray, part.categories.shape) == ("NRCBLONG", "SUB64P", (64, 64))
    assert sum(part.counts.values()) > 10
    assert part.difference["both"] > 10
    assert part.difference["additional_sigma"] < 5
    saturated = in_category(part.categories, Category.SATURATED)
    assert set(part.dq[saturated]) == {bits_of(("HOT", "DO_NOT_USE"))}
    assert set(part.table()["x"]) <= set(range(32, 96))
    assert not hasattr(part, "write_mask")


def test_a_result_outlives_its_place_in_the_cache(small, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = bad_pixels(small.delivery, detector="NRCA1")
    counts = dict(found.counts)
    shutil.rmtree(tmp_path / "cache")
    assert len(found.table()) == np.count_nonzero(found.categories)
    assert found.write_mask(tmp_path / "mask.fits").is_file()
    assert dict(found.counts) == counts


def test_the_darks_say_more_than_bad_pixels(found):
    assert found.measured["integrations"] == 10
    assert found.noise.shape == (128, 128)
