"""DS9 regions of simulated darks: one at each bad pixel, with the names and the colour of its categories."""

import re

import numpy as np
from regions import CirclePixelRegion, Regions

from darkmask.build.catalogue import regions_of
from darkmask.core.categories import Category


def test_regions_are_read_back_at_the_bad_pixels_of_the_sets_own_image(searched, tmp_path):
    _, path = searched.written(tmp_path)
    regions = Regions.read(path, format="ds9")
    assert {type(region) for region in regions} == {CirclePixelRegion}
    np.testing.assert_array_equal([(region.center.y, region.center.x) for region in regions], searched.bad)
    # Each region covers one pixel, and that pixel.
    image = np.zeros(searched.outcome.categories.shape, bool)
    for region in regions:
        assert region.radius == 0.5
        image |= region.to_mask(mode="center").to_image(image.shape).astype(bool)
    np.testing.assert_array_equal(image, searched.outcome.categories != 0)


def test_what_ds9_reads_is_counted_from_one(searched, tmp_path):
    _, path = searched.written(tmp_path)
    text = path.read_text()
    assert "\nimage\n" in text
    places = [(float(y), float(x)) for x, y in re.findall(r"^circle\(([\d.]+),([\d.]+),", text, re.MULTILINE)]
    np.testing.assert_array_equal(places, searched.bad + 1)


def test_regions_are_tagged_and_coloured_by_category(searched, tmp_path):
    _, path = searched.written(tmp_path)
    colours = {}
    for region, row in zip(Regions.read(path, format="ds9"), searched.table(), strict=True):
        assert region.meta["tag"] == row["categories"].split(",")
        colours.setdefault(row["categories"], set()).add(region.visual["edgecolor"])
    assert all(len(found) == 1 for found in colours.values())
    single = {name: found.pop() for name, found in colours.items() if "," not in name}
    assert len(single) >= 4
    # Both kinds of rc are green.
    assert len(set(single.values())) == len(single) - ({"rc", "inverse_rc"} <= set(single))


def test_the_gravest_category_gives_the_colour():
    values = [Category.WARM.bit, Category.TELEGRAPH.bit, Category.WARM.bit | Category.TELEGRAPH.bit]
    warm, telegraph, both = Regions.parse(regions_of(np.array([values], np.uint16)), format="ds9")
    assert both.visual["edgecolor"] == telegraph.visual["edgecolor"] != warm.visual["edgecolor"]


def test_every_category_has_a_colour():
    every = np.array([[category.bit for category in Category]], np.uint16)
    regions = Regions.parse(regions_of(every), format="ds9")
    assert all(re.fullmatch("#[0-9A-F]{6}", region.visual["edgecolor"]) for region in regions)
    assert [region.meta["tag"] for region in regions] == [[category.value] for category in Category]


def test_regions_that_look_alike_keep_their_properties():
    alike = Regions.parse(regions_of(np.full((2, 2), Category.HOT.bit | Category.WARM.bit, np.uint16)), format="ds9")
    assert [region.meta["tag"] for region in alike] == 4 * [["hot", "warm"]]
